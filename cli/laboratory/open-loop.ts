// Load that does not wait for answers: so many requests a second, whatever becomes of them, as the
// sum of many callers is. It runs in a process of its own, because the number of requests that Bun
// has under way at once is fixed when a process starts (256 unless the environment says more).
import { inProject } from "../project.ts"

export interface OpenLoopOptions {
  readonly url: string
  readonly body: string
  readonly ratePerSecond: number
  readonly seconds: number
  /** Headers of the requests, taken in turn. */
  readonly headers: ReadonlyArray<Readonly<Record<string, string>>>
  /** Requests under way at once; what would be more is not sent, and counted. */
  readonly underWayMax: number
}

/** One request, in milliseconds since 1970. */
export interface Sample {
  readonly begunAt: number
  readonly endedAt: number
  /** 0 when the connection broke. */
  readonly status: number
  /** The stable word of a refusal, or the code of a broken connection. */
  readonly code: string
  readonly retryAfterSeconds: number | undefined
}

export interface OpenLoopResult {
  readonly samples: ReadonlyArray<Sample>
  readonly notSent: number
}

/** Runs the load and resolves when everything that was begun has ended. */
export const runOpenLoop = async (options: OpenLoopOptions): Promise<OpenLoopResult> => {
  const child = Bun.spawn(
    [process.execPath, inProject("cli", "laboratory", "open-loop-process.ts")],
    {
      stdin: new TextEncoder().encode(JSON.stringify(options)),
      stderr: "inherit",
      env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: String(options.underWayMax) },
    },
  )
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error("the load generator failed")
  // Boundary: written by open-loop-process.ts of the same checkout.
  return JSON.parse(text) as OpenLoopResult
}
