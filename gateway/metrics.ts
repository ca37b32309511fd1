// What this process counts, under the names that dashboards already have. Labels are bounded:
// routes are patterns, models and versions are known ones, ids are never labels. What models do is
// counted by those who run them, so that no prediction is counted twice in a sum over processes.
import { Counter, Gauge, Registry } from "prom-client"
import { registerGauge, registerProcessMetrics } from "#core/service/process-metrics"
import {
  TalliedCounter,
  TalliedHistogram,
  type CounterChild,
  type HistogramChild,
} from "#core/service/tallied-metrics"
import type { BacklogState } from "./watch/backlog.ts"
import type { FactView } from "./predictions/fact-view.ts"
import type { HistoryWatch } from "./watch/history-watch.ts"
import { headroomSeconds, type LogView, type StreamLevel } from "./watch/log-watch.ts"

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
  readonly log: () => LogView
  readonly inFlight: () => number
}

export type CallerRefusal = "unauthenticated" | "forbidden" | "rateLimited"
const REFUSALS: Readonly<Record<CallerRefusal, string>> = {
  unauthenticated: "unauthenticated",
  forbidden: "forbidden",
  rateLimited: "rate_limited",
}

/** What one kind of answer is counted in. */
interface Answered {
  readonly requests: CounterChild
  readonly http: CounterChild
  readonly latency: HistogramChild
  readonly httpDuration: HistogramChild
}

/** The map under a name of another, which is made where it is missing. */
const within = <K, V>(maps: Map<string, Map<K, V>>, name: string): Map<K, V> => {
  const known = maps.get(name)
  if (known !== undefined) return known
  const made = new Map<K, V>()
  maps.set(name, made)
  return made
}

export class GatewayMetrics {
  readonly registry = new Registry()
  readonly #requests: TalliedCounter<"endpoint" | "status">
  readonly #latency: TalliedHistogram<"endpoint">
  readonly #http: TalliedCounter<"method" | "route" | "status">
  readonly #httpDuration: TalliedHistogram<"method" | "route">
  readonly #answers: TalliedHistogram<"model" | "version" | "outcome">
  /** By route, method and status, and by model and version: found again without making a text. */
  readonly #answered = new Map<string, Map<string, Map<number, Answered>>>()
  readonly #predicted = new Map<string, Map<string, HistogramChild>>()
  readonly #publishRefused: Counter<"kind">
  readonly #callersRefused: Counter<"reason">
  readonly #fast: CounterChild
  readonly #fastLate: CounterChild

  constructor() {
    const registers = [this.registry]
    const buckets = [...LATENCY_EDGES]
    const counter = <L extends string>(name: string, help: string, labelNames: ReadonlyArray<L>) =>
      new Counter({ name, help, labelNames: [...labelNames], registers })
    const histogram = <L extends string>(
      name: string,
      help: string,
      labelNames: ReadonlyArray<L>,
    ) => new TalliedHistogram({ name, help, labelNames: [...labelNames], buckets, registers })
    const tallied = <L extends string>(name: string, help: string, labelNames: ReadonlyArray<L>) =>
      new TalliedCounter({ name, help, labelNames: [...labelNames], registers })
    this.#requests = tallied("requests_total", "HTTP requests", ["endpoint", "status"])
    this.#latency = histogram("request_latency_seconds", "Time to answer a request", ["endpoint"])
    this.#http = tallied("http_requests_total", "HTTP requests", ["method", "route", "status"])
    this.#httpDuration = histogram("http_request_duration_seconds", "Time to answer a request", [
      "method",
      "route",
    ])
    this.#answers = histogram(
      "weir_gateway_answer_seconds",
      "From a request's arrival at the gateway to its fact; what the model takes is another metric",
      ["model", "version", "outcome"],
    )
    this.#publishRefused = counter(
      "weir_gateway_publish_refusals_total",
      "Publishes of requests that the log did not take, by kind",
      ["kind"],
    )
    this.#callersRefused = counter(
      "weir_gateway_caller_refusals_total",
      "Requests refused for the caller's key, by reason",
      ["reason"],
    )
    this.#fast = tallied(
      "weir_gateway_fast_requests_total",
      "Requests that went to a predictor beside the queue",
      [],
    ).of()
    this.#fastLate = tallied(
      "weir_gateway_fast_requests_late_total",
      "Of them, those whose fact did not come soon, so that they were to be queued",
      [],
    ).of()
    registerProcessMetrics(this.registry)
  }

  sentFast(): void {
    this.#fast.add()
  }

  fastLate(): void {
    this.#fastLate.add()
  }

  /** `seconds` from the arrival of the request to its answer. */
  answered(method: string, route: string, status: number, seconds: number): void {
    const known = METHODS.has(method) ? method : "OTHER"
    const children =
      this.#answered.get(route)?.get(known)?.get(status) ?? this.#answeredOf(known, route, status)
    children.requests.add()
    children.http.add()
    children.latency.observe(seconds)
    children.httpDuration.observe(seconds)
  }

  predicted({ model, version = "", failure }: FactView, seconds: number): void {
    const child =
      failure === undefined
        ? (this.#predicted.get(model)?.get(version) ?? this.#predictedOf(model, version))
        : this.#answers.of(model, version, "failed")
    child.observe(seconds)
  }

  publishRefused(kind: string): void {
    this.#publishRefused.inc({ kind })
  }

  callerRefused(error: string): void {
    if (error === "unauthenticated" || error === "forbidden" || error === "rateLimited")
      this.#callersRefused.inc({ reason: REFUSALS[error] })
  }

  #predictedOf(model: string, version: string): HistogramChild {
    const child = this.#answers.of(model, version, "predicted")
    within(this.#predicted, model).set(version, child)
    return child
  }

  #answeredOf(method: string, route: string, status: number): Answered {
    const children: Answered = {
      requests: this.#requests.of(route, status),
      http: this.#http.of(method, route, status),
      latency: this.#latency.of(route),
      httpDuration: this.#httpDuration.of(method, route),
    }
    within(within(this.#answered, route), method).set(status, children)
    return children
  }

  /** Adds the gauges, which are read when they are asked for. */
  watch(gauges: Gauges): void {
    registerQueue(this.registry, gauges)
    registerHistory(this.registry, gauges)
    registerStreams(this.registry, gauges)
  }
}

const registerQueue = (registry: Registry, { backlog, inFlight }: Gauges): void => {
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    registerGauge(registry, name, help, read)
  gauge("weir_gateway_requests_in_flight", "Requests that wait for their fact", inFlight)
  gauge(
    "weir_gateway_queue_messages",
    "Requests in the queue, being predicted or waiting",
    () => backlog.last?.messages,
  )
  gauge(
    "weir_gateway_queue_messages_limit",
    "Requests that the queue may hold; more are refused with 429",
    () => backlog.last?.messagesMax,
  )
  gauge(
    "weir_gateway_queue_pending",
    "Requests that no predictor has taken yet",
    () => backlog.last?.pending,
  )
  gauge(
    "weir_gateway_queue_ack_pending",
    "Requests that predictors hold",
    () => backlog.last?.ackPending,
  )
  gauge(
    "weir_gateway_queue_redelivered",
    "Of those, the ones that were delivered more than once",
    () => backlog.last?.redelivered,
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
}

const registerHistory = (registry: Registry, { history, log }: Gauges): void => {
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    registerGauge(registry, name, help, read)
  gauge(
    "weir_gateway_history_lag_messages",
    "Facts that the long log does not hold yet; what it missed counts too, for a minute",
    () => history.status?.lag,
  )
  gauge(
    "weir_gateway_history_headroom_used_ratio",
    "That lag over what the hot log can hold; at 1 facts are lost to the long log",
    () => history.status?.headroomUsed,
  )
  gauge(
    "weir_gateway_history_missing_messages",
    "Facts that the long log lost: gaps in the positions that it holds",
    () => log().missing,
  )
  gauge(
    "weir_gateway_history_headroom_seconds",
    "How long the hot log holds what comes at the highest rate seen; at least 60 are wanted",
    () => headroomSeconds(log()),
  )
}

const registerStreams = (registry: Registry, { log }: Gauges): void => {
  const perStream = (
    name: string,
    help: string,
    read: (level: StreamLevel) => number | undefined,
  ) => {
    const gauge: Gauge<"stream"> = new Gauge({
      name,
      help,
      labelNames: ["stream"] as const,
      registers: [registry],
      collect: () => {
        for (const level of log().streams) {
          const value = read(level)
          if (value !== undefined) gauge.set({ stream: level.name }, value)
        }
      },
    })
  }
  perStream("weir_log_stream_messages", "Messages in a stream", ({ messages }) => messages)
  perStream("weir_log_stream_bytes", "Size of a stream", ({ bytes }) => bytes)
  perStream(
    "weir_log_stream_full_ratio",
    "Share of a stream's nearest limit that is used",
    ({ full }) => full,
  )
  registerGauge(
    registry,
    "weir_log_sync_always",
    "1 where the server syncs the disk before it acknowledges; absent without NATS_MONITOR_URL",
    () => {
      const { syncAlways } = log()
      return syncAlways === undefined ? undefined : Number(syncAlways)
    },
  )
}
