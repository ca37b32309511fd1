// Quality as tables for people: what labels say, and beside it what was to be expected without
// them.
import type { PerformanceGroup } from "#proto/outcome"
import { countText, table, type Column } from "../table.ts"

/** Heads by the names of metrics, in the order of the columns. */
const HEADS: Readonly<Record<string, string>> = {
  accuracy: "ACCURACY",
  auc: "AUC",
  log_loss: "LOG LOSS",
  brier: "BRIER",
  calibration_error: "CAL. ERROR",
  f1: "F1",
  mae: "MAE",
  rmse: "RMSE",
  r2: "R2",
}
const ESTIMATED: ReadonlyArray<string> = ["accuracy", "auc"]

export const figure = (value: number | undefined): string =>
  value === undefined ? "–" : value.toFixed(4)

export const percent = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`

export const nameOf = ({ version, slice }: PerformanceGroup): string => {
  if (slice !== undefined) return `${slice.feature} = ${slice.value}`
  return version === undefined ? "all" : `version ${version}`
}

export interface NamedGroup {
  readonly name: string
  readonly group: PerformanceGroup
}

/** Heads and cells; metrics that no group has are left out. */
export const cellsOf = (groups: ReadonlyArray<NamedGroup>) => {
  const shown = Object.keys(HEADS).filter((name) =>
    groups.some(({ group }) => name in group.metrics || (group.estimate?.metrics ?? {})[name]),
  )
  const names = shown.filter((name) =>
    groups.some(({ group }) => name in group.metrics || ESTIMATED.includes(name)),
  )
  const right = (name: string): Column => ({ name, align: "right" })
  const columns: ReadonlyArray<Column> = [
    { name: "ROWS OF" },
    right("ROWS"),
    right("LABELLED"),
    ...names.flatMap((name) => [
      right(HEADS[name] ?? name),
      ...(ESTIMATED.includes(name) ? [right("EXPECTED")] : []),
    ]),
  ]
  const cells = groups.map(({ name, group }) => [
    name,
    countText(group.rows),
    percent(group.labelled, group.rows),
    ...names.flatMap((metric) => [
      figure(group.metrics[metric]),
      ...(ESTIMATED.includes(metric) ? [figure(group.estimate?.metrics[metric])] : []),
    ]),
  ])
  return { columns, cells }
}

export const groupsTable = (groups: ReadonlyArray<NamedGroup>): string => {
  const { columns, cells } = cellsOf(groups)
  return table(columns, cells)
}

/** What the expected figures rest on, in a sentence; empty where there are none. */
export const estimateText = (group: PerformanceGroup | undefined): string => {
  const { estimate } = group ?? {}
  if (estimate === undefined) return ""
  const error = estimate.accuracyError
  const within = error === undefined ? "" : `; accuracy ± ${figure(2 * error)} by sampling`
  const rows = countText(estimate.calibratedOn)
  return estimate.calibratedOn === 0
    ? `expected: from the probabilities as they are, no labels calibrated them yet${within}`
    : `expected: from probabilities calibrated on ${rows} labelled rows${within}`
}
