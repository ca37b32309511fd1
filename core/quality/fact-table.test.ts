import { expect, test } from "bun:test"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { FactTable } from "./fact-table.ts"

const signature: Signature = {
  task: "classification",
  features: [
    { name: "rate", tensor: "x", column: 0, type: "number", missing: "nan" },
    { name: "size", tensor: "x", column: 1, type: "integer" },
  ],
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
  outputs: [
    { name: "label", datatype: "INT64", shape: [-1] },
    { name: "p", datatype: "FP32", shape: [-1, 2] },
  ],
  label: "label",
  probability: "p",
  classes: [0, 1],
  positiveClass: 1,
  batching: true,
}

const floats = (name: string, shape: ReadonlyArray<number>, ...values: ReadonlyArray<number>) => ({
  name,
  datatype: "FP32" as const,
  shape,
  data: new Uint8Array(new Float32Array(values).buffer),
})
const label = (...values: ReadonlyArray<bigint>) => ({
  name: "label",
  datatype: "INT64" as const,
  shape: [values.length],
  data: new Uint8Array(new BigInt64Array(values).buffer),
})

const fact = (more: Partial<Prediction>): Prediction => ({
  id: "a",
  model: "m",
  times: { stored: 0, taken: 0 },
  deliveries: 1,
  ...more,
})

const answered = fact({
  request: { inputs: [floats("x", [2, 2], 0.1, 7, Number.NaN, 8)] },
  outputs: [label(1n, 0n), floats("p", [2, 2], 0.25, 0.75, 0.5, 0.5)],
})

const shown = (table: FactTable) =>
  [...table.finish().columns].map(([name, { type, values, missing }]) => [
    name,
    type,
    Array.from(values, (value, row) => (missing[row] === 1 ? null : value)),
  ])

test("features and answers are columns, and a failure is no row", () => {
  const table = new FactTable(100)
  table.add(answered, signature)
  table.add(fact({ failure: { reason: "quality", message: "" } }), signature)
  expect(shown(table)).toEqual([
    ["rate", "float", [0.1, null]],
    ["size", "integer", [7, 8]],
    ["output.label", "integer", [1, 0]],
    ["output.probability", "float", [0.75, 0.5]],
  ])
  expect([table.seen, table.failed]).toEqual([2, 1])
})

test("an output that was not asked for, and a feature of another version, have no value", () => {
  const table = new FactTable(100)
  const { request } = answered
  table.add(fact({ ...(request && { request }), outputs: [label(1n, 1n)] }), signature)
  const [rate] = signature.features
  table.add(answered, { ...signature, features: rate === undefined ? [] : [rate] })
  expect(shown(table)).toEqual([
    ["rate", "float", [0.1, null, 0.1, null]],
    ["size", "float", [7, 8, null, null]],
    ["output.label", "integer", [1, 1, 1, 0]],
    ["output.probability", "float", [null, null, 0.75, 0.5]],
  ])
})

test("rows beyond the limit are only counted", () => {
  const table = new FactTable(3)
  for (let i = 0; i < 5; i++) table.add(answered, signature)
  expect([table.finish().rows, table.seen]).toEqual([3, 10])
})
