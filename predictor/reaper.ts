// Finds requests whose last delivery ended without a word (a crash) and gives them their end: a
// dead letter, a failure fact, a reply; then takes them out of the queue, where nobody would
// deliver them and their id would stay blocked. It learns of them by the server's advisory, and by
// its own sweep in case an advisory is missing.
import { Schema } from "effect"
import type { Log } from "../core/log/log.ts"
import type { Delivery } from "../core/log/delivery.ts"
import { Pull } from "../core/log/pull.ts"
import { readFromLeader, type StoredMessage } from "../core/log/read.ts"
import { reasonOf, type Logger } from "../core/service/logger.ts"
import { ADVISORIES, PREDICTOR, REAPER, REQUESTS } from "../proto/subjects.ts"
import type { PredictorMetrics } from "./metrics.ts"
import { ParkedWatch } from "./parked.ts"
import type { Settler } from "./settle.ts"
import { isFailed, takeWork, type Received } from "./work.ts"

/** Advisories looked at side by side. */
const ADVISORIES_AT_ONCE = 16
/** An advisory that could not be dealt with comes again after this. */
const AGAIN_MILLIS = 1_000
/** Parked messages that one sweep deals with; the rest waits for the next. */
const SWEPT_MAX = 1_000
/** Looks at the figures of a queue in motion before a sweep gives up until the next. */
const LOOKS_MAX = 10

const Advisory = Schema.Struct({
  consumer: Schema.String,
  stream_seq: Schema.Int,
  deliveries: Schema.Int,
})
const readAdvisory = Schema.decodeUnknownSync(Schema.fromJsonString(Advisory))

interface QueueState {
  /** First sequence in the queue, and the highest that was delivered. */
  readonly first: number
  readonly delivered: number
  /** Messages that are neither pending nor waiting for an ack. */
  readonly parked: number
}

export interface ReaperOptions {
  readonly log: Log
  readonly logger: Logger
  readonly settler: Settler
  readonly metrics: PredictorMetrics
  readonly sweepMillis: number
  /**
   * Longest time that a delivered request can be alive: held, and delivered again after all waits.
   */
  readonly aliveMillis: number
  readonly deliveriesMax: number
  readonly requestBytesMax: number
  /** Milliseconds since 1970, and of a steady clock. */
  readonly now: () => number
  readonly steady: () => number
}

export class Reaper {
  readonly #options: ReaperOptions
  readonly #pull: Pull
  readonly #watch: ParkedWatch
  readonly #timer: ReturnType<typeof setInterval>
  #sweeping: Promise<void> | undefined

  constructor(options: ReaperOptions) {
    this.#options = options
    this.#watch = new ParkedWatch(options.aliveMillis)
    this.#pull = new Pull(options.log, {
      stream: ADVISORIES,
      consumer: REAPER,
      unfinishedMax: ADVISORIES_AT_ONCE,
      onDelivery: (delivery) => void this.#onAdvisory(delivery),
      onLoss: (loss) => options.logger.warn("the advisories are not there", { loss }),
    })
    this.#timer = setInterval(() => void this.sweep(), options.sweepMillis)
    void this.sweep()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#pull.stop()
    await this.#sweeping
  }

  /** One look for parked requests; looks that overlap are one. Never rejects. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep()
      .catch((cause: unknown) => {
        this.#options.logger.warn("a sweep was cut short", { reason: reasonOf(cause) })
      })
      .finally(() => {
        this.#sweeping = undefined
      })
    return this.#sweeping
  }

  async #onAdvisory(delivery: Delivery): Promise<void> {
    try {
      const advisory = readAdvisory(new TextDecoder().decode(delivery.data))
      if (advisory.consumer === PREDICTOR) {
        const lookup = { seq: advisory.stream_seq }
        const message = await readFromLeader(this.#options.log, REQUESTS, lookup)
        if (message !== undefined && !(await this.#bury(message, "advisory"))) {
          delivery.nak(AGAIN_MILLIS)
          return
        }
      }
      delivery.ack()
    } catch (cause) {
      this.#options.logger.warn("an advisory is looked at again", { reason: reasonOf(cause) })
      delivery.nak(AGAIN_MILLIS)
    }
  }

  async #sweep(): Promise<void> {
    const { log, steady, logger } = this.#options
    const state = await this.#queueState()
    this.#watch.mark(state.delivered, steady())
    const dead = await this.#heldFrom(state.first, this.#watch.deadUpTo(steady()))
    if (dead.length === 0 || !(await this.#areParked(dead.length))) return
    for (const sequence of dead) {
      try {
        const message = await readFromLeader(log, REQUESTS, { seq: sequence })
        if (message !== undefined) await this.#bury(message, "sweep")
      } catch (cause) {
        // One that cannot be dealt with must not keep those behind it waiting.
        logger.warn("a parked request is looked at again", { sequence, reason: reasonOf(cause) })
      }
    }
  }

  /**
   * Whether the server, too, counts so many as parked. Under load its figures are of no one
   * instant: some looks count less.
   */
  async #areParked(count: number): Promise<boolean> {
    for (let look = 0; look < LOOKS_MAX; look++) {
      const { parked } = await this.#queueState()
      if (parked >= count) return true
    }
    return false
  }

  async #queueState(): Promise<QueueState> {
    const { manager } = this.#options.log
    // The three figures are not of one instant: what came or went around the middle one must not
    // look parked.
    const before = await manager.streams.info(REQUESTS)
    const consumer = await manager.consumers.info(REQUESTS, PREDICTOR)
    const after = await manager.streams.info(REQUESTS)
    const messages = Math.min(before.state.messages, after.state.messages)
    return {
      first: after.state.first_seq,
      delivered: consumer.delivered.stream_seq,
      parked: messages - consumer.num_pending - consumer.num_ack_pending,
    }
  }

  /** Sequences of the messages that are still there. */
  async #heldFrom(first: number, last: number): Promise<ReadonlyArray<number>> {
    const held: Array<number> = []
    for (let next = first; next <= last && held.length < SWEPT_MAX;) {
      const lookup = { seq: next, next_by_subj: ">" }
      const message = await readFromLeader(this.#options.log, REQUESTS, lookup)
      if (message === undefined || message.sequence > last) break
      held.push(message.sequence)
      next = message.sequence + 1
    }
    return held
  }

  /** Whether the request has got its end; without one it stays, and another look tries again. */
  async #bury(message: StoredMessage, by: "advisory" | "sweep"): Promise<boolean> {
    const { settler, metrics, logger, deliveriesMax, log } = this.#options
    const outcome = { settled: false }
    const received = this.#received(message, () => {
      outcome.settled = true
    })
    const text = `${deliveriesMax} deliveries ended without an answer`
    await settler.failed({ received, reason: "exhausted", message: text })
    if (!outcome.settled) return false
    await log.manager.streams.deleteMessage(REQUESTS, message.sequence, false).catch(() => false)
    metrics.reaped(by)
    logger.warn("a request was found after its last delivery", { id: received.id, by })
    return true
  }

  #received(message: StoredMessage, settled: () => void): Received {
    const { deliveriesMax, requestBytesMax, now } = this.#options
    const delivery: Delivery = {
      ...message,
      deliveries: deliveriesMax,
      pending: 0,
      ack: settled,
      nak: () => undefined,
      term: settled,
      done: () => undefined,
      working: () => undefined,
    }
    const taken = takeWork(delivery, now(), requestBytesMax)
    return isFailed(taken) ? taken.received : taken
  }
}
