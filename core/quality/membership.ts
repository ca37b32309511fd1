// Whether values are among given ones. Numbers equal numbers and True equals 1, as in Python; text
// never equals a number.
import { define, valueCheck, type Family } from "./check.ts"
import { parseDate } from "./date-text.ts"
import { mapColumn, ValueSet } from "./kwargs.ts"
import type { Cell, ColumnType } from "./table.ts"

/** What a cell is compared by: Python's True is 1. */
export const hashed = (cell: Cell): Cell => (typeof cell === "boolean" ? Number(cell) : cell)

/** The values in the form that cells of a column of this type have. */
export const valuesAs = (type: ColumnType, values: ReadonlyArray<Cell>): ReadonlySet<Cell> =>
  new Set(
    values.map((value) =>
      type === "date" && typeof value === "string" ? (parseDate(value) ?? value) : hashed(value),
    ),
  )

const membership = (metric: string, isWanted: boolean) =>
  define({ ...mapColumn, value_set: ValueSet }, (kwargs) =>
    valueCheck(metric, kwargs, (type) => {
      const values = valuesAs(type, kwargs.value_set)
      return (cell) => values.has(hashed(cell)) === isWanted
    }),
  )

export const membershipFamily: Family = {
  expect_column_values_to_be_in_set: membership("column_values.in_set", true),
  expect_column_values_to_not_be_in_set: membership("column_values.not_in_set", false),
}
