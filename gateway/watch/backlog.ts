// How much waits to be predicted, how fast it drains, and whether anybody predicts at all: asked of
// the server by one poller per gateway. From it come Retry-After, readiness and the queue's
// metrics.
import type { Log } from "#core/log/log"
import { PREDICTOR, REQUESTS } from "#proto/subjects"
import { DrainRate } from "./drain-rate.ts"
import { Poller } from "./poller.ts"
import { hasPredictor } from "./presence.ts"

const POLL_INTERVAL_MILLIS = 500
/** While no predictor is there the first one is awaited. */
const POLL_ALONE_MILLIS = 100
/**
 * With nothing in work, predictors that neither ask for requests nor finish any for this long are
 * taken for gone.
 */
export const PREDICTOR_PATIENCE_MILLIS = 5_000
/** With requests in work they may be inside one long run. */
export const PREDICTOR_BUSY_PATIENCE_MILLIS = 30_000
/**
 * A gap between two polls counts as silence for no longer than this: while the log was away nobody
 * could be seen.
 */
const SILENCE_PER_POLL_MAX_MILLIS = 2 * POLL_INTERVAL_MILLIS
export const RETRY_AFTER_MAX_SECONDS = 600

/** One look at the queue. `at` in milliseconds of a monotonic clock. */
export interface QueueSample {
  readonly at: number
  readonly messages: number
  readonly messagesMax: number
  readonly bytes: number
  readonly bytesMax: number
  readonly lastSequence: number
  /** Not delivered yet; delivered and not finished; pulls that wait on the server. */
  readonly pending: number
  readonly ackPending: number
  readonly waitingPulls: number
  readonly delivered: number
  /** In work, and delivered more than once. */
  readonly redelivered: number
}

const readQueue = async (log: Log, now: () => number): Promise<QueueSample> => {
  const [stream, consumer] = await Promise.all([
    log.manager.streams.info(REQUESTS),
    log.manager.consumers.info(REQUESTS, PREDICTOR),
  ])
  return {
    at: now(),
    messages: stream.state.messages,
    messagesMax: stream.config.max_msgs,
    bytes: stream.state.bytes,
    bytesMax: stream.config.max_bytes,
    lastSequence: stream.state.last_seq,
    pending: consumer.num_pending,
    ackPending: consumer.num_ack_pending,
    waitingPulls: consumer.num_waiting,
    delivered: consumer.delivered.consumer_seq,
    redelivered: consumer.num_redelivered,
  }
}

/** The fold of all samples. Pure. */
export class BacklogState {
  #last: QueueSample | undefined
  readonly #rate = new DrainRate()
  #silentMillis = Number.POSITIVE_INFINITY
  #gone = false

  get last(): QueueSample | undefined {
    return this.#last
  }

  /** Requests finished a second while there were any to finish; undefined before that was seen. */
  get ratePerSecond(): number | undefined {
    return this.#rate.perSecond
  }

  /**
   * Messages that nobody delivers any more and the reaper has not settled yet; two looks at
   * different moments may be off.
   */
  get parked(): number {
    const last = this.#last
    return last === undefined ? 0 : Math.max(0, last.messages - last.pending - last.ackPending)
  }

  add(sample: QueueSample): void {
    const before = this.#last
    this.#last = sample
    const drained = before === undefined ? 0 : drainedBetween(before, sample)
    const progress = before !== undefined && (drained > 0 || sample.delivered > before.delivered)
    if (sample.waitingPulls > 0 || progress) {
      this.#silentMillis = 0
      this.#gone = false
    } else if (before !== undefined)
      this.#silentMillis += Math.min(sample.at - before.at, SILENCE_PER_POLL_MAX_MILLIS)
    if (before !== undefined) this.#learnRate(before, sample, drained)
  }

  /** At the last look nobody asked for requests, or finished or got any. */
  get isSilent(): boolean {
    return this.#silentMillis > 0
  }

  /** What was found when predictors were looked for in a silence. */
  lookedFor(isThere: boolean): void {
    this.#gone = !isThere
  }

  /**
   * Whether there is a predictor. When the last one has gone this says so at once, and
   * `predictorsSeen` later: meanwhile requests are taken for the next.
   */
  predictorsThere(): boolean {
    return !this.#gone && this.predictorsSeen()
  }

  /** Whether somebody predicts: a pull waits, or something was finished or handed out lately. */
  predictorsSeen(): boolean {
    const busy = (this.#last?.ackPending ?? 0) > 0
    return this.#silentMillis < (busy ? PREDICTOR_BUSY_PATIENCE_MILLIS : PREDICTOR_PATIENCE_MILLIS)
  }

  /**
   * Whether the queue was so empty at the last look that `more` requests and `moreBytes` since then
   * leave half of it free.
   */
  hasRoom(more: number, moreBytes: number): boolean {
    const last = this.#last
    if (last === undefined) return false
    const isHalfFree = (used: number, max: number) => max <= 0 || 2 * used < max
    return (
      isHalfFree(last.messages + more, last.messagesMax) &&
      isHalfFree(last.bytes + moreBytes, last.bytesMax)
    )
  }

  /**
   * Seconds until what waits now has been drained. `full` where the server has just said so, ahead
   * of the next look.
   */
  retryAfterSeconds(full: boolean): number {
    const last = this.#last
    const rate = this.ratePerSecond
    if (last === undefined || rate === undefined) return 1
    const limit = full && last.messagesMax > 0 ? last.messagesMax : 0
    const waiting = Math.max(last.messages, limit) - this.parked
    return Math.min(Math.max(Math.ceil(waiting / rate), 1), RETRY_AFTER_MAX_SECONDS)
  }

  /**
   * Only spans that began and ended with work say how fast it can be done; idle ones say how much
   * came.
   */
  #learnRate(before: QueueSample, sample: QueueSample, drained: number): void {
    if (before.messages === 0 || sample.messages === 0) return
    this.#rate.add(sample.at - before.at, drained)
  }
}

const drainedBetween = (before: QueueSample, sample: QueueSample): number =>
  Math.max(0, sample.lastSequence - sample.messages - (before.lastSequence - before.messages))

/** Polls until `stop`. A question that the server did not answer changes nothing. */
export class Backlog {
  readonly state = new BacklogState()
  readonly #poller: Poller

  constructor(log: Log, now: () => number) {
    this.#poller = new Poller(
      async () => {
        try {
          this.state.add(await readQueue(log, now))
          if (this.state.isSilent) this.state.lookedFor(await hasPredictor(log, now))
        } catch {
          // The link's own state says that the log is away; what was known last stays.
        }
      },
      () => (this.state.predictorsThere() ? POLL_INTERVAL_MILLIS : POLL_ALONE_MILLIS),
    )
  }

  start(): Promise<void> {
    return this.#poller.start()
  }

  stop(): Promise<void> {
    return this.#poller.stop()
  }
}
