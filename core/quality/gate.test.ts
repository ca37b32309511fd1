import { expect, test } from "bun:test"
import { compileGate, GateRefused, type Gate } from "./gate.ts"
import { readSuite } from "./suite.ts"
import type { Cell } from "./table.ts"

const features = [
  { name: "age", type: "integer" },
  { name: "income", type: "number" },
  { name: "city", type: "string" },
  { name: "member", type: "boolean" },
] as const

type Given = readonly [type: string, kwargs: Readonly<Record<string, unknown>>]

const suiteOf = (...expectations: ReadonlyArray<Given>) =>
  readSuite({
    name: "door",
    expectations: expectations.map(([type, kwargs]) => ({ type, kwargs })),
  })

const check = (gate: Gate, ...rows: ReadonlyArray<ReadonlyArray<Cell>>) =>
  gate.check(rows.length, (feature, row) => rows[row]?.[feature] ?? null)

const refusal = (...expectations: ReadonlyArray<Given>) => {
  try {
    compileGate(suiteOf(...expectations), features)
  } catch (error) {
    if (error instanceof GateRefused) return error.message
    throw error
  }
  return undefined
}

const age: Given = [
  "expect_column_values_to_be_between",
  { column: "age", min_value: 18, max_value: 99 },
]
const city: Given = [
  "expect_column_values_to_be_in_set",
  { column: "city", value_set: ["Rome", "Oslo"] },
]

test("the first expectation that a row does not meet is named with its row and value", () => {
  const gate = compileGate(suiteOf(age, city), features)
  expect(check(gate, [20, 1, "Rome", true], [30, 1, "Oslo", true])).toBeUndefined()
  expect(check(gate, [20, 1, "Rome", true], [30, 1, "Bern", true])).toMatchObject({
    index: 1,
    expectation: "expect_column_values_to_be_in_set",
    columns: ["city"],
    row: 1,
    values: ["Bern"],
    message: 'row 1 does not meet expect_column_values_to_be_in_set (expectation 1): city = "Bern"',
  })
  expect(check(gate, [17, 1, "Bern", true])?.index).toBe(0)
})

test("a missing value is judged by the expectations about nulls alone", () => {
  const gate = compileGate(suiteOf(age), features)
  expect(check(gate, [null, 1, "Rome", true])).toBeUndefined()
  const strict = compileGate(
    suiteOf(age, ["expect_column_values_to_not_be_null", { column: "income" }]),
    features,
  )
  expect(check(strict, [20, Number.NaN, "Rome", true])?.columns).toEqual(["income"])
})

test("a row condition and an expectation about two columns hold for each row alone", () => {
  const gate = compileGate(
    suiteOf(
      [
        "expect_column_values_to_be_between",
        {
          column: "income",
          min_value: 100,
          row_condition: 'city == "Oslo" and member',
          condition_parser: "pandas",
        },
      ],
      ["expect_column_pair_values_a_to_be_greater_than_b", { column_A: "income", column_B: "age" }],
    ),
    features,
  )
  expect(check(gate, [20, 50, "Oslo", false], [20, 50, "Rome", true])).toBeUndefined()
  expect(check(gate, [20, 50, "Oslo", true])?.index).toBe(0)
  expect(check(gate, [20, 19, "Rome", true])?.index).toBe(1)
})

test("what is about many rows, unknown columns and unknown types are refused by name", () => {
  expect(refusal(age)).toBeUndefined()
  expect(refusal(["expect_column_mean_to_be_between", { column: "age", min_value: 1 }])).toBe(
    'suite "door" cannot be a gate: expect_column_mean_to_be_between (expectation 0): ' +
      "it is about many rows, not about one",
  )
  expect(refusal(age, ["expect_column_values_to_be_unique", { column: "age" }])).toContain(
    "expect_column_values_to_be_unique (expectation 1)",
  )
  expect(
    refusal(["expect_column_values_to_not_be_null", { column: "age", mostly: 0.9 }]),
  ).toContain("mostly 0.9 is about many rows")
  expect(refusal(["expect_column_values_to_not_be_null", { column: "size" }])).toContain(
    'no feature "size"',
  )
  expect(refusal(["expect_nothing", { column: "age" }])).toContain("expect_nothing not found")
  expect(
    refusal(["expect_column_values_to_be_between", { column: "city", min_value: 1 }]),
  ).toContain("must either be None or of the same type")
})

const ROUNDS = 20_000

test("a check of one row by ten expectations costs microseconds", () => {
  const gate = compileGate(
    suiteOf(
      age,
      city,
      ["expect_column_values_to_not_be_null", { column: "age" }],
      ["expect_column_values_to_not_be_null", { column: "income" }],
      ["expect_column_values_to_not_be_null", { column: "city" }],
      ["expect_column_values_to_be_between", { column: "income", min_value: 0 }],
      ["expect_column_values_to_match_regex", { column: "city", regex: "^[A-Z][a-z]+$" }],
      ["expect_column_value_lengths_to_be_between", { column: "city", max_value: 40 }],
      ["expect_column_values_to_not_be_in_set", { column: "city", value_set: ["nowhere"] }],
      ["expect_column_pair_values_a_to_be_greater_than_b", { column_A: "income", column_B: "age" }],
    ),
    features,
  )
  const row: ReadonlyArray<Cell> = [40, 1_000, "Rome", true]
  const read = (feature: number): Cell => row[feature] ?? null
  let failures = 0
  const run = (): void => {
    for (let i = 0; i < ROUNDS; i++) if (gate.check(1, read) !== undefined) failures += 1
  }
  run()
  const started = Bun.nanoseconds()
  run()
  const micros = (Bun.nanoseconds() - started) / 1_000 / ROUNDS
  console.log(`a gate of ${gate.expectations} expectations: ${micros.toFixed(2)} µs a row`)
  expect(failures).toBe(0)
  expect(micros).toBeLessThan(100)
})
