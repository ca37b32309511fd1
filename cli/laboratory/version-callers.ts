// Callers of a model that changes its versions under them: some name one, some do not. Of each
// request it is kept which version was meant, which answered, and what the answer was.
import { VERSION } from "#proto/headers"
import { SCALE } from "./scale-model.ts"

const ANSWER_WAIT_MILLIS = 60_000

export interface Asked {
  /** The version that was named. */
  readonly pinned: number | undefined
  /** A status, or the code of a broken connection. */
  readonly what: string
  /** The version that answered, by its header and by what it made of the input. */
  readonly version: number
  readonly factor: number
  readonly error: string
  /** Of a monotonic clock. */
  readonly begun: number
  readonly ended: number
}

/** Boundary: what a gateway answers to an inference, or an error. */
const factorIn = (body: unknown, x: number): number => {
  const text = JSON.stringify(body)
  const data = /"data":\[(-?[\d.]+)\]/.exec(text)?.[1]
  return data === undefined ? Number.NaN : Number(data) / x
}

export interface VersionCallersOptions {
  readonly urls: ReadonlyArray<string>
  readonly callers: number
  /** Of two callers, one always names a version: this one. */
  readonly pick: (at: number) => number
}

export class VersionCallers {
  readonly asked: Array<Asked> = []
  #over = false
  #next = 0
  readonly #options: VersionCallersOptions

  constructor(options: VersionCallersOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    const call = async (caller: number) => {
      while (!this.#over) this.asked.push(await this.#ask(this.#next++, caller % 2 === 0))
    }
    await Promise.all(Array.from({ length: this.#options.callers }, (_, at) => call(at)))
  }

  end(): void {
    this.#over = true
  }

  async #ask(at: number, names: boolean): Promise<Asked> {
    const { urls, pick } = this.#options
    const pinned = names ? pick(at) : undefined
    const x = 1 + (at % 100)
    const input = { name: "x", datatype: "FP32", shape: [1, 1], data: [x] }
    const path = pinned === undefined ? "" : `/versions/${pinned}`
    const url = `${urls[at % urls.length] ?? ""}/v2/models/${SCALE}${path}/infer`
    const begun = performance.now()
    const none = { pinned, version: Number.NaN, factor: Number.NaN, begun }
    try {
      const response = await fetch(url, {
        method: "POST",
        body: JSON.stringify({ inputs: [input] }),
        signal: AbortSignal.timeout(ANSWER_WAIT_MILLIS),
      })
      const body: unknown = await response.json()
      const ended = performance.now()
      const what = `${response.status}`
      if (!response.ok) return { ...none, what, error: JSON.stringify(body), ended }
      const version = Number(response.headers.get(VERSION))
      return { pinned, what, version, factor: factorIn(body, x), error: "", begun, ended }
    } catch (cause) {
      const what = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
      return { ...none, what, error: what, ended: performance.now() }
    }
  }
}
