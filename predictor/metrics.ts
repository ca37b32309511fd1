// What an operator sees of a predictor. Labels are bounded: models, versions, reasons; never ids.
import { Counter, Registry } from "prom-client"
import { registerGauge, registerProcessMetrics } from "../core/service/process-metrics.ts"
import {
  TalliedCounter,
  TalliedHistogram,
  type CounterChild,
  type HistogramChild,
} from "../core/service/tallied-metrics.ts"
import type { Prediction } from "../proto/prediction.ts"
import type { Group } from "./batcher.ts"
import { ServedStatistics } from "./statistics.ts"
import type { Failed } from "./work.ts"

/** Seconds; one and two seconds are edges, since alerts ask about them. */
const DURATION_EDGES = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10,
]
const BATCH_EDGES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
/** Seconds in the queue: from at once to a backlog of minutes. */
const QUEUE_EDGES = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300]
const MILLIS_PER_SECOND = 1_000
const UNKNOWN = "none"

export interface PredictorView {
  readonly held: () => number
  readonly heldLimit: () => number
  readonly workers: number
  readonly publishesInFlight: () => number
  /**
   * Whether a model of this name was ever registered: any other name is a caller's text, not a
   * bounded label.
   */
  readonly isModel: (name: string) => boolean
}

export class PredictorMetrics {
  readonly registry = new Registry()
  /** What the statistics of the protocol say. */
  readonly statistics = new ServedStatistics()
  readonly #isModel: (name: string) => boolean
  readonly #predictions: TalliedCounter<"model" | "version" | "outcome">
  /** The counter that was added to last, and its labels. */
  #lastPredicted: CounterChild | undefined
  #lastModel: string | undefined
  #lastVersion: string | undefined
  readonly #duration: TalliedHistogram<"model" | "version">
  readonly #errors: Counter<"model" | "version" | "reason">
  readonly #batchRows: TalliedHistogram<"ran">
  readonly #batches: TalliedCounter<"closed" | "ran">
  readonly #busy: TalliedCounter<"ran">
  readonly #queued: HistogramChild
  readonly #redeliveries: Counter
  readonly #dead: Counter<"reason">
  readonly #existed: Counter
  readonly #queuedFast: Counter
  readonly #reaped: Counter<"by">

  constructor(view: PredictorView) {
    const registers = [this.registry]
    const counter = <L extends string>(name: string, help: string, ...labelNames: Array<L>) =>
      new Counter({ name, help, labelNames, registers })
    const tallied = <L extends string>(name: string, help: string, ...labelNames: Array<L>) =>
      new TalliedCounter({ name, help, labelNames, registers })
    const histogram = <L extends string>(
      name: string,
      help: string,
      edges: ReadonlyArray<number>,
      ...labelNames: Array<L>
    ) => new TalliedHistogram({ name, help, labelNames, buckets: [...edges], registers })
    this.#isModel = view.isModel
    this.#predictions = tallied(
      "ml_model_predictions_total",
      "Requests that ended, by outcome",
      ...(["model", "version", "outcome"] as const),
    )
    this.#duration = histogram(
      "ml_model_prediction_duration_seconds",
      "Seconds of the run that produced an answer, for the whole batch",
      DURATION_EDGES,
      ...(["model", "version"] as const),
    )
    this.#errors = counter(
      "ml_model_errors_total",
      "Requests that ended without an output, by reason",
      ...(["model", "version", "reason"] as const),
    )
    const ran = "ran" as const
    const rows = "Rows of a run, inline or in a worker thread"
    this.#batchRows = histogram("weir_predictor_batch_rows", rows, BATCH_EDGES, ran)
    this.#batches = tallied(
      "weir_predictor_batches_total",
      "Runs, by why the batch was not larger: full, drained (no more was queued), alone",
      ...(["closed", ran] as const),
    )
    this.#busy = tallied(
      "weir_predictor_run_seconds_total",
      "Seconds of all runs; over the time and weir_predictor_workers it is how busy they are",
      ran,
    )
    const beside = "Requests from beside the queue that were put into it: too many, or at the end"
    this.#queuedFast = counter("weir_predictor_fast_requests_queued_total", beside)
    const queued =
      "From when the server stored a request to when a predictor took it from the queue"
    this.#queued = histogram("weir_predictor_queue_seconds", queued, QUEUE_EDGES).of()
    const again = "Deliveries of a request after its first"
    this.#redeliveries = counter("weir_predictor_redeliveries_total", again)
    const dead = "Dead letters written, by reason"
    this.#dead = counter("weir_predictor_dead_letters_total", dead, "reason")
    const existed = "Facts that were in the log already when they were to be stored"
    this.#existed = counter("weir_predictor_facts_existed_total", existed)
    const reaped = "Requests found parked after their last delivery, by how they were found"
    this.#reaped = counter("weir_predictor_reaped_total", reaped, "by")
    registerGauges(this.registry, view)
  }

  delivered(deliveries: number): void {
    if (deliveries > 1) this.#redeliveries.inc()
  }

  ranBatch(group: Group, ran: "inline" | "worker", seconds: number, model: string): void {
    this.#batches.of(group.closed, ran).add()
    this.#busy.of(ran).add(seconds)
    this.#batchRows.of(ran).observe(group.rows)
    this.#duration.of(model, group.chosen.version).observe(seconds)
  }

  /** `millis` from the server's storing a request to its being taken; clocks may differ. */
  taken(millis: number): void {
    this.#queued.observe(Math.max(0, millis) / MILLIS_PER_SECOND)
  }

  predicted({ model, version = UNKNOWN }: Prediction): void {
    // Looked up, each would cost a list and a text.
    if (model !== this.#lastModel || version !== this.#lastVersion) {
      this.#lastPredicted = this.#predictions.of(model, version, "predicted")
      this.#lastModel = model
      this.#lastVersion = version
    }
    this.#lastPredicted?.add()
  }

  /** `now` in milliseconds since 1970. */
  failed(failure: Failed, now: number): void {
    const { received, reason, version = UNKNOWN } = failure
    this.statistics.failed(failure, now)
    const model = this.#isModel(received.model) ? received.model : UNKNOWN
    this.#predictions.of(model, version, "failed").add()
    this.#errors.inc({ model, version, reason })
  }

  buried({ reason }: Failed): void {
    this.#dead.inc({ reason })
  }

  queuedFast(): void {
    this.#queuedFast.inc()
  }

  factExisted(): void {
    this.#existed.inc()
  }

  reaped(by: "advisory" | "sweep"): void {
    this.#reaped.inc({ by })
  }
}

const registerGauges = (registry: Registry, view: PredictorView): void => {
  registerProcessMetrics(registry)
  const gauge = (name: string, help: string, read: () => number) =>
    registerGauge(registry, name, help, read)
  gauge(
    "weir_predictor_held_requests",
    "Requests delivered and not finished, those from beside the queue as well",
    view.held,
  )
  gauge(
    "weir_predictor_held_requests_limit",
    "Requests that it takes at once; fewer while runs are slow",
    view.heldLimit,
  )
  gauge(
    "weir_predictor_publishes_in_flight",
    "Publishes that wait for their ack",
    view.publishesInFlight,
  )
  gauge("weir_predictor_workers", "Worker threads for longer runs", () => view.workers)
}
