// Expectations about a table as a whole: its columns, their order, and how many rows it has.
import { Schema } from "effect"
import { define, type AggregateCheck, type Definition, type Family } from "./check.ts"
import { ColumnName, Flag, KwargsRefused, NumberBound, Whole } from "./kwargs.ts"
import { intervalOf, isWithin, loosely } from "./interval.ts"
import type { Domain } from "./table.ts"

const tableCheck = (metric: string, observe: AggregateCheck["observe"]): AggregateCheck => ({
  kind: "aggregate",
  metric,
  column: undefined,
  observe,
})

const names = ({ table }: Domain): ReadonlyArray<string> => [...table.columns.keys()]

const exists = define(
  { column: ColumnName, column_index: Schema.optionalKey(Schema.NullOr(Whole)) },
  ({ column, column_index: index }) =>
    tableCheck("table.columns", (domain) => {
      const columns = names(domain)
      // Index 0 counts as unset, as it does in the tool.
      if (index) return { success: columns.at(index) === column }
      return { success: columns.includes(column) }
    }),
)

const NameList = Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))

const orderedList = define({ column_list: NameList }, ({ column_list: expected }) =>
  tableCheck("table.columns", (domain) => {
    const found = names(domain)
    const result = { observed_value: found }
    if (expected === null || expected === undefined) return { success: true, result }
    const length = Math.max(found.length, expected.length)
    const mismatched = Array.from({ length }, (_, i) => ({
      "Expected Column Position": i,
      Expected: expected[i] ?? null,
      Found: found[i] ?? null,
    })).filter(({ Expected, Found }) => Expected !== Found)
    return mismatched.length === 0
      ? { success: true, result }
      : { success: false, result: { ...result, details: { mismatched } } }
  }),
)

const matchSet = define(
  { column_set: NameList, exact_match: Flag },
  ({ column_set: given, exact_match: isExact }) =>
    tableCheck("table.columns", (domain, version) => {
      const columns = names(domain)
      const found = columns.toSorted()
      // A set that is not given is an empty one, as it is in the tool.
      const expected = [...new Set(given ?? [])].toSorted()
      const unexpected = found.filter((name) => !expected.includes(name))
      const missing = expected.filter((name) => !found.includes(name))
      if (unexpected.length === 0 && missing.length === 0)
        return { success: true, result: { observed_value: version === 0 ? columns : found } }
      const mismatched = {
        ...(unexpected.length > 0 ? { unexpected } : {}),
        ...(missing.length > 0 ? { missing } : {}),
      }
      const success = isExact === false && missing.length === 0
      return { success, result: { observed_value: found, details: { mismatched } } }
    }),
)

const countOf = {
  rows: ({ rows }: Domain) => rows.length,
  columns: ({ table }: Domain) => table.columns.size,
} as const

const countBetween = (what: keyof typeof countOf): Definition =>
  define(
    {
      min_value: NumberBound,
      max_value: NumberBound,
      strict_min: Flag,
      strict_max: Flag,
    },
    (kwargs) => {
      const interval = intervalOf(kwargs)
      const { min, max } = interval
      if (min !== undefined && max !== undefined && min > max)
        throw new KwargsRefused("min_value cannot be greater than max_value")
      return tableCheck(`table.${what}`, (domain, version) => {
        const count = countOf[what](domain)
        const own = version === 0 ? loosely(interval) : interval
        return { success: isWithin(count, own), result: { observed_value: count } }
      })
    },
  )

const countEquals = (what: keyof typeof countOf): Definition =>
  define({ value: Whole }, ({ value }) =>
    tableCheck(`table.${what}`, (domain) => {
      const count = countOf[what](domain)
      return { success: count === value, result: { observed_value: count } }
    }),
  )

export const tablesFamily: Family = {
  expect_column_to_exist: exists,
  expect_table_columns_to_match_ordered_list: orderedList,
  expect_table_columns_to_match_set: matchSet,
  expect_table_row_count_to_be_between: countBetween("rows"),
  expect_table_row_count_to_equal: countEquals("rows"),
  expect_table_column_count_to_be_between: countBetween("columns"),
  expect_table_column_count_to_equal: countEquals("columns"),
}
