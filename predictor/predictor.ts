// The path of a request through a predictor: taken from the queue, given a version, checked, run
// together with what waits beside it, settled. Holds a bounded number of requests and hands back
// what it has not begun when it is told to stop.
import { rowsOf } from "../core/inference/batch.ts"
import type { Gates } from "../core/gates/gates.ts"
import { checkRequest } from "../core/inference/check.ts"
import type { Log } from "../core/log/log.ts"
import type { Delivery } from "../core/log/delivery.ts"
import { Pull, type PullLoss } from "../core/log/pull.ts"
import type { Releases, Resolution } from "../core/registry/releases.ts"
import { reasonOf, type Logger } from "../core/service/logger.ts"
import { PREDICTOR, REQUESTS, type ModelAndId } from "../proto/subjects.ts"
import { Batcher, type ChosenVersion, type Group } from "./batcher.ts"
import { failedWork } from "./facts.ts"
import type { FastReceiver } from "./fast-lane.ts"
import { Holding } from "./holding.ts"
import type { PredictorMetrics } from "./metrics.ts"
import type { Models } from "./models.ts"
import { aloneGroup, type Runner } from "./runner.ts"
import type { Settler } from "./settle.ts"
import { Suspects } from "./suspects.ts"
import { isExpired, isFailed, isSuspect, takeWork, type Work } from "./work.ts"

/** A request whose version cannot be had now is delivered again after this. */
const NOT_NOW_PAUSE_MILLIS = 500
/** Longer than the pause between two questions for a queue that is not there. */
const LOST_MILLIS = 3_000

/** How long the last ack waits for the next one: well within the wait of the server. */
const ACK_KEPT_MAX_MILLIS = 100
const ACKS_KEPT_PER_WAIT = 4

export interface PredictorOptions {
  readonly log: Log
  readonly logger: Logger
  readonly releases: Releases
  readonly gates: Gates
  readonly models: Models
  readonly runner: Runner
  readonly settler: Settler
  readonly metrics: PredictorMetrics
  readonly holding: Holding
  readonly lane: FastReceiver
  /** Milliseconds after which the server delivers again what it has heard nothing of. */
  readonly ackWaitMillis: number
  readonly workers: number
  readonly requestBytesMax: number
  readonly deliveriesMax: number
  readonly now: () => number
}

export class Predictor {
  readonly #options: PredictorOptions
  readonly #batcher = new Batcher()
  readonly #pull: Pull
  readonly #runsMax: number
  readonly #suspects: Suspects
  #runs = 0
  #scheduled = false
  #stopping = false
  #lostAt = Number.NEGATIVE_INFINITY
  /** Until a group has waited for others for as long as it may. */
  #waiting: ReturnType<typeof setTimeout> | undefined

  constructor(options: PredictorOptions) {
    this.#options = options
    // One more than can run at once, so that a worker finds its next batch waiting.
    this.#runsMax = options.workers + 1
    this.#suspects = new Suspects((group) => {
      const inTime = this.#withoutLate(group)
      return inTime && options.runner.run(inTime)
    })
    this.#pull = new Pull(options.log, {
      stream: REQUESTS,
      consumer: PREDICTOR,
      repeatsAcks: true,
      ackKeptMillis: Math.min(ACK_KEPT_MAX_MILLIS, options.ackWaitMillis / ACKS_KEPT_PER_WAIT),
      unfinishedMax: options.holding.max,
      unfinishedAtFirst: options.holding.limit,
      onDelivery: (delivery) => this.#receive(delivery),
      onFinished: (delivery) => options.holding.forget(delivery),
      onLoss: (loss) => this.#lose(loss),
    })
    options.lane.open((delivery, names) => this.#take(delivery, names))
    options.holding.onLimit((limit) => this.#pull.setLimit(limit))
  }

  /** Whether requests can be taken: the queue and its consumer were not missing a moment ago. */
  get hasQueue(): boolean {
    return performance.now() - this.#lostAt > LOST_MILLIS
  }

  /**
   * Takes no more, hands back what has not begun, and resolves when all that was begun is settled.
   */
  async stop(): Promise<void> {
    this.#stopping = true
    // First no more is asked for: what is handed back must not come back to this process.
    const stopped = Promise.all([this.#pull.stop(), this.#options.lane.stop()])
    await this.#options.log.connection.flush().catch(() => undefined)
    const waiting = [...this.#batcher.clear(), ...this.#suspects.clear()]
    for (const work of waiting) this.#handBack(work)
    await stopped
  }

  #lose(loss: PullLoss): void {
    // It is asked for again and again until somebody provisions it: one line says it.
    if (this.hasQueue) this.#options.logger.error("the queue is not there", { loss })
    this.#lostAt = performance.now()
  }

  #receive(delivery: Delivery): void {
    const { holding, metrics } = this.#options
    metrics.delivered(delivery.deliveries)
    metrics.taken(this.#options.now() - delivery.storedAt)
    // What this process is at work on is not begun a second time, however late the server heard of
    // that.
    if (holding.isHeld(delivery)) delivery.done()
    else {
      holding.track(delivery)
      if (!this.#options.lane.takesOver(delivery)) this.#take(delivery)
    }
  }

  #take(delivery: Delivery, names?: ModelAndId): void {
    const options = this.#options
    const now = options.now()
    const taken = takeWork(delivery, now, options.requestBytesMax, names)
    if (isFailed(taken)) {
      void options.settler.failed(taken)
      return
    }
    if (delivery.deliveries >= options.deliveriesMax) {
      this.#giveUp(taken)
      return
    }
    if (this.#stopping) {
      this.#handBack(taken)
      return
    }
    if (isExpired(taken, now)) {
      this.#expire(taken)
      return
    }
    const resolution = options.releases.resolve(
      taken.model,
      taken.handling.pinned,
      delivery.storedAt,
    )
    if (resolution.kind === "version") this.#accept(taken, resolution)
    else void this.#resolveAgain(taken)
  }

  /**
   * The last delivery is not run: whatever ended the ones before may end this process too, and then
   * nobody would be left to say so.
   */
  #giveUp(work: Work): void {
    const { settler, deliveriesMax } = this.#options
    const message = `${deliveriesMax - 1} deliveries ended without an answer`
    void settler.failed({ received: work, reason: "exhausted", message })
  }

  /** A version that is not known here may just have been released: the log has the last word. */
  async #resolveAgain(work: Work): Promise<void> {
    const { releases, settler, logger } = this.#options
    let resolution: Resolution
    try {
      await releases.caughtUp()
      resolution = releases.resolve(work.model, work.handling.pinned, work.delivery.storedAt)
    } catch (cause) {
      logger.warn("releases could not be read", { reason: reasonOf(cause) })
      work.delivery.nak(NOT_NOW_PAUSE_MILLIS)
      return
    }
    if (resolution.kind === "version") {
      this.#accept(work, resolution)
      return
    }
    const reason = resolution.kind === "unknown_model" ? "unknown_model" : "unknown_version"
    await settler.failed({ received: work, reason, message: notServed(work, resolution) })
  }

  #accept(work: Work, chosen: ChosenVersion): void {
    const { settler, gates, models } = this.#options
    const bad = checkRequest(chosen.signature, work.request, chosen.config)
    if (bad !== undefined) {
      void settler.failed(failedWork(work, chosen, "invalid", bad.message))
      return
    }
    const verdict = gates.judge(work.model, chosen.signature, work.request)
    if (verdict?.mode === "reject") {
      void settler.failed(failedWork(work, chosen, "quality", verdict.mark.message))
      return
    }
    const judged = verdict === undefined ? work : { ...work, quality: verdict.mark }
    if (models.isHeld(chosen.digest)) this.#enqueue(judged, chosen)
    else void this.#loadThenEnqueue(judged, chosen)
  }

  async #loadThenEnqueue(work: Work, chosen: ChosenVersion): Promise<void> {
    try {
      await this.#options.models.hold(chosen)
    } catch (cause) {
      this.#options.logger.warn("a version cannot be loaded", { reason: reasonOf(cause) })
      work.delivery.nak(NOT_NOW_PAUSE_MILLIS)
      return
    }
    this.#enqueue(work, chosen)
  }

  #enqueue(work: Work, chosen: ChosenVersion): void {
    if (this.#stopping) {
      this.#handBack(work)
      return
    }
    if (isSuspect(work)) {
      this.#suspects.add(aloneGroup({ chosen }, work))
      return
    }
    this.#batcher.add(work, chosen)
    if (this.#scheduled) return
    this.#scheduled = true
    // After everything that came with the same read of the socket.
    setImmediate(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    while (this.#runs < this.#runsMax) {
      const group = this.#batcher.next((digest) => this.#options.models.rowsMax(digest))
      if (group === undefined) {
        this.#pumpLater()
        return
      }
      const inTime = this.#withoutLate(group)
      if (inTime === undefined) continue
      this.#runs++
      void this.#options.runner.run(inTime).then((micros) => {
        this.#runs--
        this.#options.holding.finished(inTime.works.length, micros)
        this.#pump()
      })
    }
  }

  #pumpLater(): void {
    const millis = this.#batcher.waitMillis
    if (millis === undefined || this.#waiting !== undefined) return
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined
      this.#pump()
    }, millis)
  }

  /** What became late while it was held is not run either. */
  #withoutLate(group: Group): Group | undefined {
    const now = this.#options.now()
    if (!group.works.some((work) => isExpired(work, now))) return group
    const works = group.works.filter((work) => !isExpired(work, now))
    for (const work of group.works) if (isExpired(work, now)) this.#expire(work)
    const rows = works.reduce((sum, { request }) => sum + (rowsOf(request) ?? 1), 0)
    return works.length === 0 ? undefined : { ...group, works, rows }
  }

  #expire(work: Work): void {
    const message = `not begun within ${work.handling.timeoutMillis} ms`
    void this.#options.settler.failed({ received: work, reason: "expired", message })
  }

  /**
   * Others may begin it at once; it was delivered once more for nothing, and has deliveries to
   * spare.
   */
  #handBack(work: Work): void {
    work.delivery.nak(0)
  }
}

/** Why no version answers, in words that the caller is told. */
const notServed = ({ model, handling }: Work, { kind, ...rest }: Resolution): string => {
  if (kind === "unknown_model") return "no such model"
  const version = handling.pinned === undefined ? "no version" : `version ${handling.pinned}`
  if (kind === "unknown_version") return `${version} of ${model} is not registered`
  const unreadable = "reason" in rest ? rest.reason : undefined
  return (
    unreadable ?? `${version} of ${model} is ${handling.pinned === undefined ? "" : "not "}loaded`
  )
}
