import { expect, test } from "bun:test"
import type { Signature } from "#proto/signature"
import { DATATYPES, ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import {
  BATCH_ROWS_MAX,
  BatchIndivisible,
  concatenate,
  type Member,
  shapeKey,
  split,
} from "./batch.ts"
import { encodeTexts } from "./string-elements.ts"

const signatureOf = (inputs: Signature["inputs"], outputs: Signature["outputs"] = inputs) =>
  ({ task: "other", features: [], inputs, outputs, batching: true }) satisfies Signature

const pair = signatureOf([
  { name: "a", datatype: "FP32", shape: [-1, 2] },
  { name: "b", datatype: "BYTES", shape: [-1] },
])
const floats = (name: string, shape: ReadonlyArray<number>): Tensor => ({
  name,
  datatype: "FP32",
  shape,
  data: new Uint8Array(elementCount(shape) * 4),
})
const texts = (name: string, ...elements: ReadonlyArray<string>): Tensor => ({
  name,
  datatype: "BYTES",
  shape: [elements.length],
  data: encodeTexts(elements),
})

test("requests share a run when all but their rows is the same, whatever the inputs' order", () => {
  const open = signatureOf([
    { name: "a", datatype: "FP32", shape: [-1, -1] },
    { name: "b", datatype: "BYTES", shape: [-1] },
  ])
  for (const signature of [pair, open]) {
    const key = shapeKey(signature, { inputs: [floats("a", [1, 2]), texts("b", "x")] })
    expect(key).toBeString()
    expect(shapeKey(signature, { inputs: [texts("b", "y", "z"), floats("a", [2, 2])] })).toBe(key)
  }
  const wide = shapeKey(open, { inputs: [floats("a", [1, 3]), texts("b", "x")] })
  expect(wide).toBeString()
  expect(wide).not.toBe(shapeKey(open, { inputs: [floats("a", [1, 2]), texts("b", "x")] }))
})

test.each<[string, Signature, Member]>([
  ["the model keeps rows apart", { ...pair, batching: false }, { inputs: [floats("a", [1, 2])] }],
  ["the inputs differ in rows", pair, { inputs: [floats("a", [1, 2]), texts("b", "x", "y")] }],
  ["there are no rows", pair, { inputs: [floats("a", [0, 2]), texts("b")] }],
  ["an input is missing", pair, { inputs: [floats("a", [1, 2])] }],
  [
    "it fills a batch by itself",
    signatureOf([{ name: "a", datatype: "FP32", shape: [-1] }]),
    { inputs: [floats("a", [BATCH_ROWS_MAX])] },
  ],
])("a request runs alone when %s", (_, signature, request) => {
  expect(shapeKey(signature, request)).toBeUndefined()
})

test("each output is computed once, and each request gets those it asked for, in its order", () => {
  const signature = signatureOf(
    [{ name: "x", datatype: "FP32", shape: [-1] }],
    ["p", "q", "r"].map((name) => ({ name, datatype: "FP32", shape: [-1] }) as const),
  )
  const inputs = [floats("x", [1])]
  const members = [
    { inputs, outputs: ["r", "p"] },
    { inputs, outputs: ["p"] },
  ]
  const batch = concatenate(signature, members)
  expect(batch.outputs).toEqual(["p", "r"])
  expect(concatenate(signature, [...members, { inputs }]).outputs).toBeUndefined()
  const parts = split([floats("p", [2]), floats("r", [2])], members, batch.sizes)
  expect(parts.map((part) => part.map(({ name }) => name))).toEqual([["r", "p"], ["p"]])
})

test("outputs that have not one row for each row cannot be divided", () => {
  const members = [{ inputs: [floats("x", [1])] }, { inputs: [floats("x", [1])] }]
  expect(() => split([floats("y", [1])], members, [1, 1])).toThrow(BatchIndivisible)
  expect(() => split([floats("y", [])], members, [1, 1])).toThrow(BatchIndivisible)
})

/** A linear congruential generator: the same batches in each run of the test. */
const numbersFrom = (seed: number) => {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

test("1,000 random batches come apart as they were put together", () => {
  const number = numbersFrom(7)
  for (let round = 0; round < 1_000; round++) {
    const inputs = Array.from({ length: 1 + number(3) }, (_, index) => ({
      name: `t${index}`,
      datatype: DATATYPES[number(DATATYPES.length)] ?? "BYTES",
      shape: [-1, ...Array.from({ length: number(3) }, () => number(3))],
    }))
    const signature = signatureOf(inputs)
    const members = Array.from({ length: 2 + number(6) }, (): Member => {
      const rows = 1 + number(4)
      const tensors = inputs.map(({ name, datatype, shape }): Tensor => {
        const dims = [rows, ...shape.slice(1)]
        const count = elementCount(dims)
        const data =
          datatype === "BYTES"
            ? encodeTexts(Array.from({ length: count }, () => "é".repeat(number(4))))
            : Uint8Array.from({ length: count * ELEMENT_BYTES[datatype] }, () => number(256))
        return { name, datatype, shape: dims, data }
      })
      return { inputs: number(2) === 0 ? tensors : tensors.toReversed() }
    })
    expect(new Set(members.map((member) => shapeKey(signature, member))).size).toBe(1)
    const batch = concatenate(signature, members)
    const parts = split(batch.inputs, members, batch.sizes)
    const sorted = (tensors: ReadonlyArray<Tensor>) =>
      tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    expect(parts).toEqual(members.map((member) => sorted(member.inputs)))
  }
})
