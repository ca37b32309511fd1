import { expect, test } from "bun:test"
import { evaluateSuite } from "./evaluate.ts"
import { htmlReport } from "./html-report.ts"
import { readSuite } from "./suite.ts"
import { suggestSuite } from "./suggest.ts"
import { columnOf, tableOf } from "./table.ts"

const table = tableOf(
  new Map([
    ["age", columnOf("integer", [20, 30, 40, 25, 31])],
    ["rate", columnOf("float", [0.1, null, 0.3, 0.2, 0.25])],
    ["kind", columnOf("string", ["a", "a", "a", "a", "a"])],
    ["name", columnOf("string", ["Ann", "Bob", null, "Cleo", "<b>"])],
    ["empty", columnOf("float", [null, null, null, null, null])],
  ]),
)

const types = (suite: ReturnType<typeof suggestSuite>, column: string) =>
  suite.expectations.filter(({ kwargs }) => kwargs["column"] === column).map(({ type }) => type)

test("the table that a suite was suggested from meets it", () => {
  const suggested = suggestSuite("first", table)
  const outcome = evaluateSuite(readSuite(suggested), table)
  expect(outcome.results.filter(({ success }) => !success)).toEqual([])
  expect(types(suggested, "age")).toEqual([
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_between",
  ])
  expect(types(suggested, "kind")).toContain("expect_column_values_to_be_in_set")
  expect(types(suggested, "name")).toContain("expect_column_value_lengths_to_be_between")
  expect(types(suggested, "empty")).toEqual([])
})

test("a signature decides which columns are looked at and what it knows of them", () => {
  const suggested = suggestSuite("first", table, [
    { name: "age", tensor: "x", column: 0, type: "integer", range: [0, 120] },
    { name: "kind", tensor: "x", column: 1, type: "string", categories: ["a", "b"] },
  ])
  const kwargs = suggested.expectations.map((one) => one.kwargs)
  expect(kwargs).toContainEqual({ column: "age", min_value: 0, max_value: 120 })
  expect(kwargs).toContainEqual({ column: "kind", value_set: ["a", "b"] })
  expect(types(suggested, "name")).toEqual([])
})

test("the page of a result stands alone and escapes what is in it", () => {
  const suite = readSuite({
    name: "<script>",
    expectations: [
      { type: "expect_column_values_to_be_null", kwargs: { column: "name" } },
      { type: "expect_nothing", kwargs: {} },
    ],
  })
  const page = htmlReport(evaluateSuite(suite, table))
  expect(page).toContain("&lt;script&gt;")
  expect(page).toContain("&lt;b&gt;")
  expect(page).toContain("expect_nothing not found")
  expect(page).not.toContain("<script>")
  expect(page).not.toMatch(/(?:src|href)=/)
})
