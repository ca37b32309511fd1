import { expect, test } from "bun:test"
import { domainWhere, readCondition } from "./condition.ts"
import { columnOf, tableOf } from "./table.ts"

const table = tableOf(
  new Map([
    ["n", columnOf("integer", [1, 2, 3, 4])],
    ["x", columnOf("float", [0.5, null, 2.5, -1])],
    ["s", columnOf("string", ["a", "b", null, "a b"])],
    ["yes", columnOf("boolean", [true, false, true, false])],
    ["day", columnOf("date", [0, 86_400_000, null, 172_800_000])],
    ["two words", columnOf("integer", [4, 3, 2, 1])],
  ]),
)

const rows = (query: unknown): ReadonlyArray<number> => {
  const condition = readCondition(query, "pandas")
  return condition === undefined ? [] : [...domainWhere(table, condition).rows]
}

test("a query of pandas picks the rows that it picks there", () => {
  expect(rows("n > 2")).toEqual([2, 3])
  expect(rows('s == "a" or n == 3')).toEqual([0, 2])
  expect(rows("s != 'a'")).toEqual([1, 2, 3])
  expect(rows("x < 1 and not yes")).toEqual([3])
  expect(rows("1 < n <= 3")).toEqual([1, 2])
  expect(rows("n in [1, 4] | `two words` == 3")).toEqual([0, 1, 3])
  expect(rows("s not in ('a', 'b')")).toEqual([2, 3])
  expect(rows("x.isnull()")).toEqual([1])
  expect(rows("~x.isnull() & yes")).toEqual([0, 2])
  expect(rows("n * 2 - 1 == 3")).toEqual([1])
  expect(rows("-x > 0")).toEqual([3])
  expect(rows("day >= '1970-01-02'")).toEqual([1, 3])
  expect(rows('col("s").notNull()')).toEqual([0, 1, 3])
  expect(rows("n == [1, 2]")).toEqual([0, 1])
})

test("the object form of 1.x picks the same", () => {
  const column = { name: "n" }
  const least = { type: "comparison", column, operator: ">=", parameter: 3 }
  const missing = { type: "nullity", column: { name: "s" }, is_null: true }
  expect(rows({ type: "and", conditions: [least, missing] })).toEqual([2])
  expect(rows({ type: "or", conditions: [least, missing] })).toEqual([2, 3])
  expect(rows({ ...least, operator: "NOT_IN", parameter: [1, 2] })).toEqual([2, 3])
  expect(rows({ type: "pass_through", pass_through_filter: "n == 1" })).toEqual([0])
})

test("what cannot be read is refused, never passed over", () => {
  for (const query of ["n >", "n == 1 extra", "s.str.len() > 1", "@limit < n", "n ** 2 > 1", "(n"])
    expect(() => rows(query)).toThrow("row_condition")
  expect(() => rows({ type: "xor" })).toThrow("is none that is known")
  expect(() => readCondition("n > 1", undefined)).toThrow("condition_parser")
  expect(() => rows("nope > 1")).toThrow("name 'nope' is not defined")
  expect(() => rows("s > 1")).toThrow("text with a number")
})
