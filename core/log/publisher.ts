// Publishing with acknowledgement over the core connection: one inbox for all acks, one timer for
// all deadlines. It says what became of each publish, and never tries again by itself; append.ts
// does.
import { createInbox, type Msg, type NatsConnection } from "nats"
import type { LinkState } from "./connection.ts"
import { headerBlock, type HeaderList } from "./header-list.ts"
import type { Outbox } from "./outbox.ts"

/** Publishes in flight; more are refused at once, since each holds its bytes. */
const IN_FLIGHT_MAX = 8_192
/** An ack that is not there by then will not come: the server was killed or changed its leader. */
const ACK_WAIT_MILLIS = 2_000
const SWEEP_INTERVAL_MILLIS = 50

/** What became of one publish. */
export type Published =
  | { readonly kind: "stored"; readonly sequence: number; readonly duplicate: boolean }
  /**
   * 10071: the expectation failed; with an expectation of 0, the subject already holds a message.
   */
  | { readonly kind: "exists" }
  /** 10164, in clusters: another publish to the subject is under way. Publish again. */
  | { readonly kind: "undecided" }
  /** 10077: the subject already holds as many messages as it may. */
  | { readonly kind: "queued" }
  /** 10077: the stream holds as many messages or bytes as it may. */
  | { readonly kind: "full"; readonly limit: "messages" | "bytes" }
  /** 10023: the server's store is full, for every stream. */
  | { readonly kind: "storeFull" }
  /** 10054, or over the server's `max_payload`. */
  | { readonly kind: "tooLarge" }
  /**
   * No stream, no leader, no connection, or silence. Publish again; whether it was stored is not
   * known.
   */
  | { readonly kind: "unavailable"; readonly reason: string }
  /** Anything else that the server said. */
  | { readonly kind: "refused"; readonly code: number; readonly description: string }

interface Waiting {
  readonly resolve: (published: Published) => void
  readonly deadline: number
}

const noHeaders: HeaderList = []
const utf8 = new TextDecoder()

interface PubAck {
  readonly seq?: number
  readonly duplicate?: boolean
  readonly error?: { readonly err_code?: number; readonly description?: string }
}

const refusal = (error: NonNullable<PubAck["error"]>): Published => {
  const code = error.err_code ?? 0
  const description = error.description ?? ""
  if (code === 10071) return { kind: "exists" }
  if (code === 10164) return { kind: "undecided" }
  if (code === 10077) {
    if (description.includes("per subject")) return { kind: "queued" }
    return { kind: "full", limit: description.includes("bytes") ? "bytes" : "messages" }
  }
  if (code === 10023) return { kind: "storeFull" }
  if (code === 10054) return { kind: "tooLarge" }
  return { kind: "refused", code, description }
}

/**
 * Reads the answer to a publish: an ack, a refusal, or a bare status when nobody listens on the
 * subject.
 */
export const readPublished = (
  message: Pick<Msg, "data"> & Partial<Pick<Msg, "headers">>,
): Published => {
  const status = message.headers?.code ?? 0
  if (status !== 0)
    return { kind: "unavailable", reason: status === 503 ? "no responders" : `${status}` }
  let ack: PubAck | null
  try {
    ack = JSON.parse(utf8.decode(message.data))
  } catch {
    return { kind: "unavailable", reason: "unreadable acknowledgement" }
  }
  if (ack?.error) return refusal(ack.error)
  if (typeof ack?.seq !== "number") return { kind: "unavailable", reason: "no sequence in the ack" }
  return { kind: "stored", sequence: ack.seq, duplicate: ack.duplicate === true }
}

export class Publisher {
  readonly #connection: NatsConnection
  readonly #link: LinkState
  readonly #outbox: Outbox
  readonly #inbox = createInbox()
  readonly #waiting = new Map<string, Waiting>()
  readonly #unfollow: () => void
  /**
   * Tokens whose ack has come, the last used first: the server keeps what it found out about a
   * subject, and a new subject for each ack costs it a tenth of its time. A token whose ack did not
   * come in time is never used again, for the ack still may.
   */
  readonly #free: Array<string> = []
  #next = 0
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(connection: NatsConnection, link: LinkState, outbox: Outbox) {
    this.#connection = connection
    this.#link = link
    this.#outbox = outbox
    // What was in flight gets no ack on the next connection: whoever waits can try again at once.
    this.#unfollow = link.onChange((up) => {
      if (!up) this.#giveUp("disconnected")
    })
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) return
        const token = message.subject.slice(this.#inbox.length + 1)
        const waiting = this.#waiting.get(token)
        if (waiting === undefined) return
        this.#waiting.delete(token)
        this.#free.push(token)
        waiting.resolve(readPublished(message))
      },
    })
  }

  get inFlight(): number {
    return this.#waiting.size
  }

  /** Largest message, headers included, that the server takes. */
  get maxPayloadBytes(): number {
    return this.#connection.info?.max_payload ?? 0
  }

  /**
   * Publishes to a subject of a stream. `payload` must never change afterwards: the client keeps a
   * reference to it. Never rejects.
   */
  publish(subject: string, payload: Uint8Array, list: HeaderList = noHeaders): Promise<Published> {
    // Published while disconnected it would lie in the client's buffer, long past its deadline.
    if (!this.#link.up || this.#connection.isClosed())
      return Promise.resolve({ kind: "unavailable", reason: "not connected" })
    if (this.#waiting.size >= IN_FLIGHT_MAX)
      return Promise.resolve({ kind: "unavailable", reason: "too many publishes in flight" })
    const { promise, resolve } = Promise.withResolvers<Published>()
    const headers = headerBlock(list)
    if (!this.#outbox.fits(payload, headers)) return Promise.resolve({ kind: "tooLarge" })
    const token = this.#free.pop() ?? (this.#next++).toString(36)
    const reply = `${this.#inbox}.${token}`
    this.#outbox.publish(subject, payload, { reply, headers })
    this.#waiting.set(token, { resolve, deadline: performance.now() + ACK_WAIT_MILLIS })
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL_MILLIS)
    return promise
  }

  /**
   * Publishes without an ack, for whoever hears in another way that it was stored, and asks again
   * where that does not come. False where it can't be sent now.
   */
  send(subject: string, payload: Uint8Array, list: HeaderList = noHeaders): boolean {
    if (!this.#link.up || this.#connection.isClosed()) return false
    const headers = headerBlock(list)
    if (!this.#outbox.fits(payload, headers)) return false
    this.#outbox.publish(subject, payload, { headers })
    return true
  }

  /** Ends the wait of everything in flight. */
  close(): void {
    this.#unfollow()
    this.#giveUp("closed")
  }

  #giveUp(reason: string): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { resolve } of waiting) resolve({ kind: "unavailable", reason })
  }

  #sweep(): void {
    const now = performance.now()
    // All have the same wait, so they lie in the order of their deadlines.
    for (const [token, waiting] of this.#waiting) {
      if (waiting.deadline > now) break
      this.#waiting.delete(token)
      waiting.resolve({ kind: "unavailable", reason: `no ack within ${ACK_WAIT_MILLIS} ms` })
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
