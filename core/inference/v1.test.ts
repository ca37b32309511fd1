// The V1 protocol's bodies become the tensors that they describe, and its answers hold the outputs.
import { describe, expect, test } from "bun:test"
import type { Signature } from "#proto/signature"
import { IMAGE, MIXED, bytesOf, good, sentence, tensor, texts } from "./test-signatures.ts"
import { v1ColumnsText, v1PredictionsText } from "./v1-answer.ts"
import { parseV1Request } from "./v1-request.ts"

const inputsOf = (signature: Signature, body: object) =>
  good(parseV1Request(signature, JSON.stringify(body))).request.inputs
const refusal = (signature: Signature, body: object) =>
  sentence(parseV1Request(signature, JSON.stringify(body)))

const PAIR: Signature = {
  ...IMAGE,
  batching: true,
  inputs: [
    { name: "a", datatype: "FP32", shape: [-1, 2, 2] },
    { name: "b", datatype: "INT64", shape: [-1, 1] },
  ],
}
const a = [
  [1, 2],
  [3, 4],
]

test("a body of instances and inputs is refused by both names, and null is none", () => {
  const instances = [[1.5, 7, "JFK", 9, true]]
  expect(refusal(MIXED, { instances, inputs: {} })).toBe(
    "body: expected either instances or inputs, got both",
  )
  expect(inputsOf(MIXED, { instances, inputs: null })).toEqual(inputsOf(MIXED, { instances }))
})

describe("instances", () => {
  test("are rows of features, as arrays or by name", () => {
    const expected = [
      tensor("numbers", "FP32", [1, 2], new Float32Array([1.5, 7])),
      tensor("origin", "BYTES", [1, 1], texts("JFK")),
      tensor("flight", "INT64", [1], new BigInt64Array([9n])),
      tensor("weekend", "BOOL", [1, 1], new Uint8Array([1])),
    ]
    expect(inputsOf(MIXED, { instances: [[1.5, 7, "JFK", 9, true]] })).toEqual(expected)
    const row = { distance: 1.5, hour: 7, origin: "JFK", flight: 9, weekend: true }
    expect(inputsOf(MIXED, { instances: [row] })).toEqual(expected)
  })

  test("of one feature may be bare values", () => {
    const one: Signature = {
      ...IMAGE,
      features: [{ name: "x", tensor: "x", column: 0, type: "number" }],
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 1] }],
    }
    const data = bytesOf(new Float32Array([1, 2]))
    const expected = [{ name: "x", datatype: "FP32", shape: [2, 1], data }]
    expect(inputsOf(one, { instances: [1, 2] })).toMatchObject(expected)
    expect(inputsOf(one, { instances: [[1], [2]] })).toMatchObject(expected)
    expect(inputsOf(one, { instances: [{ x: [1] }, { x: [2] }] })).toMatchObject(expected)
  })

  test("are tensors by the names of inputs, or those of the only input", () => {
    expect(
      inputsOf(PAIR, {
        instances: [
          { a, b: 5 },
          { a, b: 6 },
        ],
      }),
    ).toEqual([
      tensor("a", "FP32", [2, 2, 2], new Float32Array([1, 2, 3, 4, 1, 2, 3, 4])),
      tensor("b", "INT64", [2, 1], new BigInt64Array([5n, 6n])),
    ])
    expect(inputsOf(IMAGE, { instances: [a] })).toEqual([
      tensor("image", "FP32", [1, 2, 2], new Float32Array([1, 2, 3, 4])),
    ])
  })

  test("that do not fit are refused where they stand", () => {
    expect(refusal(MIXED, { instances: [[1, 2]] })).toContain("instances[0]: expected 5 values")
    expect(refusal(MIXED, { instances: [[1.5, 7, 3, 9, true]] })).toContain("instances[0][2]")
    expect(refusal(PAIR, { instances: [{ a, b: 5 }, { a }] })).toContain("instances.b[1]")
    expect(refusal(PAIR, { instances: [{ a, c: 5 }] })).toContain("instances[0]: expected only")
    expect(refusal(PAIR, { instances: [{ a, b: 1 }, 3] })).toContain("instances[1]")
    expect(refusal(PAIR, { instances: [a] })).toContain("instances[0]: expected an object")
    expect(refusal(PAIR, { instances: [{ a, b: 2 ** 60 }] })).toContain("up to 2^53")
    expect(refusal(IMAGE, { instances: [[[1, 2], [3]]] })).toContain("instances[0][1]")
    expect(refusal(IMAGE, { instances: [[1, 2], ...Array(9).fill([])] })).toContain("instances")
    for (const body of [{}, { instances: 1 }, { instances: [] }, { instances: [[]] }])
      expect(refusal(IMAGE, body)).toContain("instances: expected")
    expect(sentence(parseV1Request(IMAGE, '{"instances":[1],"instances":[2]}'))).toContain("twice")
    const deep = `{"instances":${"[".repeat(5_000)}1${"]".repeat(5_000)}}`
    expect(sentence(parseV1Request(IMAGE, deep))).toContain("at most 16 dimensions")
  })
})

test("inputs hold all rows of each tensor, by name or alone", () => {
  const expected = [
    tensor("a", "FP32", [1, 2, 2], new Float32Array([1, 2, 3, 4])),
    tensor("b", "INT64", [1, 1], new BigInt64Array([5n])),
  ]
  expect(inputsOf(PAIR, { inputs: { a: [a], b: [[5]] } })).toEqual(expected)
  expect(inputsOf(PAIR, { inputs: { a: [a], b: [5] } })).toEqual(expected)
  expect(inputsOf(IMAGE, { inputs: [a] })[0]?.shape).toEqual([1, 2, 2])
  expect(refusal(PAIR, { inputs: [a] })).toContain("inputs: expected an object")
  expect(refusal(PAIR, { inputs: { a: [a] } })).toContain("inputs.b: expected values")
})

describe("answers", () => {
  const label = tensor("label", "INT64", [2], new BigInt64Array([1n, 0n]))
  const chances = tensor("probabilities", "FP32", [2, 2], new Float32Array([0.5, 0.5, 1, 0]))

  test("are the label with its probabilities where the signature names one", () => {
    const text = good(v1PredictionsText(MIXED, [label, chances]))
    expect(text).toBe('{"predictions":[1,0],"probabilities":[[0.5,0.5],[1,0]]}')
  })

  test("are the only output, or an object of several for each row", () => {
    expect(good(v1PredictionsText(IMAGE, [chances]))).toBe('{"predictions":[[0.5,0.5],[1,0]]}')
    const text = good(v1PredictionsText(IMAGE, [label, chances]))
    expect(JSON.parse(text)).toEqual({
      predictions: [
        { label: 1, probabilities: [0.5, 0.5] },
        { label: 0, probabilities: [1, 0] },
      ],
    })
  })

  test("of columns are whole tensors", () => {
    expect(good(v1ColumnsText([chances]))).toBe('{"outputs":[[0.5,0.5],[1,0]]}')
    const both = '{"outputs":{"label":[1,0],"probabilities":[[0.5,0.5],[1,0]]}}'
    expect(good(v1ColumnsText([label, chances]))).toBe(both)
  })

  test("that differ in rows have no form by rows", () => {
    const three = tensor("three", "UINT8", [3], new Uint8Array(3))
    expect(sentence(v1PredictionsText(IMAGE, [label, three]))).toContain("outputs.three")
  })
})
