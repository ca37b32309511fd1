// What an operator sees of a drift-monitor. Labels are models, features and tests, never ids;
// slices share the series of their feature, with the worst of them.
import { Counter, Gauge, Histogram, Registry } from "prom-client"
import type { WindowsOf } from "../core/findings/sources.ts"
import type { DriftFinding, TestOutcome, WindowEvaluated } from "../proto/finding.ts"

/** Seconds in the evaluation thread. */
const EVALUATION_EDGES = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60]

export interface OpenWindow {
  readonly model: string
  readonly rows: number
  /** When its first request was stored, milliseconds since 1970. */
  readonly firstAt: number | undefined
  readonly queued: number
  readonly pending: number
}

type TestLabels = "model" | "feature" | "test"

export class DriftMetrics {
  readonly registry = new Registry()
  readonly #events: Counter<"model" | "feature">
  readonly #windows: Counter<"model" | "verdict">
  readonly #facts: Counter<"model">
  readonly #rows: Counter<"model">
  readonly #seconds: Histogram<"model">
  readonly #tests: Readonly<
    Record<"statistic" | "pvalue" | "effect" | "threshold", Gauge<TestLabels>>
  >
  readonly #drifting: Gauge<"model">
  readonly #nulls: Gauge<"model" | "feature">
  readonly #unseen: Gauge<"model" | "feature">
  readonly #falseAlarms: Gauge<"model">
  readonly #untested: Gauge<"model">
  readonly #off: Gauge<"model">
  readonly #misspelt: Gauge
  readonly #attempts: Counter<"target" | "outcome">

  readonly #parts = new Map<Gauge<"model">, Map<string, number>>()

  constructor(openWindows: () => ReadonlyArray<OpenWindow>, now: () => number) {
    const registers = [this.registry]
    const gauge = <L extends string>(name: string, help: string, labelNames: ReadonlyArray<L>) =>
      new Gauge<L>({ name, help, labelNames: [...labelNames], registers })
    const counter = <L extends string>(name: string, help: string, labelNames: ReadonlyArray<L>) =>
      new Counter<L>({ name, help, labelNames: [...labelNames], registers })
    const tested = ["model", "feature", "test"] as const
    const ofFeature = ["model", "feature"] as const
    this.#events = counter("drift_events_total", "Drift that was reported, by feature", ofFeature)
    this.#windows = counter("weir_drift_windows_total", "Windows evaluated, by verdict", [
      "model",
      "verdict",
    ])
    this.#facts = counter("weir_drift_facts_total", "Facts read", ["model"])
    this.#rows = counter("weir_drift_rows_total", "Rows read", ["model"])
    this.#seconds = new Histogram({
      name: "weir_drift_evaluation_seconds",
      help: "Time that one window took in the evaluation thread",
      labelNames: ["model"] as const,
      buckets: EVALUATION_EDGES,
      registers,
    })
    this.#tests = {
      statistic: gauge("weir_drift_statistic", "Statistic of the last window", tested),
      pvalue: gauge("weir_drift_pvalue", "p-value of the last window", tested),
      effect: gauge("weir_drift_effect", "Effect size of the last window", tested),
      threshold: gauge("weir_drift_threshold", "What p or the statistic was compared with", tested),
    }
    this.#drifting = gauge("weir_drift_drifting_tests", "Drift reported and not over", ["model"])
    this.#nulls = gauge("weir_drift_null_ratio", "Share of rows without a value", ofFeature)
    this.#unseen = gauge("weir_drift_unseen_ratio", "Share of values that are new", ofFeature)
    this.#falseAlarms = gauge(
      "weir_drift_expected_false_alarms_per_day",
      "Reports per day that no change explains, at most, at the present rate of windows",
      ["model"],
    )
    this.#untested = gauge(
      "weir_drift_untested_columns",
      "Columns of the last window that could not be tested; ./weir drift says why",
      ["model"],
    )
    this.#off = gauge(
      "weir_drift_watch_off",
      "1 while a model is not watched: its reference cannot be used, or is not there yet",
      ["model"],
    )
    this.#misspelt = gauge(
      "weir_drift_configuration_problems",
      "Columns, features and models that the configuration names and nothing has",
      [],
    )
    this.#attempts = counter("weir_webhook_attempts_total", "Attempts to send an alert", [
      "target",
      "outcome",
    ])
    this.#open(openWindows, now)
  }

  attempted(target: string, outcome: string): void {
    this.#attempts.inc({ target, outcome })
  }

  /** What of the configuration names nothing that there is. */
  misspelt(problems: number): void {
    this.#misspelt.set(problems)
  }

  watching(model: string): void {
    this.#off.set({ model }, 0)
  }

  off(model: string): void {
    this.#off.set({ model }, 1)
  }

  read(model: string, rows: number): void {
    this.#facts.inc({ model })
    if (rows > 0) this.#rows.inc({ model }, rows)
  }

  evaluated(
    finding: WindowEvaluated,
    of: WindowsOf,
    millis: number,
    falseAlarms: number | undefined,
  ): void {
    const { model } = finding
    this.#windows.inc({ model, verdict: finding.verdict })
    this.#seconds.observe({ model }, millis / 1_000)
    if (falseAlarms !== undefined) this.#sum(this.#falseAlarms, model, of, falseAlarms)
    this.show(finding, of)
  }

  /** Shows the figures of a window that was evaluated, now or before this process began. */
  show({ model, tests, columns, persistence }: WindowEvaluated, of: WindowsOf): void {
    this.#sum(this.#drifting, model, of, persistence.drifting.length)
    const problems = tests.filter(({ problem }) => problem !== undefined)
    this.#sum(this.#untested, model, of, new Set(problems.map(({ feature }) => feature)).size)
    for (const [feature, test, one] of worst(tests)) {
      const labels = { model, feature, test }
      const { statistic, pvalue, effect, threshold } = one
      const numbers = { statistic, pvalue, effect, threshold }
      for (const name of ["statistic", "pvalue", "effect", "threshold"] as const) {
        const value = numbers[name]
        if (value === undefined) this.#tests[name].remove(labels)
        else this.#tests[name].set(labels, value)
      }
    }
    for (const { name: feature, nullRate, unseenRate } of columns) {
      if (nullRate !== undefined) this.#nulls.set({ model, feature }, nullRate)
      if (unseenRate !== undefined) this.#unseen.set({ model, feature }, unseenRate)
    }
  }

  /** One series for both kinds of windows of a model. */
  #sum(gauge: Gauge<"model">, model: string, of: WindowsOf, value: number): void {
    const parts = this.#parts.get(gauge) ?? new Map<string, number>()
    this.#parts.set(gauge, parts.set(`${of} ${model}`, value))
    const kinds: ReadonlyArray<WindowsOf> = ["predictions", "truth"]
    gauge.set(
      { model },
      kinds.reduce((sum, kind) => sum + (parts.get(`${kind} ${model}`) ?? 0), 0),
    )
  }

  reported(finding: DriftFinding): void {
    if (finding._tag !== "DriftDetected") return
    for (const feature of new Set(finding.features.map(({ name }) => name)))
      this.#events.inc({ model: finding.model, feature })
  }

  #open(openWindows: () => ReadonlyArray<OpenWindow>, now: () => number): void {
    const read = (name: string, help: string, value: (open: OpenWindow) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ["model"] as const,
        registers: [this.registry],
        collect() {
          for (const open of openWindows()) this.set({ model: open.model }, value(open))
        },
      })
    read("weir_drift_window_age_seconds", "Since the first request of the open window", (open) =>
      open.firstAt === undefined ? 0 : Math.max(0, now() - open.firstAt) / 1_000,
    )
    read("weir_drift_window_rows", "Rows in the open window", (open) => open.rows)
    read("weir_drift_windows_queued", "Windows that wait to be tested", (open) => open.queued)
    read(
      "weir_drift_facts_pending",
      "Facts not taken yet; what the reader that all models share has not read counts for each",
      (open) => open.pending,
    )
  }
}

/** Per feature and test the outcome over all rows, or the slice with the smallest p. */
const worst = (
  tests: ReadonlyArray<TestOutcome>,
): ReadonlyArray<readonly [feature: string, test: string, outcome: TestOutcome]> => {
  const found = new Map<string, TestOutcome>()
  for (const test of tests) {
    const key = JSON.stringify([test.feature, test.test])
    const before = found.get(key)
    const lower = (test.pvalue ?? 1) < (before?.pvalue ?? 1) || (test.drifted && !before?.drifted)
    if (before === undefined || lower) found.set(key, test)
  }
  return [...found.values()].map((one) => [one.feature, one.test, one] as const)
}
