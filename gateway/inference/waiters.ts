// Who waits for which fact. The copy that the server repeats as it stores a fact, or the reply of a
// predictor, is a hint that comes fast; the log is the proof, so every waiter also looks into it at
// growing intervals, after each reconnect, and once more before it gives up. One timer serves all.
import type { Log } from "#core/log/log"
import { lastHeader } from "#core/log/received-headers"
import { readLast, type StoredMessage } from "#core/log/read"
import { NATS_SEQUENCE, POSITION } from "#proto/headers"
import {
  idOfStored,
  idTail,
  predictionSubject,
  PREDICTIONS,
  replyPrefix,
  storedWithTail,
} from "#proto/subjects"
import { newId } from "../http/ids.ts"

const SWEEP_INTERVAL_MILLIS = 20
/**
 * First look into the log after publishing; each pause is twice the one before, up to the longest.
 */
const LOOK_FIRST_MILLIS = 200
const LOOK_SECOND_MILLIS = 1_000
const LOOK_LONGEST_MILLIS = 8_000
/** The last look comes so long before the deadline. */
const LOOK_LAST_MILLIS = 100
/**
 * Looks at once; under load most waiters are merely early, and a look costs the server what a
 * publish costs.
 */
const LOOKS_MAX = 32

/** A fact as it is stored. */
export interface StoredFact {
  readonly bytes: Uint8Array
  /** Its sequence in `PREDICTIONS`; 0 where the hot log no longer holds it. */
  readonly position: number
}

type Message = Parameters<typeof lastHeader>[0]

const factOf = (message: Message, position: string): StoredFact => ({
  bytes: message.data,
  position: Number(lastHeader(message, position)) || 0,
})

/** The fact that a predictor replies with. */
const replied = (message: Message): StoredFact => factOf(message, POSITION)
/** The fact that the server repeats as it stores it. */
export const repeated = (message: Message): StoredFact => factOf(message, NATS_SEQUENCE)

export type WaitEnd = "late" | "closed"

export interface WaiterOptions {
  readonly model: string
  readonly id: string
  /** The id was made here, by `heardId`: its fact is heard of without a reply. */
  readonly isHeard?: boolean
  /** On the clock that `Waiters` was given, milliseconds. */
  readonly deadline: number
  readonly onFact: (fact: StoredFact, waiter: Waiter) => void
  readonly onEnd: (end: WaitEnd, waiter: Waiter) => void
}

/** One wait. Its owner may ask to be called back once at a time, on the sweep. */
export class Waiter {
  readonly token: string
  readonly options: WaiterOptions
  settled = false
  looking = false
  lookAt: number
  lookPause = LOOK_SECOND_MILLIS
  callAt = Number.POSITIVE_INFINITY
  call: (() => void) | undefined

  constructor(token: string, options: WaiterOptions, now: number) {
    this.token = token
    this.options = options
    this.lookAt = now + LOOK_FIRST_MILLIS
  }

  callBackAt(at: number, call: () => void): void {
    this.callAt = at
    this.call = call
  }
}

export class Waiters {
  readonly #log: Log
  readonly #replicas: number
  readonly #now: () => number
  readonly #prefix: string
  readonly #waiting = new Map<string, Waiter>()
  readonly #tail = idTail(newId(0))
  readonly #subscriptions: ReadonlyArray<ReturnType<Log["connection"]["subscribe"]>>
  readonly #unfollow: () => void
  readonly #timer: ReturnType<typeof setInterval>
  /** Tokens of waits that ended: a reply that comes late names an id that nobody here waits for. */
  readonly #free: Array<string> = []
  #next = 0
  #looks = 0
  #onIdle: (() => void) | undefined

  constructor(log: Log, replicas: number, now: () => number) {
    this.#log = log
    this.#replicas = replicas
    this.#now = now
    this.#prefix = `${replyPrefix(crypto.randomUUID().replaceAll("-", ""))}.`
    const listen = (
      subject: string,
      tokenOf: (subject: string) => string,
      read: (message: Message) => StoredFact,
    ) =>
      log.connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) return
          const waiter = this.#waiting.get(tokenOf(message.subject))
          if (waiter !== undefined) waiter.options.onFact(read(message), waiter)
        },
      })
    this.#subscriptions = [
      listen(`${this.#prefix}*`, (subject) => subject.slice(this.#prefix.length), replied),
      listen(storedWithTail(this.#tail), idOfStored, repeated),
    ]
    // What was said while the link was down is lost.
    this.#unfollow = log.link.onChange((up) => {
      if (!up) return
      for (const waiter of this.#waiting.values()) waiter.lookAt = 0
    })
    this.#timer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MILLIS)
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Where the predictor replies to this waiter. */
  replySubject(waiter: Waiter): string {
    return this.#prefix + waiter.token
  }

  /** Where the log is replicated, predictors reply. */
  get canHear(): boolean {
    return this.#replicas === 1
  }

  /** A new id, of whose fact this process hears as soon as it is stored. */
  heardId(nowMillis: number): string {
    return newId(nowMillis).slice(0, -this.#tail.length) + this.#tail
  }

  /** Whether the fact of an id is heard of here without a reply; of a key, it may be by chance. */
  hears(id: string): boolean {
    return this.canHear && id.endsWith(this.#tail)
  }

  add(options: WaiterOptions): Waiter {
    const token = options.isHeard === true ? options.id : this.#token()
    const waiter = new Waiter(token, options, this.#now())
    this.#waiting.set(waiter.token, waiter)
    return waiter
  }

  /** Ends the wait; false when it had ended before. */
  settle(waiter: Waiter): boolean {
    if (waiter.settled) return false
    waiter.settled = true
    waiter.call = undefined
    this.#waiting.delete(waiter.token)
    if (waiter.options.isHeard !== true) this.#free.push(waiter.token)
    if (this.#waiting.size === 0) this.#onIdle?.()
    return true
  }

  /**
   * The fact of an id as the log has it.
   *
   * @throws LookupFailed when the log cannot be asked.
   */
  read(model: string, id: string): Promise<StoredMessage | undefined> {
    return readLast(this.#log, PREDICTIONS, predictionSubject(model, id), this.#replicas)
  }

  /** Whether fewer looks are under way than there may be at once. */
  get mayLook(): boolean {
    return this.#looks < LOOKS_MAX
  }

  /** Looks into the log for one waiter now. */
  async look(waiter: Waiter): Promise<void> {
    if (waiter.settled || waiter.looking) return
    waiter.looking = true
    this.#looks++
    try {
      const found = await this.read(waiter.options.model, waiter.options.id)
      if (found !== undefined && !waiter.settled)
        waiter.options.onFact({ bytes: found.data, position: found.sequence }, waiter)
    } catch {
      // The log could not be asked: the next look is already due.
    } finally {
      this.#looks--
      waiter.looking = false
    }
  }

  /** Resolves when nobody waits any more. */
  idle(): Promise<void> {
    if (this.#waiting.size === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onIdle = resolve
    return promise
  }

  close(): void {
    clearInterval(this.#timer)
    this.#unfollow()
    if (!this.#log.connection.isClosed()) for (const one of this.#subscriptions) one.unsubscribe()
    for (const waiter of [...this.#waiting.values()]) waiter.options.onEnd("closed", waiter)
  }

  #token(): string {
    return this.#free.pop() ?? (this.#next++).toString(36)
  }

  #sweep(): void {
    const now = this.#now()
    for (const waiter of this.#waiting.values()) {
      if (waiter.options.deadline <= now) waiter.options.onEnd("late", waiter)
      else if (waiter.callAt <= now) callBack(waiter)
      else if (waiter.lookAt <= now && this.mayLook) {
        waiter.lookAt = nextLook(waiter, now)
        waiter.lookPause = Math.min(waiter.lookPause * 2, LOOK_LONGEST_MILLIS)
        void this.look(waiter)
      }
    }
  }
}

/** The last look falls just before the deadline. */
const nextLook = ({ lookPause, options }: Waiter, now: number): number => {
  const last = options.deadline - LOOK_LAST_MILLIS
  return now < last ? Math.min(now + lookPause, last) : Number.POSITIVE_INFINITY
}

const callBack = (waiter: Waiter): void => {
  const { call } = waiter
  waiter.callAt = Number.POSITIVE_INFINITY
  waiter.call = undefined
  call?.()
}
