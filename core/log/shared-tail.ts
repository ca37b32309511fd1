// One reader at the end of a stream for any number of followers in a process: the server sends each
// message once, and it is decoded once. A follower reads for itself until it is near the end, and
// again when it was too slow for the others: the shared reader waits for nobody.
import { setTimeout as pause } from "node:timers/promises"
import { NatsError } from "nats"
import { follow, isNoStream, RangeGone, readRange, type Entry } from "./follow.ts"
import type { Log } from "./log.ts"
import { Seat, SEAT_MESSAGES_MAX, type Batch, type SeatReader } from "./tail-seat.ts"

/** A follower with so many messages of the stream before it reads for itself. */
const NEAR_MESSAGES = 1_000
/** Messages that a follower that reads for itself is given at a time. */
const PAST_BATCH_MESSAGES = 100
/** Before the server is asked again that did not answer. */
const ASK_AGAIN_MILLIS = 200

export interface SharedTailOptions<A> {
  readonly stream: string
  /** Of the shared reader: what any follower may ask for. */
  readonly filter: string
  /** How long after it has read everything the shared reader looks again. */
  readonly paceMillis: number
  /** What followers get, all of them the same object; `undefined` for what concerns none. */
  readonly decode: (entry: Entry) => A | undefined
  /** Messages that wait for a follower before it has to read for itself. */
  readonly waitingMax?: number
}

export interface TailFollower {
  /** First sequence. */
  readonly from: number
  /** The one subject that it gets; leave it out for all. */
  readonly subject?: string | undefined
  readonly signal: AbortSignal
}

/** The shared reader, from its first follower to its last. */
class TailReader<A> implements SeatReader {
  readonly #options: SharedTailOptions<A>
  readonly #ofSubject = new Map<string, Set<Seat<A>>>()
  readonly #ofAll = new Set<Seat<A>>()
  readonly #end = new AbortController()
  readonly #onEnd: () => void
  readonly #running: Promise<void>
  #seats = 0
  readonly #toWake = new Set<Seat<A>>()
  #unread = 0
  #position: number

  constructor(log: Log, options: SharedTailOptions<A>, from: number, onEnd: () => void) {
    this.#options = options
    this.#onEnd = onEnd
    this.#position = from - 1
    this.#running = this.#run(log, from)
  }

  get position(): number {
    return this.#position
  }

  get unread(): number {
    return this.#unread
  }

  join(subject: string | undefined, next: number): Seat<A> {
    const seat = new Seat<A>({
      subject,
      from: Math.max(next, this.#position + 1),
      messagesMax: this.#options.waitingMax ?? SEAT_MESSAGES_MAX,
      reader: this,
    })
    this.#setOf(subject).add(seat)
    this.#seats++
    return seat
  }

  /** Resolves when the reader has ended, where this was its last follower. */
  async leave(seat: Seat<A>): Promise<void> {
    this.#remove(seat)
    if (this.#seats === 0) await this.#running
  }

  #setOf(subject: string | undefined): Set<Seat<A>> {
    if (subject === undefined) return this.#ofAll
    const known = this.#ofSubject.get(subject) ?? new Set()
    this.#ofSubject.set(subject, known)
    return known
  }

  #remove(seat: Seat<A>): void {
    const seats = this.#setOf(seat.subject)
    if (seats.delete(seat)) this.#seats--
    if (seats.size === 0 && seat.subject !== undefined) this.#ofSubject.delete(seat.subject)
    if (this.#seats > 0) return
    this.#onEnd()
    this.#end.abort()
  }

  async #run(log: Log, from: number): Promise<void> {
    const { stream, filter, paceMillis } = this.#options
    const { signal } = this.#end
    try {
      const options = { stream, from, filter, paceMillis, signal }
      for await (const entry of follow(log, options)) this.#take(entry)
    } catch (cause) {
      this.#onEnd()
      for (const seat of [
        ...this.#ofAll,
        ...[...this.#ofSubject.values()].flatMap((of) => [...of]),
      ])
        seat.fail(cause)
    }
  }

  #take(entry: Entry): void {
    this.#position = entry.sequence
    this.#unread = entry.pending
    const own = this.#ofSubject.get(entry.subject)
    if (own === undefined && this.#ofAll.size === 0) return
    const message = this.#options.decode(entry)
    if (message === undefined) return
    if (own !== undefined) this.#offer(own, message, entry)
    this.#offer(this.#ofAll, message, entry)
  }

  #offer(seats: ReadonlySet<Seat<A>>, message: A, { sequence, data }: Entry): void {
    for (const seat of seats) {
      if (!seat.offer(message, sequence, data.byteLength)) this.#remove(seat)
      if (seat.isWaiting) this.#wakeSoon(seat)
    }
  }

  /** What else has arrived already is handed out first: a follower then takes it all at once. */
  #wakeSoon(seat: Seat<A>): void {
    this.#toWake.add(seat)
    if (this.#toWake.size > 1) return
    setImmediate(() => {
      for (const one of this.#toWake) one.wake()
      this.#toWake.clear()
    })
  }
}

export class SharedTail<A> {
  readonly #log: Log
  readonly #options: SharedTailOptions<A>
  #reader: TailReader<A> | undefined

  constructor(log: Log, options: SharedTailOptions<A>) {
    this.#log = log
    this.#options = options
  }

  /**
   * Every message from a sequence on, for ever, each once and in order; ends when the signal
   * aborts. `behind` of a batch is exact for who reads for itself; of the shared reader it is what
   * waits for this follower, and what the server had still to send, for whomever.
   *
   * @throws what no patience helps against: the stream is not there, the connection is closed.
   */
  async *follow(follower: TailFollower): AsyncGenerator<Batch<A>> {
    const { signal, subject } = follower
    let next = Math.max(1, follower.from)
    while (!signal.aborted) {
      const last = await this.#last()
      if (last === undefined) continue
      if (last - next >= NEAR_MESSAGES) {
        next = yield* this.#past(follower, next, last)
        continue
      }
      const reader = this.#readerFrom(Math.min(next, last + 1))
      const before = reader.position
      const seat = reader.join(subject, next)
      try {
        next = yield* this.#past(follower, next, before)
        next = (yield* seat.batches(signal)) ?? next
      } finally {
        await reader.leave(seat)
      }
    }
  }

  /** The reader that there is, or else one that begins with a sequence. */
  #readerFrom(from: number): TailReader<A> {
    if (this.#reader !== undefined) return this.#reader
    const made = new TailReader(this.#log, this.#options, from, () => {
      if (this.#reader === made) this.#reader = undefined
    })
    this.#reader = made
    return made
  }

  /** The last sequence of the stream; `undefined` when the server did not say. */
  async #last(): Promise<number | undefined> {
    if (!(await this.#isUp())) return undefined
    try {
      return (await this.#log.manager.streams.info(this.#options.stream)).state.last_seq
    } catch (cause) {
      await this.#bear(cause)
      return undefined
    }
  }

  /** Reads a range for one follower alone; returns the sequence behind it. */
  async *#past(
    { subject, signal }: TailFollower,
    from: number,
    to: number,
  ): AsyncGenerator<Batch<A>, number> {
    const { stream, filter, decode } = this.#options
    let next = from
    while (next <= to && !signal.aborted) {
      if (!(await this.#isUp())) continue
      let messages: Array<A> = []
      let pending = 0
      const batch = (): Batch<A> => {
        const left = pending
        const full = { messages, behind: () => left }
        messages = []
        return full
      }
      let isWhole = false
      try {
        const range = { stream, from: next, to, filter: subject ?? filter, signal }
        for await (const entry of readRange(this.#log, range)) {
          next = entry.sequence + 1
          pending = entry.pending
          const message = decode(entry)
          if (message === undefined) continue
          if (messages.push(message) >= PAST_BATCH_MESSAGES) yield batch()
        }
        isWhole = !signal.aborted
      } catch (cause) {
        if (cause instanceof RangeGone) next = Math.max(next, cause.first)
        else await this.#bear(cause)
      }
      if (messages.length > 0 && !signal.aborted) yield batch()
      if (isWhole) return to + 1
    }
    return Math.max(next, from)
  }

  /** Waits a little where there is no connection: a question would wait far longer. */
  async #isUp(): Promise<boolean> {
    const { link, connection } = this.#log
    if (link.up || connection.isClosed()) return true
    await pause(ASK_AGAIN_MILLIS)
    return false
  }

  /** Waits a little where time helps. */
  async #bear(cause: unknown): Promise<void> {
    const { connection } = this.#log
    if (!(cause instanceof NatsError) || isNoStream(cause) || connection.isClosed()) throw cause
    await pause(ASK_AGAIN_MILLIS)
  }
}
