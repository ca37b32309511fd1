// Takes messages from a pull consumer by callback and never holds more of them unfinished than it
// was told to: each finished message makes room for the next. Recreating a lost consumer is its
// caller's decision.
import { setTimeout as pause } from "node:timers/promises"
import { createInbox, type Msg, type Subscription } from "nats"
import { ACK, PulledMessage, TERM, type Delivery, type DeliveryOwner } from "./delivery.ts"
import { LastAck } from "./last-ack.ts"
import { LateAcks } from "./late-acks.ts"
import type { Log } from "./log.ts"

/** A pull waits this long on the server, which sends a heartbeat twice in that time and more. */
const PULL_EXPIRES_MILLIS = 20_000
const HEARTBEAT_MILLIS = 2_000
/** Silence after which a pull counts as lost. */
const SILENCE_MAX_MILLIS = 3 * HEARTBEAT_MILLIS
const NANOS_PER_MILLI = 1_000_000
/** After a lost connection, how long what is held may take to finish before more is asked for. */
const FINISH_MAX_MILLIS = 500
const FINISH_LOOK_MILLIS = 10
/** And how long the others that take from the same consumer have to connect and do the same. */
const OTHERS_MILLIS = 250
const WAITING_PULL = {
  expires: PULL_EXPIRES_MILLIS * NANOS_PER_MILLI,
  idle_heartbeat: HEARTBEAT_MILLIS * NANOS_PER_MILLI,
}
/** Pause before asking again after the server refused a pull. */
const REFUSED_PAUSE_MILLIS = 250
/** A paced reader to whom messages come looks so many times as often as one that waits for any. */
const LIVELY_LOOKS = 5

export type PullLoss = "consumerGone" | "streamGone"

export interface PullOptions {
  readonly stream: string
  readonly consumer: string
  /** Most messages that are asked for or held unfinished. */
  readonly unfinishedMax: number
  /** The limit until `setLimit` is called, where that is lower. */
  readonly unfinishedAtFirst?: number
  /**
   * Takes what there is and asks again after so long, instead of being sent each message as it
   * comes: many messages then cost the server and this process one wake-up. While messages come it
   * asks after a fifth of it, since a long read at once is felt by who waits for an answer
   * meanwhile.
   */
  readonly paceMillis?: number | undefined
  readonly onDelivery: (delivery: Delivery) => void
  /**
   * After a lost connection the last acks are sent again before more is asked for. Needs
   * `allow_direct` on the stream.
   */
  readonly repeatsAcks?: boolean
  /** The stream is a queue, whose last ack waits for the next one, for so long at most. */
  readonly ackKeptMillis?: number
  /** Called once for each delivery, when it is finished. */
  readonly onFinished?: (delivery: Delivery) => void
  /** The server says that the consumer or its stream is not there (any more). */
  readonly onLoss: (loss: PullLoss) => void
}

export class Pull {
  readonly #log: Log
  readonly #options: PullOptions
  readonly #timer: ReturnType<typeof setInterval>
  readonly #unfollow: () => void
  #inbox = createInbox()
  #subscription: Subscription
  #limit: number
  /** Messages that the server may still send for the pulls of the present inbox. */
  #requested = 0
  #unfinished = 0
  #stopped = false
  #heardAt = performance.now()
  #askAgainAt = 0
  #settled = true
  #pacer: ReturnType<typeof setTimeout> | undefined
  #cameSinceLook = false
  readonly #idle: Array<() => void> = []
  readonly #sent = new LateAcks()
  readonly #lastAck: LastAck | undefined
  readonly #owner: DeliveryOwner = {
    tell: (subject, word) => this.#tell(subject, word),
    finished: (delivery, word) => this.#finish(delivery, word),
  }

  constructor(log: Log, options: PullOptions) {
    this.#log = log
    this.#options = options
    this.#lastAck =
      options.ackKeptMillis === undefined
        ? undefined
        : new LastAck((subject) => log.outbox.publish(subject, ACK), options.ackKeptMillis)
    this.#limit = Math.min(options.unfinishedMax, options.unfinishedAtFirst ?? Infinity)
    this.#subscription = this.#listen(this.#inbox)
    // Pulls die with the connection that made them.
    this.#unfollow = log.link.onChange((up) => up && this.#restart())
    this.#timer = setInterval(() => this.#watch(), HEARTBEAT_MILLIS / 4)
    this.#ask()
  }

  get unfinished(): number {
    return this.#unfinished
  }

  /**
   * Holds at most so many from now on, never more than `unfinishedMax`; what was asked for may
   * still come.
   */
  setLimit(limit: number): void {
    this.#limit = Math.min(limit, this.#options.unfinishedMax)
  }

  /**
   * Asks for no more, hands out what the server had already sent, and resolves when all that was
   * handed out is finished.
   */
  async stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true
      this.#lastAck?.end()
      clearInterval(this.#timer)
      clearTimeout(this.#pacer)
      this.#unfollow()
      // Unlike unsubscribing, draining loses nothing that is on its way; it rejects when the
      // connection is gone.
      await this.#subscription.drain().catch(() => undefined)
    }
    if (this.#unfinished === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#idle.push(resolve)
    await promise
  }

  #listen(inbox: string): Subscription {
    return this.#log.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) this.#receive(message, inbox)
      },
    })
  }

  /**
   * Begins anew with another inbox: the server may still hold pulls for the old one, and would
   * answer them beside the new ones. What is on its way to the old one is handed out before more is
   * asked for.
   */
  #restart(): void {
    if (this.#stopped) return
    const inbox = createInbox()
    const old = this.#subscription
    this.#inbox = inbox
    this.#subscription = this.#listen(inbox)
    this.#requested = 0
    this.#settled = false
    this.#heardAt = performance.now()
    const settle = () => {
      if (this.#inbox !== inbox) return
      this.#settled = true
      this.#ask()
    }
    void old
      .drain()
      .catch(() => undefined)
      .then(() => this.#finishOld())
      .then(settle, settle)
  }

  /** What was finished, or is nearly, must not be delivered again: the server hears of it first. */
  async #finishOld(): Promise<void> {
    if (this.#options.repeatsAcks !== true) return
    const until = performance.now() + FINISH_MAX_MILLIS
    await this.#sent.repeat(this.#log, this.#options.stream, performance.now())
    await pause(OTHERS_MILLIS)
    while (this.#unfinished > 0 && performance.now() < until) await pause(FINISH_LOOK_MILLIS)
  }

  #watch(): void {
    // The server owes a sign of life only while it holds a pull.
    const owed = this.#requested > 0 || !this.#settled
    if (owed && performance.now() - this.#heardAt > SILENCE_MAX_MILLIS) this.#restart()
    else this.#ask()
  }

  #ask(): void {
    if (this.#stopped || !this.#settled || performance.now() < this.#askAgainAt) return
    const room = this.#limit - this.#unfinished - this.#requested
    // Small pulls cost as much as large ones: wait until a quarter is free, unless nothing is asked
    // for at all.
    if (room < 1 || (this.#requested > 0 && room < this.#limit / 4)) return
    const { stream, consumer, paceMillis } = this.#options
    const isPaced = paceMillis !== undefined
    // The server ends a paced pull by itself when it has sent what there is.
    if (isPaced && this.#requested > 0) return
    const pull = isPaced ? { batch: room, no_wait: true } : { batch: room, ...WAITING_PULL }
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`
    this.#log.outbox.publish(subject, JSON.stringify(pull), { reply: this.#inbox })
    if (this.#requested === 0) this.#heardAt = performance.now()
    this.#requested += room
  }

  #receive(message: Msg, inbox: string): void {
    const current = inbox === this.#inbox
    if (current) this.#heardAt = performance.now()
    // Only a message of the stream can be answered; it may have an odd status line of its own.
    if (message.reply === undefined || message.reply === "") {
      if (current) this.#receiveStatus(message.headers?.code ?? 0, message)
      return
    }
    if (current) {
      this.#requested = Math.max(0, this.#requested - 1)
      this.#cameSinceLook = true
    }
    this.#unfinished++
    try {
      this.#options.onDelivery(new PulledMessage(message, this.#owner))
    } catch (cause) {
      // Thrown in here it would end the client's reading and leave a deaf process; so it ends the
      // process.
      queueMicrotask(() => {
        throw cause
      })
    }
    this.#ask()
  }

  #tell(subject: string, word: string): void {
    if (word === ACK && this.#lastAck !== undefined && !this.#stopped) this.#lastAck.keep(subject)
    else this.#log.outbox.publish(subject, word)
  }

  #finish(delivery: PulledMessage, word: string | undefined): void {
    this.#unfinished--
    if (this.#options.repeatsAcks === true && (word === ACK || word === TERM)) {
      const { subject, sequence, ackSubject } = delivery
      this.#sent.remember({ subject, sequence, ackSubject, word }, performance.now())
    }
    this.#options.onFinished?.(delivery)
    if (this.#unfinished === 0) for (const resolve of this.#idle.splice(0)) resolve()
    this.#ask()
  }

  #lookIn(paceMillis: number): void {
    this.#askIn(this.#cameSinceLook ? paceMillis / LIVELY_LOOKS : paceMillis)
    this.#cameSinceLook = false
  }

  #askIn(millis: number): void {
    this.#askAgainAt = performance.now() + millis
    clearTimeout(this.#pacer)
    // A timer may fire a little early.
    this.#pacer = setTimeout(() => {
      this.#askAgainAt = 0
      this.#ask()
    }, millis)
  }

  #receiveStatus(status: number, message: Msg): void {
    if (status === 100) return
    const left = Number(message.headers?.get("Nats-Pending-Messages") ?? "")
    const description = message.headers?.description.toLowerCase() ?? ""
    this.#requested = Number.isFinite(left) && left > 0 ? Math.max(0, this.#requested - left) : 0
    const { paceMillis } = this.#options
    if (paceMillis !== undefined && (status === 404 || status === 408)) this.#lookIn(paceMillis)
    else if (status === 408) this.#ask()
    else {
      // 404, 409, 503: ask again, but not as fast as the server can refuse.
      this.#askAgainAt = performance.now() + REFUSED_PAUSE_MILLIS
      if (description.includes("consumer deleted") || description.includes("consumer not found"))
        this.#options.onLoss("consumerGone")
      else if (status === 503) this.#options.onLoss("streamGone")
    }
  }
}
