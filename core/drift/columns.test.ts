// The rows of a fact, read from tensors that lie anywhere in a message.
import { describe, expect, test } from "bun:test"
import { encodeTexts } from "#core/inference/string-elements"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { unaligned } from "../../test/support/unaligned.ts"
import { addRows, columnPlans } from "./columns.ts"
import { TableBuilder } from "./table.ts"

/** Columns of four tensors in turn, so that each tensor is read between those of the others. */
const MIXED: Signature = {
  task: "classification",
  features: [
    { name: "a0", tensor: "a", column: 0, type: "number" },
    { name: "b0", tensor: "b", column: 0, type: "number" },
    { name: "a1", tensor: "a", column: 1, type: "number" },
    { name: "city", tensor: "city", column: 0, type: "string" },
    { name: "b1", tensor: "b", column: 1, type: "number" },
    { name: "count", tensor: "count", column: 0, type: "number", categories: [1, 2] },
    { name: "a2", tensor: "a", column: 2, type: "number" },
  ],
  inputs: [
    { name: "a", datatype: "FP32", shape: [-1, 3] },
    { name: "b", datatype: "FP64", shape: [-1, 2] },
    { name: "city", datatype: "BYTES", shape: [-1, 1] },
    { name: "count", datatype: "INT64", shape: [-1, 1] },
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

type Place = (data: Uint8Array) => Uint8Array
const asItIs: Place = (data) => data

const mixedFact = (place: Place): Prediction => {
  const tensor = (
    name: string,
    datatype: Tensor["datatype"],
    shape: ReadonlyArray<number>,
    { buffer }: { readonly buffer: ArrayBufferLike },
  ): Tensor => ({ name, datatype, shape, data: place(new Uint8Array(buffer)) })
  return {
    id: "id",
    model: "mixed",
    version: "1",
    request: {
      inputs: [
        tensor("a", "FP32", [2, 3], Float32Array.of(1, 2, 3, 4, NaN, 6)),
        tensor("b", "FP64", [2, 2], Float64Array.of(10, 20, 30, 40)),
        tensor("city", "BYTES", [2, 1], encodeTexts(["Bern", "Oslo"])),
        tensor("count", "INT64", [2, 1], BigInt64Array.of(1n, 2n)),
      ],
    },
    outputs: [
      tensor("label", "INT64", [2], BigInt64Array.of(2n, 0n)),
      tensor("probabilities", "FP32", [2, 3], Float32Array.of(0.25, 0.25, 0.5, 0.75, 0.25, 0)),
    ],
    times: { stored: 1, taken: 1 },
    deliveries: 1,
  }
}

const cellsOf = (...facts: ReadonlyArray<Prediction>) => {
  const table = new TableBuilder(100, 1)
  for (const fact of facts) addRows(fact, columnPlans(MIXED), table)
  return Object.fromEntries(
    table
      .finish()
      .columns.map((column) => [
        column.name,
        column.kind === "numeric"
          ? [...column.values]
          : [...column.codes].map((code) => column.texts[code]),
      ]),
  )
}

describe("the rows of a fact", () => {
  test("are read column by column, whichever tensor each lies in and wherever that lies", () => {
    for (const place of [asItIs, unaligned])
      expect(cellsOf(mixedFact(place))).toEqual({
        a0: [1, 4],
        b0: [10, 30],
        a1: [2, NaN],
        city: ["Bern", "Oslo"],
        b1: [20, 40],
        count: ["1", "2"],
        a2: [3, 6],
        "output.label": ["2", "0"],
        "output.confidence": [0.5, 0.75],
      })
  })

  test("have no value where a tensor is not there, too short, or narrower than the column", () => {
    const whole = mixedFact(unaligned)
    const [a, b, city, count] = whole.request?.inputs ?? []
    if (a === undefined || b === undefined || city === undefined || count === undefined)
      throw new Error("not the inputs")
    const cut = { ...b, data: b.data.subarray(1) }
    const narrow = { ...a, shape: [2, 1], data: a.data.subarray(0, 8) }
    const cells = cellsOf({ ...whole, request: { inputs: [narrow, cut, city, count] } }, whole)
    expect(cells).toMatchObject({
      a0: [1, 2, 1, 4],
      a1: [NaN, NaN, 2, NaN],
      b0: [NaN, NaN, 10, 30],
      city: ["Bern", "Oslo", "Bern", "Oslo"],
      count: ["1", "2", "1", "2"],
    })
    const { outputs: _outputs, ...failed } = whole
    expect(addRows(failed, columnPlans(MIXED), new TableBuilder(100, 1))).toBe(0)
  })
})
