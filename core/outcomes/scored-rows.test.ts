// What a fact answered, row by row, from tensors that lie anywhere in a message.
import { describe, expect, test } from "bun:test"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { unaligned } from "../../test/support/unaligned.ts"
import { scoredRows } from "./scored-rows.ts"

const MIXED: Signature = {
  task: "classification",
  features: [
    { name: "age", tensor: "x", column: 0, type: "number" },
    { name: "income", tensor: "x", column: 1, type: "number" },
    { name: "member", tensor: "flags", column: 0, type: "boolean" },
  ],
  inputs: [
    { name: "x", datatype: "FP64", shape: [-1, 2] },
    { name: "flags", datatype: "BOOL", shape: [-1, 1] },
  ],
  outputs: [
    { name: "label", datatype: "INT64", shape: [-1] },
    { name: "probabilities", datatype: "FP32", shape: [-1, 3] },
  ],
  label: "label",
  probability: "probabilities",
  classes: [0, 1, 2],
  batching: true,
}

const tensor = (
  name: string,
  datatype: Tensor["datatype"],
  shape: ReadonlyArray<number>,
  { buffer }: { readonly buffer: ArrayBufferLike },
): Tensor => ({ name, datatype, shape, data: unaligned(new Uint8Array(buffer)) })

const label = tensor("label", "INT64", [2], BigInt64Array.of(2n, 0n))
const probabilities = tensor(
  "probabilities",
  "FP32",
  [2, 3],
  Float32Array.of(0.25, 0.25, 0.5, 0.25, 0.5, 0.25),
)
const factOf = (outputs: ReadonlyArray<Tensor>): Prediction => ({
  id: "id",
  model: "mixed",
  version: "1",
  request: {
    inputs: [
      tensor("x", "FP64", [2, 2], Float64Array.of(30, 1.5, 40, NaN)),
      tensor("flags", "BOOL", [2, 1], Uint8Array.of(1, 0)),
    ],
  },
  outputs,
  times: { stored: 1, taken: 1 },
  deliveries: 1,
})
const sliced = ["income", "member", "age", "absent"]

describe("the rows of an answer", () => {
  test("have the label, all probabilities and the values that are sliced by", () => {
    expect(scoredRows(factOf([label, probabilities]), MIXED, sliced)).toEqual([
      {
        predicted: "2",
        probabilities: [0.25, 0.25, 0.5],
        slices: ["1.5", "true", "30", undefined],
      },
      {
        predicted: "0",
        probabilities: [0.25, 0.5, 0.25],
        slices: [undefined, "false", "40", undefined],
      },
    ])
  })

  test("have the most probable class where there is no label, and neither where both lack", () => {
    const predicted = (outputs: ReadonlyArray<Tensor>) =>
      scoredRows(factOf(outputs), MIXED, []).map((row) => [
        row.predicted,
        row.probabilities?.length,
      ])
    expect(predicted([probabilities])).toEqual([
      ["2", 3],
      ["1", 3],
    ])
    const cut = { ...probabilities, data: probabilities.data.subarray(1) }
    expect(predicted([label, cut])).toEqual([
      ["2", undefined],
      ["0", undefined],
    ])
    expect(predicted([cut])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ])
    const none = { ...label, shape: [0], data: new Uint8Array() }
    expect(predicted([none, probabilities])).toEqual([])
  })
})
