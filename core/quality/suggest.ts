// A first suite from a table that is held to be good: what its columns are, whether they miss
// values, and the range or the set of their values. It is a start for a person, not a judgement.
import type { Feature } from "#proto/signature"
import { presentCells, sortedCells } from "./aggregates.ts"
import { presentRows, shown, wholeTable, type Cell, type Column, type Table } from "./table.ts"

interface SuggestedExpectation {
  readonly type: string
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly meta: Readonly<Record<string, unknown>>
  readonly severity: "critical" | "warning"
}

/** A suite in the JSON of Great Expectations 1.x. */
export interface SuggestedSuite {
  readonly name: string
  readonly expectations: ReadonlyArray<SuggestedExpectation>
  readonly meta: Readonly<Record<string, unknown>>
  readonly notes: string
}

/** A set is suggested up to so many different values, each of which comes at least so often. */
const VALUES_MOST = 20
const REPEATS_LEAST = 5
/** How far beyond what was seen a value may lie, as a share of the range. */
const MARGIN_SHARE = 0.05
const DECIMALS = 1_000
const DIGITS = 12

const expectation = (
  type: string,
  kwargs: Readonly<Record<string, unknown>>,
  severity: SuggestedExpectation["severity"] = "critical",
): SuggestedExpectation => ({ type, kwargs, meta: {}, severity })

const nullity = (name: string, present: number, rows: number) => {
  const type = "expect_column_values_to_not_be_null"
  if (present === rows) return [expectation(type, { column: name })]
  if (present === 0) return []
  // Rounded down, so that the reference meets its own suite.
  const mostly = Math.floor((present / rows) * DECIMALS) / DECIMALS
  return [expectation(type, { column: name, mostly }, "warning")]
}

/** Without the last digits that a computation leaves: 21.065 for 21.064999999999998. */
const tidy = (value: number): number => Number(value.toPrecision(DIGITS))

const range = (
  name: string,
  { type }: Column,
  sorted: ReadonlyArray<Cell>,
  feature: Feature | undefined,
) => {
  const [low, high] = feature?.range ?? [Number(sorted[0]), Number(sorted.at(-1))]
  const margin = feature?.range === undefined ? (high - low) * MARGIN_SHARE : 0
  const isWhole = type === "integer" || type === "date"
  const [min, max] = isWhole
    ? [Math.floor(low - margin), Math.ceil(high + margin)]
    : margin === 0
      ? [low, high]
      : [tidy(low - margin), tidy(high + margin)]
  return [
    expectation("expect_column_values_to_be_between", {
      column: name,
      min_value: shown(min, type),
      max_value: shown(max, type),
    }),
  ]
}

const values = (name: string, distinct: ReadonlyArray<Cell>, feature: Feature | undefined) => [
  expectation("expect_column_values_to_be_in_set", {
    column: name,
    value_set: feature?.categories ?? distinct,
  }),
]

const lengths = (name: string, present: ReadonlyArray<Cell>) => {
  const sizes = present.map((cell) => [...String(cell)].length)
  const bounds = sizes.reduce<readonly [number, number]>(
    ([low, high], size) => [Math.min(low, size), Math.max(high, size)],
    [Infinity, 0],
  )
  return [
    expectation(
      "expect_column_value_lengths_to_be_between",
      { column: name, min_value: bounds[0], max_value: bounds[1] },
      "warning",
    ),
  ]
}

const aboutColumn = (
  name: string,
  column: Column,
  rows: Uint32Array,
  feature: Feature | undefined,
): ReadonlyArray<SuggestedExpectation> => {
  const present = presentCells(column, rows)
  const head = nullity(name, presentRows(column, rows).length, rows.length)
  if (present.length === 0) return head
  const distinct = sortedCells(new Set(present))
  const isFew = distinct.length <= VALUES_MOST && present.length >= distinct.length * REPEATS_LEAST
  if (feature?.categories !== undefined) return [...head, ...values(name, distinct, feature)]
  if (column.type === "string" || column.type === "boolean" || column.type === "mixed")
    return [...head, ...(isFew ? values(name, distinct, feature) : lengths(name, present))]
  return [...head, ...range(name, column, distinct, feature)]
}

/**
 * Suggests a suite that the table itself meets.
 *
 * With features, only their columns are looked at, and the ranges and categories that the signature
 * tells go before those of the table.
 */
export const suggestSuite = (
  name: string,
  table: Table,
  features?: ReadonlyArray<Feature>,
): SuggestedSuite => {
  const { rows } = wholeTable(table)
  const byName = new Map((features ?? []).map((feature) => [feature.name, feature]))
  const columns = [...table.columns].filter(
    ([column]) => features === undefined || byName.has(column),
  )
  return {
    name,
    expectations: [
      expectation("expect_table_columns_to_match_set", {
        column_set: columns.map(([column]) => column),
        exact_match: false,
      }),
      ...columns.flatMap(([column, data]) => aboutColumn(column, data, rows, byName.get(column))),
    ],
    meta: {},
    notes: `suggested from ${table.rows} rows`,
  }
}

const ROW_LEVEL = new Set([
  "expect_column_values_to_not_be_null",
  "expect_column_values_to_be_between",
  "expect_column_values_to_be_in_set",
  "expect_column_value_lengths_to_be_between",
])

/** What of a suggestion can be judged of a single row, and so can stand at a gate. */
export const onlyRowLevel = (suite: SuggestedSuite): SuggestedSuite => ({
  ...suite,
  expectations: suite.expectations.filter(
    ({ type, kwargs }) => ROW_LEVEL.has(type) && kwargs["mostly"] === undefined,
  ),
})
