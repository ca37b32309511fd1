// The page about metrics, made from the registries of the processes themselves, so that it can
// neither forget a metric nor describe one that is not there.
import type { Registry } from "prom-client"
import { makeTracer, tracingSettings } from "#core/service/tracing"
import { readSettings } from "#core/service/settings"
import { DriftMetrics } from "../../drift-monitor/metrics.ts"
import { PerformanceMetrics } from "../../drift-monitor/performance-metrics.ts"
import { QualityMetrics } from "../../drift-monitor/quality-metrics.ts"
import { BacklogState } from "../../gateway/watch/backlog.ts"
import { NOTHING_SEEN } from "../../gateway/watch/log-watch.ts"
import { GrpcMetrics } from "../../gateway/grpc/grpc-metrics.ts"
import { GatewayMetrics } from "../../gateway/metrics.ts"
import { OutcomeMetrics } from "../../gateway/outcomes/outcome-metrics.ts"
import { registerReaders } from "../../gateway/feed/reader-metrics.ts"
import { DoorMetrics } from "../../gateway/quality/door.ts"
import { PredictorMetrics } from "../../predictor/metrics.ts"

export interface DescribedMetric {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labels: ReadonlyArray<string>
}

const VERSION = "0"

/** A tracer's metrics are there with and without a collector. */
const withTracing = (registry: Registry, service: string): Registry => {
  makeTracer(registry, service, VERSION, readSettings(tracingSettings, {}))
  return registry
}

const nothing = () => 0

const gatewayRegistry = (): Registry => {
  const metrics = new GatewayMetrics()
  metrics.watch({
    backlog: new BacklogState(),
    history: { status: undefined },
    log: () => NOTHING_SEEN,
    inFlight: nothing,
  })
  void new OutcomeMetrics(metrics.registry)
  registerReaders(metrics.registry, {
    polls: nothing,
    bulk: { running: 0 },
    feeds: { readers: 0 },
  })
  new DoorMetrics(metrics.registry)
  new GrpcMetrics(metrics.registry, nothing)
  return withTracing(metrics.registry, "gateway")
}

const monitorRegistry = (): Registry => {
  const { registry } = new DriftMetrics(() => [], nothing)
  void new PerformanceMetrics(registry)
  void new QualityMetrics(registry)
  return registry
}

const predictorRegistry = (): Registry => {
  const { registry } = new PredictorMetrics({
    held: nothing,
    heldLimit: nothing,
    workers: 0,
    publishesInFlight: nothing,
    isModel: () => false,
  })
  return withTracing(registry, "predictor")
}

/** What prom-client keeps of a metric besides what it types. */
const labelsOf = (metric: object): ReadonlyArray<string> => {
  const names: unknown = "labelNames" in metric ? metric.labelNames : []
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : []
}

const described = async (registry: Registry): Promise<ReadonlyArray<DescribedMetric>> => {
  const labels = new Map(
    registry.getMetricsAsArray().map((metric) => [metric.name, labelsOf(metric)] as const),
  )
  const all = await registry.getMetricsAsJSON()
  return all
    .map(({ name, type, help }) => ({
      name,
      type: String(type),
      help,
      labels: labels.get(name) ?? [],
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** The metrics of each process, by its name. */
export const describedMetrics = async (): Promise<
  ReadonlyMap<string, ReadonlyArray<DescribedMetric>>
> =>
  new Map([
    ["gateway", await described(gatewayRegistry())],
    ["predictor", await described(predictorRegistry())],
    ["drift-monitor", await described(monitorRegistry())],
  ])

const INTRODUCTION = `# Metrics

Written by \`bun cli/metrics/write-page.ts\` from the registries of the processes; a test compares
this page with them and with what running processes show.

Each process shows its own on \`/metrics\`: the gateway on its port, the others on
\`WEIR_STATUS_PORT\`. Where gateways ask for keys, theirs needs one with the scope \`operate\` (as
\`authorization.credentials\` in a scrape configuration), unless \`WEIR_METRICS_PUBLIC\` is set.
Under \`./weir up\` the gateway's page holds those of every process, each sample with the label
\`process\`, and \`weir_process_up\` says which of them answered; so does any gateway that is told
of others by \`WEIR_METRICS_PEERS\`. Scrape either the one page or each process, not both.

What models do (\`ml_model_…\`) is counted by predictors alone, HTTP by gateways alone: sums over
processes count nothing twice. The levels of the log (\`weir_log_…\`, \`weir_gateway_queue_…\`,
\`weir_gateway_history_…\`) are the same at each gateway: take \`max\`, not \`sum\`. Ids are never
labels.
`

const cell = (text: string): string => text.replaceAll("|", "\\|")
const code = (text: string): string => `\`${text}\``

const section = (process: string, metrics: ReadonlyArray<DescribedMetric>): string => {
  const rows = metrics.map(({ name, type, help, labels }) => {
    const shown = labels.map(code).join(", ")
    return `| ${code(name)} | ${type} | ${shown} | ${cell(help)} |`
  })
  const head = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
  return [`## ${process}`, "", ...head, ...rows].join("\n")
}

export const metricsPage = async (): Promise<string> => {
  const sections = [...(await describedMetrics())].map(([process, all]) => section(process, all))
  const merged = section("On the page of several processes", [
    {
      name: "weir_process_up",
      type: "gauge",
      help: "1 where the metrics of a process could be had for this page",
      labels: ["process"],
    },
  ])
  return `${[INTRODUCTION, ...sections, merged].join("\n\n")}\n`
}
