// The process behind open-loop.ts: options as JSON on its input, result as JSON on its output.
import type { OpenLoopOptions, OpenLoopResult, Sample } from "./open-loop.ts"

const TICK_MILLIS = 5
/** Above the longest wait of a request whose caller names none. */
const ANSWER_WAIT_MILLIS = 60_000

const errorCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)

const ask = async (
  { url, body }: OpenLoopOptions,
  headers: Readonly<Record<string, string>>,
): Promise<Sample> => {
  const begunAt = Date.now()
  try {
    const signal = AbortSignal.timeout(ANSWER_WAIT_MILLIS)
    const response = await fetch(url, { method: "POST", body, headers: { ...headers }, signal })
    const { status } = response
    const code = /"code":"(\w+)"/.exec(await response.text())?.[1] ?? ""
    const retryAfter = response.headers.get("Retry-After")
    const retryAfterSeconds = retryAfter === null ? undefined : Number(retryAfter)
    return { begunAt, endedAt: Date.now(), status, code, retryAfterSeconds }
  } catch (cause) {
    const code = errorCode(cause)
    return { begunAt, endedAt: Date.now(), status: 0, code, retryAfterSeconds: undefined }
  }
}

const run = async (options: OpenLoopOptions): Promise<OpenLoopResult> => {
  const { ratePerSecond, seconds, underWayMax } = options
  const samples: Array<Sample> = []
  const asked: Array<Promise<void>> = []
  let underWay = 0
  let notSent = 0
  const send = (at: number) => {
    if (underWay >= underWayMax) {
      notSent++
      return
    }
    underWay++
    const headers = options.headers[at % options.headers.length] ?? {}
    const end = (sample: Sample) => {
      underWay--
      samples.push(sample)
    }
    asked.push(ask(options, headers).then(end))
  }
  const began = performance.now()
  const total = Math.round(ratePerSecond * seconds)
  for (let at = 0; at < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - began) * ratePerSecond) / 1_000))
    while (at < due) send(at++)
    if (at < total) await Bun.sleep(TICK_MILLIS)
  }
  await Promise.all(asked)
  return { samples, notSent }
}

// Boundary: written by open-loop.ts of the same checkout.
const options = (await Bun.stdin.json()) as OpenLoopOptions
process.stdout.write(JSON.stringify(await run(options)))
