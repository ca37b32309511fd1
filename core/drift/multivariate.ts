// All numeric columns together, by MMD on a seeded sample: what changes only in how columns go
// together shows nowhere else. Rows with a missing value are left out.
import { drawPermutations, mmd, mmdReference } from "#core/statistics/mmd"
import { fromFeatures, standardiser, type Rows } from "#core/statistics/rows"
import { choose, seededRandom } from "#core/statistics/seeded-random"
import type { TestOutcome } from "#proto/finding"
import type { PreparedReference } from "./prepared.ts"
import { numericColumns } from "./samples.ts"
import type { DriftSettings } from "./settings.ts"
import type { Table } from "./table.ts"

export const TOGETHER = "(all numeric)"
export const MMD_TEST = "mmd"

/** Complete rows, at most so many, chosen by the seed. */
const sample = (
  table: Table,
  names: ReadonlyArray<string>,
  rowsMax: number,
  seed: number,
): Rows => {
  const columns = numericColumns(table, names)
  const complete: Array<number> = []
  for (let row = 0; row < table.rows; row++)
    if (columns.every((values) => Number.isFinite(values[row]))) complete.push(row)
  const kept =
    complete.length <= rowsMax
      ? complete
      : [...choose(complete.length, rowsMax, seededRandom(seed))].map((at) => complete[at] ?? 0)
  return fromFeatures(columns.map((values) => Float64Array.from(kept, (row) => values[row] ?? NaN)))
}

/** The test, or nothing where it is not configured. α is its own: p is at least 1/(B + 1). */
export const testTogether = (
  reference: PreparedReference,
  window: Table,
  settings: DriftSettings,
  seed: number,
): ReadonlyArray<TestOutcome> => {
  if (settings.mmd === undefined) return []
  const names = reference.all.features
    .filter(({ column }) => column.kind === "numeric")
    .map(({ column }) => column.name)
    .filter((name) => settings.columns[name]?.ignore !== true)
  const { rows, permutations } = settings.mmd
  const x = sample(reference.table, names, rows, seed)
  const y = sample(window, names, rows, seed)
  const outcome = {
    feature: TOGETHER,
    test: MMD_TEST,
    rows: y.count,
    referenceRows: x.count,
    drifted: false,
  }
  const least = Math.min(x.count, y.count)
  if (least < Math.max(2, settings.rowsMin))
    return [{ ...outcome, problem: `${least} complete rows, of at least ${settings.rowsMin}` }]
  try {
    const scaled = standardiser(x)
    const orders = drawPermutations(x.count + y.count, permutations, seed)
    const found = mmd(mmdReference(scaled(x)), scaled(y), orders, { alpha: settings.alpha })
    const { distance, pvalue, drift } = found
    const numbers = { statistic: distance, pvalue, effect: distance, threshold: settings.alpha }
    return [{ ...outcome, ...numbers, drifted: drift }]
  } catch (cause) {
    return [{ ...outcome, problem: cause instanceof Error ? cause.message : String(cause) }]
  }
}
