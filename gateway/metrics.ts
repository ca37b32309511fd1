// What this process counts, under the names that dashboards already have. Labels are bounded:
// routes are patterns, models and versions are known ones, ids are never labels.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client"
import type { BacklogState } from "./backlog.ts"
import type { FactView } from "./fact-view.ts"
import type { HistoryWatch } from "./history-watch.ts"

/** Seconds. */
const LATENCY_EDGES = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60,
]
const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "POST",
  "HEAD",
  "OPTIONS",
  "PUT",
  "DELETE",
  "PATCH",
])

export interface Gauges {
  readonly backlog: BacklogState
  readonly history: Pick<HistoryWatch, "status">
  readonly inFlight: () => number
}

export class GatewayMetrics {
  readonly registry = new Registry()
  readonly #requests: Counter<"endpoint" | "status">
  readonly #latency: Histogram<"endpoint">
  readonly #http: Counter<"method" | "route" | "status">
  readonly #httpDuration: Histogram<"method" | "route">
  readonly #predictions: Counter<"model" | "version" | "outcome">
  readonly #predictionDuration: Histogram<"model" | "version">
  readonly #errors: Counter<"model" | "version" | "reason">
  readonly #publishRefused: Counter<"kind">

  constructor() {
    const registers = [this.registry]
    const buckets = LATENCY_EDGES
    const counter = <L extends string>(name: string, help: string, labelNames: ReadonlyArray<L>) =>
      new Counter({ name, help, labelNames: [...labelNames], registers })
    const histogram = <L extends string>(
      name: string,
      help: string,
      labelNames: ReadonlyArray<L>,
    ) => new Histogram({ name, help, labelNames: [...labelNames], buckets, registers })
    this.#requests = counter("requests_total", "HTTP requests", ["endpoint", "status"])
    this.#latency = histogram("request_latency_seconds", "Time to answer a request", ["endpoint"])
    this.#http = counter("http_requests_total", "HTTP requests", ["method", "route", "status"])
    this.#httpDuration = histogram("http_request_duration_seconds", "Time to answer a request", [
      "method",
      "route",
    ])
    this.#predictions = counter("ml_model_predictions_total", "Answers that callers got", [
      "model",
      "version",
      "outcome",
    ])
    this.#predictionDuration = histogram(
      "ml_model_prediction_duration_seconds",
      "From the request's arrival at the gateway to its fact",
      ["model", "version"],
    )
    this.#errors = counter("ml_model_errors_total", "Failures that callers got", [
      "model",
      "version",
      "reason",
    ])
    this.#publishRefused = counter(
      "weir_gateway_publish_refusals_total",
      "Publishes of requests that the log did not take, by kind",
      ["kind"],
    )
    collectDefaultMetrics({ register: this.registry })
  }

  /** `seconds` from the arrival of the request to its answer. */
  answered(method: string, route: string, status: number, seconds: number): void {
    const known = METHODS.has(method) ? method : "OTHER"
    this.#requests.inc({ endpoint: route, status })
    this.#latency.observe({ endpoint: route }, seconds)
    this.#http.inc({ method: known, route, status })
    this.#httpDuration.observe({ method: known, route }, seconds)
  }

  predicted({ model, version = "", failure }: FactView, seconds: number): void {
    const outcome = failure === undefined ? "predicted" : "failed"
    this.#predictions.inc({ model, version, outcome })
    this.#predictionDuration.observe({ model, version }, seconds)
    if (failure !== undefined) this.#errors.inc({ model, version, reason: failure.reason })
  }

  publishRefused(kind: string): void {
    this.#publishRefused.inc({ kind })
  }

  /** Adds the gauges, which are read when they are asked for. */
  watch({ backlog, history, inFlight }: Gauges): void {
    const registers = [this.registry]
    const gauge = (name: string, help: string, read: () => number | undefined) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          const value = read()
          if (value === undefined) this.remove({})
          else this.set(value)
        },
      })
    gauge("weir_gateway_requests_in_flight", "Requests that wait for their fact", inFlight)
    gauge(
      "weir_gateway_queue_messages",
      "Requests in the queue, being predicted or waiting",
      () => backlog.last?.messages,
    )
    gauge(
      "weir_gateway_queue_ack_pending",
      "Requests that predictors hold",
      () => backlog.last?.ackPending,
    )
    gauge(
      "weir_gateway_queue_parked_messages",
      "Requests that nobody delivers any more",
      () => backlog.parked,
    )
    gauge(
      "weir_gateway_queue_drain_rate_per_second",
      "Requests finished a second while there was work",
      () => backlog.ratePerSecond,
    )
    gauge(
      "weir_gateway_predictors_seen",
      "1 while somebody asks for requests or finishes them",
      () => (backlog.predictorsSeen() ? 1 : 0),
    )
    gauge(
      "weir_gateway_history_lag_messages",
      "Facts that the long log does not hold yet",
      () => history.status?.lag,
    )
    gauge(
      "weir_gateway_history_headroom_used_ratio",
      "That lag over what the hot log can hold; at 1 facts are lost to the long log",
      () => history.status?.headroomUsed,
    )
  }
}
