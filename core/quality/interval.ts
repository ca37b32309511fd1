// Whether values lie between two bounds, and the comparison that aggregates share with it.
import { define, MetricFailed, valueCheck, type Family } from "./check.ts"
import { parseDate } from "./date-text.ts"
import { bounds, KwargsRefused, mapColumn } from "./kwargs.ts"
import type { Cell, ColumnType } from "./table.ts"

export interface Interval {
  readonly min: number | string | undefined
  readonly max: number | string | undefined
  readonly isMinStrict: boolean
  readonly isMaxStrict: boolean
}

interface BoundKwargs {
  readonly min_value?: number | string | null
  readonly max_value?: number | string | null
  readonly strict_min?: boolean | null
  readonly strict_max?: boolean | null
}

export const intervalOf = (kwargs: BoundKwargs): Interval => ({
  min: kwargs.min_value ?? undefined,
  max: kwargs.max_value ?? undefined,
  isMinStrict: kwargs.strict_min ?? false,
  isMaxStrict: kwargs.strict_max ?? false,
})

/** 0.x knows no strict bounds of a count, and passes over them. */
export const loosely = (interval: Interval): Interval => ({
  ...interval,
  isMinStrict: false,
  isMaxStrict: false,
})

/** The bounds as a column's cells are: for dates, text becomes milliseconds. */
export const intervalFor = (type: ColumnType, interval: Interval): Interval => {
  if (type !== "date") return interval
  const read = (bound: number | string | undefined): number | string | undefined =>
    typeof bound === "string" ? (parseDate(bound) ?? bound) : bound
  return { ...interval, min: read(interval.min), max: read(interval.max) }
}

const MISMATCH = "Column values, min_value, and max_value must either be None or of the same type."

/** Both of one kind, so that the comparison means something. */
const isAbove = (value: number | string, bound: number | string, isStrict: boolean): boolean =>
  isStrict ? value > bound : value >= bound

/**
 * Whether a value lies in the interval.
 *
 * @throws MetricFailed where text would be compared with a number.
 */
export const isWithin = (
  value: number | string,
  { min, max, isMinStrict, isMaxStrict }: Interval,
  metric?: string,
): boolean => {
  const isText = typeof value === "string"
  if (
    (min !== undefined && isText !== (typeof min === "string")) ||
    (max !== undefined && isText !== (typeof max === "string"))
  )
    throw new MetricFailed(MISMATCH, metric)
  if (min !== undefined && !isAbove(value, min, isMinStrict)) return false
  return max === undefined || isAbove(max, value, isMaxStrict)
}

const METRIC = "column_values.between"

const numberTest = ({ min, max, isMinStrict, isMaxStrict }: Interval) => {
  const low = typeof min === "number" ? min : -Infinity
  const high = typeof max === "number" ? max : Infinity
  const isLowStrict = isMinStrict && min !== undefined
  const isHighStrict = isMaxStrict && max !== undefined
  return (cell: Cell): boolean => {
    const value = typeof cell === "number" ? cell : Number(cell)
    return (
      (isLowStrict ? value > low : value >= low) && (isHighStrict ? value < high : value <= high)
    )
  }
}

const isNumberOrUnset = (bound: number | string | undefined): boolean => typeof bound !== "string"

const between = define({ ...mapColumn, ...bounds }, (kwargs) => {
  const interval = intervalOf(kwargs)
  const { min, max } = interval
  if (min === undefined && max === undefined)
    throw new KwargsRefused("min_value and max_value cannot both be None")
  return valueCheck(METRIC, kwargs, (type) => {
    if (min !== undefined && max !== undefined && typeof min === typeof max && min > max)
      throw new MetricFailed("min_value cannot be greater than max_value", METRIC)
    const own = intervalFor(type, interval)
    const areNumbers = isNumberOrUnset(own.min) && isNumberOrUnset(own.max)
    if (areNumbers && type !== "string" && type !== "mixed") return numberTest(own)
    return (cell) =>
      isWithin(typeof cell === "boolean" ? Number(cell) : (cell ?? Number.NaN), own, METRIC)
  })
})

export const intervalFamily: Family = { expect_column_values_to_be_between: between }
