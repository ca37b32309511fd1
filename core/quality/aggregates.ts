// Expectations about one number computed of a column: extremes, mean, median, deviation, sum, and
// how many values differ.
import {
  define,
  MetricFailed,
  type AggregateCheck,
  type Family,
  type Observation,
  type SuiteVersion,
} from "./check.ts"
import { bounds, oneColumn } from "./kwargs.ts"
import { intervalFor, intervalOf, isWithin, loosely, type Interval } from "./interval.ts"
import { hashed } from "./membership.ts"
import { deviationOf, meanOf, medianOf, sumOf } from "./sums.ts"
import { cellAt, presentRows, shown, type Cell, type Column, type Domain } from "./table.ts"
import { numbersOf } from "./whole-column.ts"

/** @throws MetricFailed where there is no such column. */
export const columnIn = ({ table }: Domain, name: string, metric: string): Column => {
  const column = table.columns.get(name)
  if (column !== undefined) return column
  throw new MetricFailed(`Error: The column "${name}" in BatchData does not exist.`, metric)
}

/** The values that are there, in the order of the rows. */
export const presentCells = (column: Column, rows: Uint32Array): ReadonlyArray<Cell> =>
  Array.from(presentRows(column, rows), (row) => cellAt(column, row))

/** Ascending; numbers before text, which Python would not compare. */
export const sortedCells = (cells: Iterable<Cell>): ReadonlyArray<Cell> =>
  [...cells].sort((a, b) => {
    const [left, right] = [hashed(a), hashed(b)]
    if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1
    if (left === right || left === null || right === null) return 0
    return left < right ? -1 : 1
  })

const within = (observed: Cell, column: Column, interval: Interval): Observation => {
  if (observed === null || observed !== observed)
    return { success: false, result: { observed_value: null } }
  const value = typeof observed === "boolean" ? Number(observed) : observed
  return {
    success: isWithin(value, intervalFor(column.type, interval)),
    result: { observed_value: shown(observed, column.type) },
  }
}

/** The value that the bounds are about. */
type Measure = (column: Column, rows: Uint32Array, metric: string, version: SuiteVersion) => Cell

const between = (metric: string, measure: Measure, isLoose0 = false) =>
  define({ ...oneColumn, ...bounds }, (kwargs): AggregateCheck => {
    const interval = intervalOf(kwargs)
    return {
      kind: "aggregate",
      metric,
      column: kwargs.column,
      observe: (domain, version) => {
        const column = columnIn(domain, kwargs.column, metric)
        const own = isLoose0 && version === 0 ? loosely(interval) : interval
        return within(measure(column, domain.rows, metric, version), column, own)
      },
    }
  })

/** A number that is no value of the column, so that dates do not apply to it. */
const counted = (metric: string, measure: Measure, isLoose0 = false) => {
  const plain = (column: Column): Column =>
    column.type === "date" ? { ...column, type: "float" } : column
  const ofPlain: Measure = (column, rows, name, version) =>
    measure(plain(column), rows, name, version)
  return between(metric, ofPlain, isLoose0)
}

const extreme =
  (sign: 1 | -1): Measure =>
  (column, rows, metric, version) => {
    const cells = presentCells(column, rows)
    const hasMissing = cells.length < rows.length && cells.length > 0
    // The pandas of 0.x compared text with the infinity that stands for a missing value.
    if (version === 0 && hasMissing && column.type === "string")
      throw new MetricFailed("'<=' not supported between instances of 'str' and 'float'", metric)
    return (sign === 1 ? sortedCells(cells).at(-1) : sortedCells(cells)[0]) ?? null
  }

const numeric =
  (statistic: (numbers: Float64Array) => number): Measure =>
  (column, rows, metric) =>
    statistic(numbersOf(column, rows, metric))

export const distinctCount = (column: Column, rows: Uint32Array): number =>
  new Set(presentCells(column, rows).map(hashed)).size

const total: Measure = (column, rows, metric) => {
  const isText = column.type === "string" || column.type === "mixed"
  // Text is concatenated there, and fails only when it is compared with the bounds.
  return sumOf(numbersOf(column, rows, metric, isText ? "text has no sum" : undefined))
}

const uniqueShare: Measure = (column, rows) => {
  const present = presentRows(column, rows).length
  return present === 0 ? 0 : distinctCount(column, rows) / present
}

const presentShare: Measure = (column, rows) =>
  rows.length === 0 ? 0 : presentRows(column, rows).length / rows.length

export const aggregatesFamily: Family = {
  expect_column_min_to_be_between: between("column.min", extreme(-1)),
  expect_column_max_to_be_between: between("column.max", extreme(1)),
  expect_column_mean_to_be_between: between("column.mean", numeric(meanOf)),
  expect_column_median_to_be_between: between("column.median", numeric(medianOf)),
  expect_column_stdev_to_be_between: counted("column.standard_deviation", numeric(deviationOf)),
  expect_column_sum_to_be_between: between("column.sum", total),
  expect_column_unique_value_count_to_be_between: counted(
    "column.distinct_values.count",
    distinctCount,
    true,
  ),
  expect_column_proportion_of_unique_values_to_be_between: counted(
    "column.unique_proportion",
    uniqueShare,
  ),
  expect_column_proportion_of_non_null_values_to_be_between: counted(
    "column.non_null_proportion",
    presentShare,
  ),
}
