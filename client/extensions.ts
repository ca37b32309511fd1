// Which extensions a server lists: asked for once, for all calls that wait for it, and again only
// where it could not say.
import { Deadline } from "./deadline.ts"
import { InferenceError } from "./error.ts"
import { parseJson } from "./json-text.ts"
import { serverMetadata } from "./server-facts.ts"
import type { Transport } from "./transport.ts"

const NOT_FOUND = 404
const ASK_MAX_MILLIS = 10_000
const utf8 = new TextDecoder()

export class Extensions {
  readonly #transport: Transport
  #known: ReadonlySet<string> | undefined
  #asking: Promise<ReadonlySet<string> | undefined> | undefined

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /**
   * Undefined where the server cannot be asked: the request that follows says what is wrong.
   * Rejects only for the caller's signal and time.
   */
  async of(timeoutMillis: number, signal?: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    if (this.#known !== undefined) return this.#known
    const deadline = new Deadline(timeoutMillis, signal)
    try {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined
      })
      return await deadline.race(this.#asking)
    } finally {
      deadline.end()
    }
  }

  /** Never rejects. */
  async #ask(): Promise<ReadonlySet<string> | undefined> {
    try {
      const answer = await this.#transport.send({
        method: "GET",
        path: "/v2",
        timeoutMillis: ASK_MAX_MILLIS,
        triesMax: 1,
      })
      const { extensions } = serverMetadata(parseJson(utf8.decode(answer.bytes)))
      this.#known = new Set(extensions)
    } catch (error) {
      if (error instanceof InferenceError && error.status === NOT_FOUND) this.#known = new Set()
    }
    return this.#known
  }
}
