// What an operator sees of a predictor. Labels are bounded: models, versions, reasons; never ids.
import { Counter, Gauge, Histogram, Registry } from "prom-client"
import type { Prediction } from "../proto/prediction.ts"
import type { Group } from "./batcher.ts"
import type { Failed } from "./work.ts"

/** Seconds; one and two seconds are edges, since alerts ask about them. */
const DURATION_EDGES = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10,
]
const BATCH_EDGES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
const UNKNOWN = "none"

export interface PredictorView {
  readonly held: () => number
  readonly publishesInFlight: () => number
  /**
   * Whether a model of this name was ever registered: any other name is a caller's text, not a
   * bounded label.
   */
  readonly isModel: (name: string) => boolean
}

export class PredictorMetrics {
  readonly registry = new Registry()
  readonly #isModel: (name: string) => boolean
  readonly #predictions: Counter<"model" | "version" | "outcome">
  readonly #duration: Histogram<"model" | "version">
  readonly #errors: Counter<"model" | "version" | "reason">
  readonly #batchRows: Histogram<"ran">
  readonly #batches: Counter<"closed" | "ran">
  readonly #redeliveries: Counter
  readonly #dead: Counter<"reason">
  readonly #existed: Counter
  readonly #reaped: Counter<"by">

  constructor(view: PredictorView) {
    const registers = [this.registry]
    this.#isModel = view.isModel
    this.#predictions = new Counter({
      name: "ml_model_predictions_total",
      help: "Requests that ended, by outcome",
      labelNames: ["model", "version", "outcome"] as const,
      registers,
    })
    this.#duration = new Histogram({
      name: "ml_model_prediction_duration_seconds",
      help: "Seconds of the run that produced an answer, for the whole batch",
      labelNames: ["model", "version"] as const,
      buckets: DURATION_EDGES,
      registers,
    })
    this.#errors = new Counter({
      name: "ml_model_errors_total",
      help: "Requests that ended without an output, by reason",
      labelNames: ["model", "version", "reason"] as const,
      registers,
    })
    this.#batchRows = new Histogram({
      name: "weir_predictor_batch_rows",
      help: "Rows of a run, inline or in a worker thread",
      labelNames: ["ran"] as const,
      buckets: BATCH_EDGES,
      registers,
    })
    this.#batches = new Counter({
      name: "weir_predictor_batches_total",
      help: "Runs, by why the batch was not larger: full, drained (no more was queued), alone",
      labelNames: ["closed", "ran"] as const,
      registers,
    })
    const counter = (name: string, help: string) => new Counter({ name, help, registers })
    this.#redeliveries = counter(
      "weir_predictor_redeliveries_total",
      "Deliveries of a request after its first",
    )
    this.#dead = new Counter({
      name: "weir_predictor_dead_letters_total",
      help: "Dead letters written, by reason",
      labelNames: ["reason"] as const,
      registers,
    })
    this.#existed = counter(
      "weir_predictor_facts_existed_total",
      "Facts that were in the log already when they were to be stored",
    )
    this.#reaped = new Counter({
      name: "weir_predictor_reaped_total",
      help: "Requests found parked after their last delivery, by how they were found",
      labelNames: ["by"] as const,
      registers,
    })
    registerGauges(this.registry, view)
  }

  delivered(deliveries: number): void {
    if (deliveries > 1) this.#redeliveries.inc()
  }

  ranBatch(group: Group, ran: "inline" | "worker", seconds: number, model: string): void {
    this.#batches.inc({ closed: group.closed, ran })
    this.#batchRows.observe({ ran }, group.rows)
    this.#duration.observe({ model, version: group.chosen.version }, seconds)
  }

  predicted({ model, version = UNKNOWN }: Prediction): void {
    this.#predictions.inc({ model, version, outcome: "predicted" })
  }

  failed({ received, reason, version = UNKNOWN }: Failed): void {
    const model = this.#isModel(received.model) ? received.model : UNKNOWN
    this.#predictions.inc({ model, version, outcome: "failed" })
    this.#errors.inc({ model, version, reason })
  }

  buried({ reason }: Failed): void {
    this.#dead.inc({ reason })
  }

  factExisted(): void {
    this.#existed.inc()
  }

  reaped(by: "advisory" | "sweep"): void {
    this.#reaped.inc({ by })
  }
}

const registerGauges = (registry: Registry, view: PredictorView): void => {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge("weir_predictor_held_requests", "Requests delivered and not finished", view.held)
  gauge(
    "weir_predictor_publishes_in_flight",
    "Publishes that wait for their ack",
    view.publishesInFlight,
  )
}
