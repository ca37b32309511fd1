import { expect, test } from "bun:test"
import { expectationTypes } from "./catalog.ts"
import { evaluateSuite } from "./evaluate.ts"
import { gxJson } from "./gx-json.ts"
import { readSuite, SuiteRefused } from "./suite.ts"
import { columnOf, tableOf } from "./table.ts"

const table = tableOf(
  new Map([
    ["age", columnOf("integer", [20, 30, 40])],
    ["city", columnOf("string", ["Rome", null, "Oslo"])],
  ]),
)
const between = { column: "age", min_value: 0, max_value: 100 }

const failures = (json: unknown, parameters = {}) =>
  evaluateSuite(readSuite(json, parameters), table).results.map(
    ({ success, failure }) => failure?.message ?? success,
  )

test("the names of 0.x and of 1.x mean the same", () => {
  const old = { expectation_type: "expect_column_values_to_be_between", kwargs: between }
  const suite0 = readSuite({ expectation_suite_name: "s", expectations: [old] })
  const suite1 = readSuite({
    name: "s",
    expectations: [{ type: "expect_column_values_to_be_between", kwargs: between }],
  })
  expect([suite0.version, suite0.name]).toEqual([0, "s"])
  expect([suite1.version, suite1.name]).toEqual([1, "s"])
  expect(evaluateSuite(suite0, table).success).toBe(true)
  expect(evaluateSuite(suite1, table).success).toBe(true)
})

test("what is no suite is refused with the place where it is none", () => {
  expect(() => readSuite({ name: "s" })).toThrow(SuiteRefused)
  expect(() => readSuite({ name: "s", expectations: [{ kwargs: {} }] })).toThrow(
    "expectation 0 has no type",
  )
})

test("an unknown expectation, argument or parameter fails by name and never passes", () => {
  const expectations = [
    { type: "expect_the_best", kwargs: {} },
    { type: "expect_column_values_to_be_between", kwargs: { ...between, tolerance: 1 } },
    { type: "expect_column_values_to_be_between", kwargs: { column: "age" } },
    {
      type: "expect_column_values_to_be_between",
      kwargs: { column: "age", max_value: { $PARAMETER: "most" } },
    },
    { type: "expect_column_values_to_match_regex", kwargs: { column: "city", regex: "(" } },
  ]
  const found = failures({ name: "s", expectations })
  expect(found[0]).toBe("expect_the_best not found")
  expect(found[1]).toBe('argument "tolerance" is not supported')
  expect(found[2]).toBe("min_value and max_value cannot both be None")
  expect(found[3]).toBe('parameter "most" has no value')
  expect(found[4]).toContain("is not a pattern")
  const [, , , last] = expectations
  expect(failures({ name: "s", expectations: [last] }, { most: 40 })).toEqual([true])
})

test("an expectation that cannot be computed keeps no other from being run", () => {
  const result = gxJson(
    evaluateSuite(
      readSuite({
        name: "s",
        expectations: [
          { type: "expect_column_mean_to_be_between", kwargs: { column: "city", min_value: 0 } },
          { type: "expect_column_values_to_be_between", kwargs: between },
        ],
      }),
      table,
    ),
  )
  expect(result.statistics).toEqual({
    evaluated_expectations: 2,
    successful_expectations: 1,
    unsuccessful_expectations: 1,
    success_percent: 50,
  })
  expect(JSON.stringify(result.results[0]?.exception_info)).toContain("column.mean")
})

test("rows are named by columns where that is asked for", () => {
  const suite = readSuite({
    name: "s",
    expectations: [
      { type: "expect_column_values_to_be_in_set", kwargs: { column: "age", value_set: [20] } },
    ],
  })
  const { results } = evaluateSuite(suite, table, { indexColumns: ["city"] })
  expect(results[0]?.result["partial_unexpected_index_list"]).toEqual([
    { city: null, age: 30 },
    { city: "Oslo", age: 40 },
  ])
})

test("every expectation that is known refuses arguments of another kind", () => {
  for (const type of expectationTypes) {
    const [entry] = readSuite({
      name: "s",
      expectations: [{ type, kwargs: { column: 5, column_A: 5, column_list: 5, value: "x" } }],
    }).entries
    expect(entry?.reading).toHaveProperty("refusal")
  }
})

const ROWS = 200_000

test("two hundred thousand rows are judged in a fraction of a second", () => {
  const ages = Float64Array.from({ length: ROWS }, (_, i) => i % 100)
  const big = tableOf(new Map([["age", columnOf("integer", Array.from(ages))]]))
  const suite = readSuite({
    name: "s",
    expectations: [
      { type: "expect_column_values_to_be_between", kwargs: { column: "age", max_value: 98 } },
      { type: "expect_column_mean_to_be_between", kwargs: { column: "age", max_value: 50 } },
      { type: "expect_column_values_to_be_unique", kwargs: { column: "age" } },
    ],
  })
  const started = Bun.nanoseconds()
  const outcome = evaluateSuite(suite, big)
  const millis = (Bun.nanoseconds() - started) / 1e6
  console.log(`3 expectations on ${ROWS} rows: ${millis.toFixed(0)} ms`)
  expect(outcome.successful).toBe(1)
})
