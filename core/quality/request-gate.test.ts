import { expect, test } from "bun:test"
import type { InferenceRequest } from "#proto/request"
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { strictRequestGate, UNUSABLE } from "./request-gate.ts"
import { requestRows, shortestDecimal } from "./request-rows.ts"
import { readSuite } from "./suite.ts"

const signature: Signature = {
  task: "other",
  features: [
    { name: "rate", tensor: "x", column: 0, type: "number", missing: "nan" },
    { name: "size", tensor: "x", column: 1, type: "integer" },
    { name: "city", tensor: "city", column: 0, type: "string" },
    { name: "member", tensor: "member", column: 0, type: "boolean" },
  ],
  inputs: [],
  outputs: [],
  batching: true,
}

const floats = (name: string, shape: ReadonlyArray<number>, ...values: ReadonlyArray<number>) => ({
  name,
  datatype: "FP32" as const,
  shape,
  data: new Uint8Array(new Float32Array(values).buffer),
})
const bytes = (...numbers: ReadonlyArray<number>) => Uint8Array.from(numbers)

const inputs: ReadonlyArray<Tensor> = [
  floats("x", [2, 2], 0.1, 7, Number.NaN, 8),
  { name: "city", datatype: "BYTES", shape: [2, 1], data: bytes(2, 0, 0, 0, 65, 66, 0, 0, 0, 0) },
  { name: "member", datatype: "BOOL", shape: [2], data: bytes(1, 0) },
]

const judge = (type: string, kwargs: object, request: InferenceRequest = { inputs }) =>
  strictRequestGate(readSuite({ expectations: [{ type, kwargs }] }), signature)(request)

test("cells are read by feature and row from tensors of any datatype and form", () => {
  const { rows, read } = requestRows(signature.features, inputs)
  expect(rows).toBe(2)
  const cells = [0, 1].map((row) => signature.features.map((_, feature) => read(feature, row)))
  expect(cells).toEqual([
    [0.1, 7, "AB", true],
    [Number.NaN, 8, "", false],
  ])
})

test("several features of a tensor of one dimension are one row", () => {
  const { rows, read } = requestRows(signature.features, [floats("x", [2], 5, 6)])
  expect([rows, read(0, 0), read(1, 0)]).toEqual([1, 5, 6])
})

test("a number that came as FP32 is compared as the decimal that its sender wrote", () => {
  for (const value of [0.1, 123.456, 1e-7, 3.4e38, -0.3]) {
    expect(shortestDecimal(Math.fround(value), "FP32")).toBe(value)
    expect(shortestDecimal(value, "FP64")).toBe(value)
  }
  expect(shortestDecimal(Math.f16round(0.1), "FP16")).toBe(0.1)
  const third = Math.fround(1 / 3)
  expect(Math.fround(shortestDecimal(third, "FP32"))).toBe(third)
  const inSet = (value: number) =>
    judge("expect_column_values_to_be_in_set", { column: "rate", value_set: [value] })
  expect(inSet(0.1)).toBeUndefined()
  expect(inSet(0.2)?.message).toContain("rate = 0.1")
})

test("a missing value is none, and the row that fails is named", () => {
  expect(judge("expect_column_values_to_not_be_null", { column: "rate" })?.row).toBe(1)
  expect(
    judge("expect_column_value_lengths_to_be_between", { column: "city", min_value: 1 }),
  ).toEqual(expect.objectContaining({ row: 1, columns: ["city"] }))
})

test("a suite that does not suit the version lets nothing pass", () => {
  const mark = judge("expect_column_values_to_not_be_null", { column: "age" })
  expect(mark).toMatchObject({ expectation: UNUSABLE, columns: [] })
  expect(mark?.message).toContain('the model has no feature "age"')
})

test("the message stays short and well formed, whatever was sent", () => {
  const text = new TextEncoder().encode("😀".repeat(1_000))
  const data = Buffer.concat([Buffer.from([text.length & 255, text.length >> 8, 0, 0]), text])
  const long: Tensor = { name: "city", datatype: "BYTES", shape: [1, 1], data }
  const mark = judge(
    "expect_column_values_to_be_in_set",
    { column: "city", value_set: ["Rome"] },
    { inputs: [floats("x", [1, 2], 1, 1), long] },
  )
  expect(mark?.message.length).toBeLessThanOrEqual(400)
  expect(mark?.message.isWellFormed()).toBe(true)
})
