// Expectations about several columns of a row: pairs compared, sums, values that must differ, and
// combinations that must not come twice.
import { Schema } from "effect"
import { define, MetricFailed, type Family, type RecordCheck, type RecordsCheck } from "./check.ts"
import { ColumnName, Flag, KwargsRefused, Mostly, Value } from "./kwargs.ts"
import { hashed } from "./membership.ts"
import { writeToolJson } from "./python-json.ts"
import { cellAt, type Cell, type ColumnType } from "./table.ts"

const pair = {
  column_A: ColumnName,
  column_B: ColumnName,
  mostly: Mostly,
  ignore_row_if: Schema.optionalKey(
    Schema.NullOr(
      Schema.Literals(["both_values_are_missing", "either_value_is_missing", "neither"]),
    ),
  ),
} as const
type Pair = Schema.Struct<typeof pair>["Type"]

const record = {
  column_list: Schema.Array(ColumnName),
  mostly: Mostly,
  ignore_row_if: Schema.optionalKey(
    Schema.NullOr(Schema.Literals(["all_values_are_missing", "any_value_is_missing", "never"])),
  ),
} as const
type Record = Schema.Struct<typeof record>["Type"]

const pairCheck = (metric: string, kwargs: Pair, compile: RecordCheck["compile"]): RecordCheck => ({
  kind: "record",
  metric,
  columns: [kwargs.column_A, kwargs.column_B],
  mostly: kwargs.mostly ?? 1,
  shape: "pair",
  ignoreRowIf: kwargs.ignore_row_if ?? "both_values_are_missing",
  compile,
})

const COLUMNS_LEAST = 2

const recordParts = (metric: string, kwargs: Record) => {
  if (kwargs.column_list.length < COLUMNS_LEAST)
    throw new KwargsRefused("column_list must contain at least two columns")
  return {
    metric,
    columns: kwargs.column_list,
    mostly: kwargs.mostly ?? 1,
    ignoreRowIf: kwargs.ignore_row_if ?? ("all_values_are_missing" as const),
  }
}

const recordCheck = (
  metric: string,
  kwargs: Record,
  compile: RecordCheck["compile"],
): RecordCheck => ({
  kind: "record",
  shape: "record",
  ...recordParts(metric, kwargs),
  compile,
})

const GREATER = "column_pair_values.a_greater_than_b"

const isObjectType = (type: ColumnType | undefined): boolean =>
  type === "string" || type === "mixed"

const greater = define({ ...pair, or_equal: Flag }, (kwargs) =>
  pairCheck(GREATER, kwargs, (types) => {
    const areObjects = types.some(isObjectType)
    const orEqual = kwargs.or_equal ?? false
    return ([a = null, b = null]) => {
      if (a === null || b === null) {
        if (!areObjects) return false
        throw new MetricFailed("'>' not supported between instances with 'NoneType'", GREATER)
      }
      if ((typeof a === "string") !== (typeof b === "string"))
        throw new MetricFailed("'>' not supported between instances of 'str' and number", GREATER)
      return orEqual ? a >= b : a > b
    }
  }),
)

const equal = define(pair, (kwargs) =>
  pairCheck(
    "column_pair_values.equal",
    kwargs,
    () =>
      ([a = null, b = null]) =>
        a !== null && hashed(a) === hashed(b),
  ),
)

const PairsSet = Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Tuple([Value, Value]))))

/** One text for one combination of values; a number and the text of it stay apart. */
const keyOf = (cells: ReadonlyArray<Cell>): string =>
  writeToolJson(cells.map((cell) => hashed(cell)))

const pairsInSet = define({ ...pair, value_pairs_set: PairsSet }, (kwargs) =>
  pairCheck("column_pair_values.in_set", kwargs, () => {
    const { value_pairs_set: given } = kwargs
    if (given === null || given === undefined) return () => true
    const pairs = new Set(given.map(keyOf))
    return (cells) => pairs.has(keyOf(cells))
  }),
)

const SUM = "multicolumn_sum.equal"

const sumEquals = define({ ...record, sum_total: Schema.Finite }, (kwargs) =>
  recordCheck(SUM, kwargs, (types) => {
    const texts = types.filter(isObjectType).length
    if (texts > 0 && texts < types.length)
      throw new MetricFailed("unsupported operand type(s) for +: number and 'str'", SUM)
    return (cells) => {
      let sum = 0
      for (const cell of cells) {
        if (cell === null || typeof cell === "string") return false
        sum += Number(cell)
      }
      return sum === kwargs.sum_total
    }
  }),
)

const valuesEqual = define(record, (kwargs) =>
  recordCheck(
    "multicolumn_values.equal",
    kwargs,
    () =>
      ([first = null, ...others]) =>
        others.every((cell) => hashed(cell) === hashed(first)),
  ),
)

const uniqueWithin = define(record, (kwargs) =>
  recordCheck("select_column_values.unique.within_record", kwargs, (types) => (cells) => {
    // A missing number and a missing text are different values to pandas.
    const keys = cells.map((cell, i) =>
      cell === null ? (isObjectType(types[i]) ? "None" : "NaN") : writeToolJson(hashed(cell)),
    )
    return new Set(keys).size >= cells.length
  }),
)

const compoundUnique = define(record, (kwargs): RecordsCheck => {
  return {
    kind: "records",
    ...recordParts("compound_columns.unique", kwargs),
    unexpected: (columns, rows) => {
      const keys = Array.from(rows, (row) => keyOf(columns.map((column) => cellAt(column, row))))
      const counts = new Map<string, number>()
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
      return rows.filter((_, i) => counts.get(keys[i]!) !== 1)
    },
  }
})

export const recordsFamily: Family = {
  expect_column_pair_values_a_to_be_greater_than_b: greater,
  expect_column_pair_values_to_be_equal: equal,
  expect_column_pair_values_to_be_in_set: pairsInSet,
  expect_multicolumn_sum_to_equal: sumEquals,
  expect_multicolumn_values_to_be_equal: valuesEqual,
  expect_select_column_values_to_be_unique_within_record: uniqueWithin,
  expect_compound_columns_to_be_unique: compoundUnique,
}
