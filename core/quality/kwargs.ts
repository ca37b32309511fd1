// The arguments of expectations as Effect Schemas, shared by all families, and the refusal when
// arguments do not fit. It evaluates nothing.
import { Schema } from "effect"

export const Scalar = Schema.Union([Schema.Finite, Schema.String, Schema.Boolean])
export const Value = Schema.NullOr(Scalar)
/** 0.x took a set that is not there for one that holds everything; here it is refused. */
export const ValueSet = Schema.Array(Value)
export const ColumnName = Schema.NonEmptyString
export const Flag = Schema.optionalKey(Schema.NullOr(Schema.Boolean))
export const Text = Schema.String
export const TextList = Schema.Array(Schema.String)
export const Whole = Schema.Int
export const Bound = Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.Finite, Schema.String])))
export const NumberBound = Schema.optionalKey(Schema.NullOr(Schema.Finite))
export const Share = Schema.Finite.check(
  Schema.isGreaterThanOrEqualTo(0),
  Schema.isLessThanOrEqualTo(1),
)
export const Mostly = Schema.optionalKey(Schema.NullOr(Share))

/** `min_value`, `max_value` and whether each is excluded. */
export const bounds = {
  min_value: Bound,
  max_value: Bound,
  strict_min: Flag,
  strict_max: Flag,
} as const

export const oneColumn = { column: ColumnName } as const
export const mapColumn = { column: ColumnName, mostly: Mostly } as const

/** The arguments do not fit the expectation; the message says which and why. */
export class KwargsRefused extends Error {
  override readonly name = "KwargsRefused"
}

/** Arguments that every expectation has and that decide nothing about its meaning here. */
const COMMON = new Set([
  "row_condition",
  "condition_parser",
  "batch_id",
  "result_format",
  "include_config",
  "catch_exceptions",
  "auto",
  "profiler_config",
])

/** Arguments of 0.x that stand in saved suites as null or false, and are refused otherwise. */
const RETIRED = new Set(["parse_strings_as_datetimes", "allow_cross_type_comparisons", "table"])

export type Kwargs = Readonly<Record<string, unknown>>

/** @throws KwargsRefused for an argument that is not among `known`: it would change the result. */
export const refuseUnknown = (kwargs: Kwargs, known: ReadonlyArray<string>): void => {
  for (const [name, value] of Object.entries(kwargs)) {
    if (known.includes(name) || COMMON.has(name)) continue
    const isUnset = value === null || value === undefined || value === false
    if (RETIRED.has(name) && isUnset) continue
    throw new KwargsRefused(`argument "${name}" is not supported`)
  }
}
