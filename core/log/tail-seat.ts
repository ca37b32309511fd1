// One follower's place at a shared reader of a stream: what was read and waits for it. A seat never
// makes the reader wait: it holds so many messages and no more, and says where it stopped.

/** Messages that wait for one follower at most. */
export const SEAT_MESSAGES_MAX = 2_000
/** And their bytes in the stream; a single message may have more. */
const SEAT_BYTES_MAX = 16 * 1024 * 1024

/** Messages in their order. */
export interface Batch<A> {
  readonly messages: ReadonlyArray<A>
  /** Messages that are known to come behind these, at the time of the call. */
  readonly behind: () => number
}

/** How far the shared reader is. */
export interface SeatReader {
  /** Everything behind this sequence is still to come. */
  readonly position: number
  /** Messages that the server had still to send, of all subjects. */
  readonly unread: number
}

export interface SeatOptions {
  /** Subject of the messages that it is given; all without. */
  readonly subject: string | undefined
  /** First sequence that it is given. */
  readonly from: number
  readonly messagesMax: number
  readonly reader: SeatReader
}

export class Seat<A> {
  readonly subject: string | undefined
  readonly #options: SeatOptions
  readonly #behind = () => this.#queue.length + this.#passedOver() + this.#options.reader.unread
  #queue: Array<A> = []
  #bytes = 0
  #next: number | undefined
  #failure: { readonly cause: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(options: SeatOptions) {
    this.subject = options.subject
    this.#options = options
  }

  /** Answers whether it was taken; after the first that was not, no other is. */
  offer(message: A, sequence: number, bytes: number): boolean {
    if (this.#next !== undefined) return false
    if (sequence < this.#options.from) return true
    const held = this.#queue.length
    if (held >= this.#options.messagesMax || (held > 0 && this.#bytes + bytes > SEAT_BYTES_MAX)) {
      this.#next = sequence
      return false
    }
    this.#queue.push(message)
    this.#bytes += bytes
    return true
  }

  get isWaiting(): boolean {
    return this.#wake !== undefined
  }

  wake(): void {
    this.#wake?.()
  }

  fail(cause: unknown): void {
    this.#failure ??= { cause }
    this.wake()
  }

  /** Messages, of all subjects, that the shared reader has read and this follower has to read. */
  #passedOver(): number {
    return this.#next === undefined ? 0 : this.#options.reader.position - this.#next + 1
  }

  /**
   * What comes, as many at a time as there are. Returns the sequence from which on this follower
   * has to read for itself, once it was too slow; `undefined` when the signal aborts.
   *
   * @throws what ended the shared reader.
   */
  async *batches(signal: AbortSignal): AsyncGenerator<Batch<A>, number | undefined> {
    const abort = () => this.wake()
    signal.addEventListener("abort", abort)
    try {
      while (!signal.aborted) {
        if (this.#queue.length > 0) {
          const messages = this.#queue
          this.#queue = []
          this.#bytes = 0
          yield { messages, behind: this.#behind }
        } else if (this.#failure !== undefined) throw this.#failure.cause
        else if (this.#next !== undefined) return this.#next
        else await this.#something()
      }
      return undefined
    } finally {
      signal.removeEventListener("abort", abort)
    }
  }

  async #something(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    await promise
    this.#wake = undefined
  }
}
