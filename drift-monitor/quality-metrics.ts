// What operators see of the suites over windows.
import { Counter, Gauge, Histogram, type Registry } from "prom-client"
import type { QualityEvaluated, QualityReport } from "../proto/quality-finding.ts"

const SECONDS_EDGES = [0.001, 0.01, 0.1, 0.5, 1, 5, 30]
const PERCENT = 100

type Labels = "model" | "expectation" | "column"

export class QualityMetrics {
  readonly #windows: Counter<"model" | "verdict">
  readonly #failing: Gauge<"model">
  readonly #unexpected: Gauge<Labels>
  readonly #observed: Gauge<Labels>
  readonly #failures: Counter<Labels>
  readonly #seconds: Histogram<"model">

  constructor(registry: Registry) {
    const registers = [registry]
    const labelNames = ["model", "expectation", "column"] as const
    this.#windows = new Counter({
      name: "weir_quality_windows_total",
      help: "Windows that a suite judged, by verdict",
      labelNames: ["model", "verdict"],
      registers,
    })
    this.#failing = new Gauge({
      name: "weir_quality_failing_expectations",
      help: "Expectations that the last window did not meet",
      labelNames: ["model"],
      registers,
    })
    this.#unexpected = new Gauge({
      name: "weir_quality_unexpected_ratio",
      help: "Share of values of the last window that are not as expected",
      labelNames,
      registers,
    })
    this.#observed = new Gauge({
      name: "weir_quality_observed",
      help: "What an expectation about a whole column observed in the last window",
      labelNames,
      registers,
    })
    this.#failures = new Counter({
      name: "weir_quality_failures_total",
      help: "Expectations that began to fail, as they were reported",
      labelNames,
      registers,
    })
    this.#seconds = new Histogram({
      name: "weir_quality_evaluation_seconds",
      help: "Time that one window took: reading its facts and judging them",
      labelNames: ["model"] as const,
      buckets: SECONDS_EDGES,
      registers,
    })
  }

  evaluated(finding: QualityEvaluated, millis: number): void {
    this.#windows.inc({ model: finding.model, verdict: finding.verdict })
    this.#seconds.observe({ model: finding.model }, millis / 1_000)
    this.show(finding)
  }

  /** Shows the figures of a window that was judged, now or before this process began. */
  show({ model, failing, outcomes }: QualityEvaluated): void {
    this.#failing.set({ model }, failing.length)
    for (const { type: expectation, columns, unexpectedPercent, observed } of outcomes) {
      const labels = { model, expectation, column: columns.join(" ") }
      if (unexpectedPercent !== undefined) this.#unexpected.set(labels, unexpectedPercent / PERCENT)
      if (observed !== undefined) this.#observed.set(labels, observed)
    }
  }

  reported(report: QualityReport): void {
    if (report._tag !== "QualityFailed") return
    for (const { type: expectation, columns } of report.expectations)
      this.#failures.inc({ model: report.model, expectation, column: columns.join(" ") })
  }
}
