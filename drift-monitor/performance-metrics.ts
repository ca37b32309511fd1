// What an operator sees of ground truth. Labels are models, versions, slices (bounded, see
// core/outcomes) and names of metrics; ids are never labels.
import { Gauge, type Registry } from "prom-client"
import type { Ledger } from "../core/outcomes/ledger.ts"
import type { PerformanceGroup, PerformanceMeasured } from "../proto/outcome.ts"

const MILLIS_PER_SECOND = 1_000
/** The quality that is shown is that of the last window with so many of its rows labelled. */
export const LABELLED_SHARE_MIN = 0.5

const labelsOf = (model: string, { version, slice }: PerformanceGroup) => ({
  model,
  version: version ?? "",
  slice: slice === undefined ? "" : `${slice.feature}=${slice.value}`,
})

type GroupGauge = Gauge<"model" | "version" | "slice" | "metric">
type GroupLabels = {
  readonly [Name in "model" | "version" | "slice" | "metric"]: string
}

export class PerformanceMetrics {
  readonly #outcomes: Gauge<"model" | "kind">
  readonly #unmatched: Gauge<"model">
  readonly #rows: Gauge<"model" | "version" | "labelled">
  readonly #delay: Gauge<"model" | "quantile">
  readonly #quality: GroupGauge
  readonly #expected: GroupGauge
  /** How to take away what is shown of a model. */
  readonly #shown = new Map<string, Array<() => void>>()
  /** Messages of the long log that are stored and not taken. */
  pending = () => 0

  constructor(registry: Registry) {
    const gauge = <L extends string>(name: string, help: string, labelNames: ReadonlyArray<L>) =>
      new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [registry] })
    const setPending = (shown: Gauge) => shown.set(this.pending())
    new Gauge({
      name: "weir_drift_performance_messages_pending",
      help: "Facts and outcomes that are stored and that the watch over performance has not taken",
      registers: [registry],
      collect() {
        setPending(this)
      },
    })
    const ofGroup = ["model", "version", "slice", "metric"] as const
    this.#outcomes = gauge(
      "weir_drift_outcomes",
      "Outcomes of the windows held, by what they did",
      ["model", "kind"],
    )
    this.#unmatched = gauge(
      "weir_drift_outcomes_unmatched",
      "Ids of outcomes without a prediction",
      ["model"],
    )
    this.#rows = gauge("weir_drift_quality_rows", "Rows of the windows held, by having a label", [
      "model",
      "version",
      "labelled",
    ])
    this.#delay = gauge("weir_drift_label_delay_seconds", "From a request to its first label", [
      "model",
      "quantile",
    ])
    this.#quality = gauge(
      "weir_drift_quality",
      "Quality of the last window of whose rows half have labels",
      ofGroup,
    )
    this.#expected = gauge(
      "weir_drift_quality_expected",
      "Quality of the last full window as its probabilities claim, calibrated where labels are",
      ofGroup,
    )
  }

  counted(model: string, { counts, unmatched }: Ledger): void {
    for (const [kind, count] of Object.entries(counts)) this.#outcomes.set({ model, kind }, count)
    this.#unmatched.set({ model }, unmatched.length)
  }

  /** The findings of the windows that are held, in their order. */
  show(model: string, findings: ReadonlyArray<PerformanceMeasured>): void {
    this.#forget(model)
    const totals = new Map<string, { rows: number; labelled: number }>()
    for (const { version, slice, rows, labelled } of findings.flatMap(({ groups }) => groups)) {
      if (version === undefined || slice !== undefined) continue
      const known = totals.get(version) ?? { rows: 0, labelled: 0 }
      totals.set(version, { rows: known.rows + rows, labelled: known.labelled + labelled })
    }
    for (const [version, { rows, labelled }] of totals) {
      this.#rows.set({ model, version, labelled: "true" }, labelled)
      this.#rows.set({ model, version, labelled: "false" }, rows - labelled)
    }
    const judged = findings.findLast(({ groups: [all] }) =>
      all === undefined ? false : all.labelled > 0 && all.labelled >= LABELLED_SHARE_MIN * all.rows,
    )
    for (const group of judged?.groups ?? [])
      for (const [metric, value] of Object.entries(group.metrics))
        this.#set(this.#quality, { ...labelsOf(model, group), metric }, value)
    for (const group of findings.at(-1)?.groups ?? [])
      for (const [metric, value] of Object.entries(group.estimate?.metrics ?? {}))
        this.#set(this.#expected, { ...labelsOf(model, group), metric }, value)
    const { delayMedian, delayMost } = judged ?? {}
    if (delayMedian === undefined || delayMost === undefined) return
    this.#delay.set({ model, quantile: "0.5" }, delayMedian / MILLIS_PER_SECOND)
    this.#delay.set({ model, quantile: "0.95" }, delayMost / MILLIS_PER_SECOND)
  }

  /** Versions and slices that are no longer there must not stand still for ever. */
  #forget(model: string): void {
    for (const remove of this.#shown.get(model) ?? []) remove()
    this.#shown.delete(model)
  }

  #set(gauge: GroupGauge, labels: GroupLabels, value: number): void {
    gauge.set(labels, value)
    const shown = this.#shown.get(labels.model) ?? []
    this.#shown.set(labels.model, shown)
    shown.push(() => gauge.remove(labels))
  }
}
