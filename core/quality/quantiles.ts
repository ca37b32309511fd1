// The expectation about quantiles. Without interpolation the nearest value is taken, as NumPy's
// method "nearest" does; a bound is met within a relative 1e-4.
import { Schema } from "effect"
import { define, MetricFailed, type AggregateCheck, type Family } from "./check.ts"
import { columnIn } from "./aggregates.ts"
import { KwargsRefused, oneColumn, Share } from "./kwargs.ts"
import { numbersOf } from "./whole-column.ts"

const Method = Schema.Literals(["linear", "lower", "higher", "midpoint", "nearest"])
type Method = typeof Method.Type

const METRIC = "column.quantile_values"
const RELATIVE_TOLERANCE = 1e-4
const ABSOLUTE_TOLERANCE = 1e-8

/** Halves go to the even neighbour. */
const nearestEven = (value: number): number => {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

const quantile = (sorted: Float64Array, share: number, method: Method): number => {
  // pandas hands percent to NumPy, which divides them again.
  const position = ((share * 100) / 100) * (sorted.length - 1)
  const lower = sorted[Math.floor(position)] ?? Number.NaN
  const higher = sorted[Math.ceil(position)] ?? Number.NaN
  switch (method) {
    case "lower":
      return lower
    case "higher":
      return higher
    case "midpoint":
      return (lower + higher) / 2
    case "nearest":
      return sorted[nearestEven(position)] ?? Number.NaN
    case "linear":
      return lower + (higher - lower) * (position - Math.floor(position))
  }
}

const isClose = (value: number, bound: number): boolean =>
  Number.isFinite(bound)
    ? Math.abs(value - bound) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * Math.abs(bound)
    : value === bound

const QuantileRanges = Schema.Struct({
  quantiles: Schema.Array(Share),
  value_ranges: Schema.Array(
    Schema.Tuple([Schema.NullOr(Schema.Finite), Schema.NullOr(Schema.Finite)]),
  ),
})

const quantileValues = define(
  {
    ...oneColumn,
    quantile_ranges: QuantileRanges,
    allow_relative_error: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.Boolean, Method]))),
  },
  ({ column: name, quantile_ranges: ranges, allow_relative_error: given }): AggregateCheck => {
    const { quantiles, value_ranges } = ranges
    if (quantiles.length !== value_ranges.length)
      throw new KwargsRefused("quantile_values and quantiles must have the same number of elements")
    if (value_ranges.some(([low, high]) => low !== null && high !== null && low > high))
      throw new KwargsRefused("a range of quantile_ranges ends before it begins")
    return {
      kind: "aggregate",
      metric: METRIC,
      column: name,
      observe: (domain) => {
        if (given === true)
          throw new MetricFailed("allow_relative_error must be an interpolation", METRIC)
        const column = columnIn(domain, name, METRIC)
        const numbers = numbersOf(column, domain.rows, METRIC)
        const sorted = numbers.filter((value) => value === value).sort()
        const method: Method = typeof given === "string" ? given : "nearest"
        const values = quantiles.map((share) => quantile(sorted, share, method))
        const details = values.map((value, i) => {
          const low = value_ranges[i]?.[0] ?? -Infinity
          const high = value_ranges[i]?.[1] ?? Infinity
          return isClose(value, low) || isClose(value, high) || (low <= value && value <= high)
        })
        return {
          success: details.every(Boolean),
          result: {
            observed_value: {
              quantiles,
              values: values.map((value) => (value === value ? value : null)),
            },
            details: { success_details: details },
          },
        }
      },
    }
  },
)

export const quantilesFamily: Family = {
  expect_column_quantile_values_to_be_between: quantileValues,
}
