// Expectations about one column whose rows can be judged only together: duplicates, order, and the
// distance from the mean.
import { Schema } from "effect"
import { define, MetricFailed, type ColumnCheck, type Family } from "./check.ts"
import { Flag, mapColumn } from "./kwargs.ts"
import { hashed } from "./membership.ts"
import { deviationOf, meanOf } from "./sums.ts"
import { cellAt, type Cell, type Column } from "./table.ts"

const columnCheck = (
  metric: string,
  { column, mostly }: { readonly column: string; readonly mostly?: number | null },
  unexpected: ColumnCheck["unexpected"],
): ColumnCheck => ({ kind: "column", metric, column, mostly: mostly ?? 1, unexpected })

/**
 * The numbers of the rows, NaN where missing.
 *
 * @throws MetricFailed where the column has other values.
 */
export const numbersOf = (
  column: Column,
  rows: Uint32Array,
  metric: string,
  message?: string,
): Float64Array => {
  const numbers = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const cell = cellAt(column, rows[i]!)
    if (typeof cell === "string")
      throw new MetricFailed(message ?? `Could not convert '${cell}' to numeric`, metric)
    numbers[i] = cell === null ? Number.NaN : Number(cell)
  }
  return numbers
}

const unique = define(mapColumn, (kwargs) =>
  columnCheck("column_values.unique", kwargs, (column, present) => {
    const counts = new Map<Cell, number>()
    const key = (row: number): Cell => hashed(cellAt(column, row))
    for (const row of present) counts.set(key(row), (counts.get(key(row)) ?? 0) + 1)
    return present.filter((row) => counts.get(key(row)) !== 1)
  }),
)

/** Each value against the one before it, missing rows left out; the first is always in order. */
const order = (metric: string, direction: 1 | -1) =>
  define({ ...mapColumn, strictly: Flag }, (kwargs) =>
    columnCheck(metric, kwargs, (column, present) => {
      // A value that stands alone is in order, whatever it is; nothing is subtracted from it.
      if (present.length < 2) return new Uint32Array()
      const message = "unsupported operand type(s) for -: 'str' and 'str'"
      const numbers = numbersOf(column, present, metric, message)
      const isStrict = kwargs.strictly ?? false
      return present.filter((_, i) => {
        if (i === 0) return false
        const difference = numbers[i]! - numbers[i - 1]!
        // pandas takes the difference of truths as whether they differ.
        const step = (column.type === "boolean" ? Math.abs(difference) : difference) * direction
        return isStrict ? step <= 0 : step < 0
      })
    }),
  )

const Z_SCORE = "column_values.z_score"

const zScores = define({ ...mapColumn, threshold: Schema.Finite, double_sided: Flag }, (kwargs) => {
  const { threshold, double_sided: isDoubleSided } = kwargs
  return columnCheck(Z_SCORE, kwargs, (column, present, all, version) => {
    const numbers = numbersOf(column, all, "column.mean")
    const mean = meanOf(numbers)
    const deviation = deviationOf(numbers)
    // Where the deviation is 0 or undefined there is no distance: nothing is too far away in 1.x,
    // and everything in 0.x.
    if (!(deviation > 0)) return version === 0 ? present : new Uint32Array()
    return present.filter((row) => {
      const z = (Number(cellAt(column, row)) - mean) / deviation
      return !(isDoubleSided === false ? z < threshold : Math.abs(z) < Math.abs(threshold))
    })
  })
})

export const wholeColumnFamily: Family = {
  expect_column_values_to_be_unique: unique,
  expect_column_values_to_be_increasing: order("column_values.increasing", 1),
  expect_column_values_to_be_decreasing: order("column_values.decreasing", -1),
  expect_column_value_z_scores_to_be_less_than: zScores,
}
