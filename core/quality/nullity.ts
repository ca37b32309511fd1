// Expectations about missing values. Unlike all others they look at every row.
import { define, type Family, type ValueCheck } from "./check.ts"
import { mapColumn } from "./kwargs.ts"

const nullity = (wantsValue: boolean) =>
  define(mapColumn, ({ column, mostly }): ValueCheck => ({
    kind: "value",
    metric: wantsValue ? "column_values.nonnull" : "column_values.null",
    column,
    mostly: mostly ?? 1,
    everyRow: true,
    compile: () => (wantsValue ? (cell) => cell !== null : (cell) => cell === null),
  }))

export const nullityFamily: Family = {
  expect_column_values_to_not_be_null: nullity(true),
  expect_column_values_to_be_null: nullity(false),
}
