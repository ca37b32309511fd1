// From a ledger to what is reported: the quality of each window, and of many together, over all
// rows, by version and by slice. The same ledger gives the same report.
import type { PerformanceGroup, PerformanceMeasured } from "#proto/outcome"
import type { Ledger } from "./ledger.ts"
import {
  calibration,
  CALIBRATION_STEPS,
  claimOf,
  estimated,
  realised,
  type Calibration,
  type Task,
} from "./quality.ts"
import { positivePlace } from "./scored-rows.ts"
import type { LedgerWindow, RowColumns } from "./window-rows.ts"

/** Values of a feature that are reported: those with most rows. */
export const SLICE_VALUES_MAX = 20
const LATE_SHARE = 0.95

/** By the signature of the version that came last. */
export const taskOf = ({ versions, classes, options }: Ledger): Task => {
  const signature = options.signatureOf(versions.text(versions.size - 1))
  if (signature === undefined) return { kind: "other", positive: undefined }
  const place = positivePlace(signature)
  const positive = place < 0 ? undefined : classes.of(String(signature.classes?.[place]))
  return { kind: signature.task, positive }
}

/** Calibrations by version from the first labels of each, made once for a ledger's state. */
export class Calibrations {
  readonly #ledger: Ledger
  readonly #task: Task
  readonly #made = new Map<number, Calibration | undefined>()

  constructor(ledger: Ledger, task: Task) {
    this.#ledger = ledger
    this.#task = task
  }

  of(version: number): Calibration | undefined {
    if (this.#made.has(version)) return this.#made.get(version)
    const labelled = this.#ledger.labelledFirst.get(version) ?? []
    const claims = labelled
      .map(({ window, row }) => claimOf(window.columns, row, this.#task))
      .filter(({ claim }) => !Number.isNaN(claim))
    const rows = CALIBRATION_STEPS.findLast((step) => step <= claims.length) ?? 0
    const used = claims.slice(0, rows)
    const made = calibration(
      used.map(({ claim }) => claim),
      used.map(({ held }) => held),
    )
    this.#made.set(version, made)
    return made
  }
}

export interface GroupName {
  readonly version?: string
  readonly slice?: { readonly feature: string; readonly value: string }
}

interface Named {
  readonly name: GroupName
  readonly rows: ReadonlyArray<number>
}

const byCode = (codes: ReadonlyArray<number>): ReadonlyMap<number, ReadonlyArray<number>> => {
  const groups = new Map<number, Array<number>>()
  codes.forEach((code, row) => {
    const known = groups.get(code)
    if (known === undefined) groups.set(code, [row])
    else known.push(row)
  })
  return groups
}

const namesOf = (ledger: Ledger, columns: RowColumns): ReadonlyArray<Named> => {
  const all = columns.truth.map((_, row) => row)
  const versions = [...byCode(columns.version)]
    .map(([code, rows]) => ({ name: { version: ledger.versions.text(code) ?? "" }, rows }))
    .toSorted((a, b) => (a.name.version < b.name.version ? -1 : 1))
  const slices = ledger.options.sliceFeatures.flatMap((feature, at) =>
    [...byCode(columns.slices[at] ?? [])]
      .flatMap(([code, rows]) => {
        const value = ledger.sliceValues[at]?.text(code)
        return value === undefined ? [] : [{ name: { slice: { feature, value } }, rows }]
      })
      .toSorted(
        (a, b) =>
          b.rows.length - a.rows.length || (a.name.slice.value < b.name.slice.value ? -1 : 1),
      )
      .slice(0, SLICE_VALUES_MAX),
  )
  return [{ name: {}, rows: all }, ...versions, ...slices]
}

const groupOf = (
  columns: RowColumns,
  { name, rows }: Named,
  task: Task,
  calibrations: Calibrations,
): PerformanceGroup => {
  const labelled = rows.filter((row) => !Number.isNaN(columns.truth[row]))
  const estimate = estimated(columns, rows, task, (version) => calibrations.of(version))
  return {
    ...name,
    rows: rows.length,
    labelled: labelled.length,
    metrics: realised(columns, labelled, task),
    ...(estimate === undefined ? {} : { estimate }),
  }
}

/** The columns of several windows one behind the other. */
const joined = (windows: ReadonlyArray<LedgerWindow>, slices: number): RowColumns => {
  const of = <A>(read: (columns: RowColumns) => ReadonlyArray<A>) =>
    windows.flatMap(({ columns }) => read(columns))
  return {
    version: of(({ version }) => version),
    predicted: of(({ predicted }) => predicted),
    positive: of(({ positive }) => positive),
    chances: of(({ chances }) => chances),
    truth: of(({ truth }) => truth),
    delay: of(({ delay }) => delay),
    slices: Array.from({ length: slices }, (_, at) => of((columns) => columns.slices[at] ?? [])),
  }
}

const delaysOf = (columns: RowColumns) => {
  const sorted = columns.delay.filter((one) => !Number.isNaN(one)).toSorted((a, b) => a - b)
  if (sorted.length === 0) return {}
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return { delayMedian: at(0.5) ?? 0, delayMost: at(LATE_SHARE) ?? 0 }
}

export interface Measured {
  readonly groups: ReadonlyArray<PerformanceGroup>
  readonly delayMedian?: number
  readonly delayMost?: number
}

/** The quality of these windows together. */
export const measure = (
  ledger: Ledger,
  windows: ReadonlyArray<LedgerWindow> = ledger.windows,
  task: Task = taskOf(ledger),
  calibrations: Calibrations = new Calibrations(ledger, task),
): Measured => {
  const [only] = windows
  const columns =
    windows.length === 1 && only !== undefined
      ? only.columns
      : joined(windows, ledger.sliceValues.length)
  const groups = namesOf(ledger, columns).map((one) => groupOf(columns, one, task, calibrations))
  return { groups, ...delaysOf(columns) }
}

/** The finding about one window. `at` is in milliseconds since 1970. */
export const measured = (
  ledger: Ledger,
  model: string,
  window: LedgerWindow,
  at: number,
  task: Task = taskOf(ledger),
  calibrations: Calibrations = new Calibrations(ledger, task),
): PerformanceMeasured => ({
  _tag: "PerformanceMeasured",
  model,
  number: window.number,
  window: window.range,
  task: task.kind,
  ...measure(ledger, [window], task, calibrations),
  outcomesTo: window.outcomesTo,
  at,
})
