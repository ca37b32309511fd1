// Expectations about the set of values that a column has, and about the most common of them. The
// two versions of the tool show them differently.
import { define, type AggregateCheck, type Family, type Observation } from "./check.ts"
import { columnIn, presentCells, sortedCells } from "./aggregates.ts"
import { Flag, oneColumn, ValueSet } from "./kwargs.ts"
import { hashed, valuesAs } from "./membership.ts"
import { shown, type Cell, type Column } from "./table.ts"

/** How many values the lists of 1.x show. */
const SHOWN_MOST = 20

/** Each value and how often it comes, ascending by value. */
export const valueCounts = (
  cells: ReadonlyArray<Cell>,
): ReadonlyArray<{ readonly value: Cell; readonly count: number }> => {
  const counts = new Map<Cell, { readonly value: Cell; count: number }>()
  for (const value of cells) {
    const known = counts.get(hashed(value))
    if (known === undefined) counts.set(hashed(value), { value, count: 1 })
    else known.count += 1
  }
  return sortedCells(counts.keys()).map((key) => counts.get(key)!)
}

type Rule = "in" | "contain" | "equal"

const METRICS = {
  in: "column.distinct_values.not_in_set.count",
  contain: "column.distinct_values.missing_from_column.count",
  equal: "column.distinct_values.not_in_set.count",
} as const

interface Difference {
  readonly unexpected: ReadonlyArray<Cell>
  readonly missing: ReadonlyArray<Cell>
}

const formOf1 = (
  rule: Rule,
  success: boolean,
  { unexpected, missing }: Difference,
): Observation => {
  const surplus = { unexpected_count: unexpected.length }
  const absent = { missing_count: missing.length }
  const surplusList = { partial_unexpected_list: unexpected.slice(0, SHOWN_MOST) }
  const absentList = { partial_missing_list: missing.slice(0, SHOWN_MOST) }
  const parts = {
    in: { ...surplus, ...surplusList },
    contain: { ...absent, ...absentList },
    equal: { ...surplus, ...absent, ...surplusList, ...absentList },
  }
  return { success, result: { observed_value: null, ...parts[rule] } }
}

const formOf0 = (
  success: boolean,
  counts: ReturnType<typeof valueCounts>,
  { type }: Column,
): Observation => {
  const listed = counts.map(({ value, count }) => ({ value: shown(value, type), count }))
  return {
    success,
    result: {
      observed_value: listed.map(({ value }) => value),
      details: { value_counts: listed },
    },
  }
}

const distinctValues = (rule: Rule) =>
  define({ ...oneColumn, value_set: ValueSet }, ({ column: name, value_set: given }) => {
    const metric = METRICS[rule]
    return {
      kind: "aggregate",
      metric,
      column: name,
      observe: (domain, version) => {
        const column = columnIn(domain, name, metric)
        const counts = valueCounts(presentCells(column, domain.rows))
        const expected = valuesAs(column.type, given)
        const observed = new Set(counts.map(({ value }) => hashed(value)))
        const difference: Difference = {
          unexpected: counts
            .map(({ value }) => value)
            .filter((value) => !expected.has(hashed(value)))
            .map((value) => shown(value, column.type)),
          missing: [...expected].filter((value) => !observed.has(value)),
        }
        const { unexpected, missing } = difference
        const success = {
          in: unexpected.length === 0 || (version === 0 && expected.size === 0),
          contain: missing.length === 0,
          equal: unexpected.length === 0 && missing.length === 0,
        }[rule]
        return version === 1 ? formOf1(rule, success, difference) : formOf0(success, counts, column)
      },
    } satisfies AggregateCheck
  })

const COMMON = "column.most_common_value"

const mostCommon = define(
  { ...oneColumn, value_set: ValueSet, ties_okay: Flag },
  ({ column: name, value_set: given, ties_okay: tiesOkay }): AggregateCheck => ({
    kind: "aggregate",
    metric: COMMON,
    column: name,
    observe: (domain) => {
      const column = columnIn(domain, name, COMMON)
      const counts = valueCounts(presentCells(column, domain.rows))
      const most = Math.max(0, ...counts.map(({ count }) => count))
      const modes = counts.filter(({ count }) => count === most).map(({ value }) => value)
      const expected = valuesAs(column.type, given)
      const met = modes.filter((value) => expected.has(hashed(value))).length
      return {
        success: tiesOkay ? met > 0 : modes.length === 1 && met === 1,
        result: { observed_value: modes.map((value) => shown(value, column.type)) },
      }
    },
  }),
)

export const distinctValuesFamily: Family = {
  expect_column_distinct_values_to_be_in_set: distinctValues("in"),
  expect_column_distinct_values_to_contain_set: distinctValues("contain"),
  expect_column_distinct_values_to_equal_set: distinctValues("equal"),
  expect_column_most_common_value_to_be_in_set: mostCommon,
}
