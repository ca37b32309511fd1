// The feed of a model's answers: server-sent events over fetch, from where the reader was after
// each break. It reads for as fast as it is read, and holds one part of the stream at most.
import { Deadline } from "./deadline.ts"
import { InferenceError, localError } from "./error.ts"
import { readOutputs } from "./infer-body.ts"
import {
  isObject,
  type JsonObject,
  objectOf,
  optionalText,
  parseJson,
  plainOf,
} from "./json-text.ts"
import { isRetried, type RetryLimits, retryWait } from "./retry.ts"
import { EventParser, type ServerEvent } from "./server-events.ts"
import type { Tensor } from "./tensor.ts"
import type { Transport } from "./transport.ts"

interface Fact {
  readonly position: number
  /** The server's id of the request. */
  readonly id: string
  readonly model: string
  readonly version: string | undefined
  /** The id that the caller gave. */
  readonly clientId: string | undefined
}
export type FeedEvent =
  | (Fact & { readonly kind: "prediction"; readonly outputs: ReadonlyArray<Tensor> })
  | (Fact & {
      readonly kind: "failure"
      readonly failure: { readonly reason: string; readonly message: string }
    })
  /** Positions that no log holds any more. */
  | { readonly kind: "gap"; readonly from: number; readonly to: number }
  /** What a later server may tell. */
  | { readonly kind: "other"; readonly name: string; readonly data: string }

export interface FeedOptions {
  /** The first position; without it and `lastEventId` the feed begins now. */
  readonly from?: number
  /** Where a reader was before; goes before `from`. */
  readonly lastEventId?: string
  readonly version?: string
  readonly outcome?: "predicted" | "failed"
  readonly signal?: AbortSignal
  /** Told when an event has been taken: keep it to go on later, in another process too. */
  readonly onPosition?: (lastEventId: string) => void
  /** A stream that is silent for longer is taken for broken. */
  readonly silenceMaxMillis?: number
  /** Largest event. */
  readonly eventCharactersMax?: number
  /** Of connections in a row that brought nothing. */
  readonly retry?: Partial<RetryLimits>
}

/** More patient than a call: nobody waits for a feed. */
export const FEED_RETRY_LIMITS: RetryLimits = {
  triesMax: 30,
  waitFirstMillis: 500,
  waitMaxMillis: 10_000,
  retryAfterMaxMillis: 60_000,
}

/** Three signs of life of the server. */
const SILENCE_MAX_MILLIS = 45_000
const EVENT_CHARACTERS_MAX = 16 * 1024 * 1024

const position = (value: unknown, what: string): number => {
  if (typeof value === "number") return value
  throw localError("badAnswer", `${what}: expected a position, got ${typeof value}`)
}

const factOf = (body: JsonObject): Fact => ({
  position: position(plainOf(body["position"]), "position"),
  id: optionalText(body["id"], "id") ?? "",
  model: optionalText(body["model"], "model") ?? "",
  version: optionalText(body["version"], "version"),
  clientId: optionalText(body["client_id"], "client_id"),
})

const eventOf = ({ name, data }: ServerEvent): FeedEvent => {
  if (name !== "prediction" && name !== "failure" && name !== "gap")
    return { kind: "other", name, data }
  const body = objectOf(parseJson(data), name)
  if (name === "prediction")
    return { kind: name, ...factOf(body), outputs: readOutputs(body["outputs"]) }
  if (name === "gap") {
    const { from, to } = objectOf(plainOf(body), name)
    return { kind: name, from: position(from, "from"), to: position(to, "to") }
  }
  const failure = isObject(body["failure"]) ? body["failure"] : {}
  const reason = optionalText(failure["reason"], "failure.reason") ?? ""
  const message = optionalText(failure["message"], "failure.message") ?? ""
  return { kind: name, ...factOf(body), failure: { reason, message } }
}

const addressOf = (model: string, { from, version, outcome }: FeedOptions): string => {
  const query = new URLSearchParams()
  if (from !== undefined) query.set("from", `${from}`)
  if (version !== undefined) query.set("version", version)
  if (outcome !== undefined) query.set("outcome", outcome)
  const text = query.toString()
  return `/v2/models/${encodeURIComponent(model)}/feed${text === "" ? "" : `?${text}`}`
}

/** One reader: what it knows across the connections that it makes. */
class Reader {
  readonly #transport: Transport
  readonly #path: string
  readonly #options: FeedOptions
  #lastId: string
  #retryMillis = 0
  /** Of tries in a row that brought nothing. */
  #failures = 0

  constructor(transport: Transport, path: string, options: FeedOptions) {
    this.#transport = transport
    this.#path = path
    this.#options = options
    this.#lastId = options.lastEventId ?? ""
  }

  async *read(): AsyncGenerator<ServerEvent, undefined> {
    for (;;) {
      try {
        yield* this.#connection()
        await this.#comeBack(localError("network", "the feed has ended"))
      } catch (cause) {
        if (!(cause instanceof InferenceError)) throw cause
        if (this.#options.signal?.aborted === true) throw cause
        await this.#comeBack(cause)
      }
    }
  }

  async *#connection(): AsyncGenerator<ServerEvent, undefined> {
    const { eventCharactersMax: charactersMax = EVENT_CHARACTERS_MAX } = this.#options
    const parser = new EventParser({ charactersMax })
    const { signal } = this.#options
    const gone = new Deadline(Number.POSITIVE_INFINITY, signal)
    const headers = { accept: "text/event-stream", ...this.#resume() }
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
    try {
      const opening = this.#transport.open("GET", this.#path, headers, gone.signal)
      const response = await this.#alive(opening, gone)
      reader = response.body?.getReader()
      while (reader !== undefined) {
        const { value, done } = await this.#alive(reader.read(), gone)
        if (done) return undefined
        const events = parser.push(value)
        this.#retryMillis = parser.retryMillis ?? this.#retryMillis
        this.#failures = 0
        for (const event of events) {
          yield event
          // Only now has it been taken.
          this.#passed(event.id)
        }
        this.#passed(parser.lastId)
      }
      return undefined
    } finally {
      gone.stop()
      // Whoever stops reading, or meets a silent stream, leaves the connection.
      await reader?.cancel().catch(() => undefined)
    }
  }

  #passed(id: string): void {
    if (id === "" || id === this.#lastId) return
    this.#lastId = id
    this.#options.onPosition?.(id)
  }

  #resume(): Record<string, string> {
    return this.#lastId === "" ? {} : { "last-event-id": this.#lastId }
  }

  /** The same, unless the stream is silent for too long. */
  async #alive<A>(next: Promise<A>, gone: Deadline): Promise<A> {
    const { silenceMaxMillis = SILENCE_MAX_MILLIS } = this.#options
    const silence = new Deadline(silenceMaxMillis, gone.signal, () =>
      localError("network", `no sign of life for ${silenceMaxMillis} ms`),
    )
    try {
      return await silence.race(next)
    } catch (cause) {
      throw gone.errorOf(silence.errorOf(cause))
    } finally {
      silence.end()
    }
  }

  /** Waits before the next connection, or throws when there is to be none. */
  async #comeBack(error: InferenceError): Promise<void> {
    if (!isRetried(error)) throw error
    this.#failures++
    const { random } = this.#transport
    const limits = { ...FEED_RETRY_LIMITS, ...this.#options.retry }
    const wait = retryWait(limits, error, this.#failures, random)
    if (wait === undefined) throw error
    const deadline = new Deadline(Number.POSITIVE_INFINITY, this.#options.signal)
    try {
      await deadline.pause(wait + Math.min(this.#retryMillis, limits.retryAfterMaxMillis))
    } finally {
      deadline.end()
    }
  }
}

/**
 * Each fact of a model once, in the order of the log, over as many connections as it takes. Ends
 * only by an error: the signal's, a refusal, or as many breaks in a row as tries are allowed.
 */
export async function* readFeed(
  transport: Transport,
  model: string,
  options: FeedOptions,
): AsyncGenerator<FeedEvent, undefined> {
  const reader = new Reader(transport, addressOf(model, options), options)
  for await (const event of reader.read()) yield eventOf(event)
  return undefined
}
