// One checker for every way in: what it lets pass a model can run, and what it refuses it names.
import { describe, expect, test } from "bun:test"
import type { InferenceRequest } from "#proto/request"
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { checkRequest, ELEMENTS_MAX } from "./check.ts"
import { parseInferBody, parseInferRequest } from "./json-request.ts"
import { bytesOf, good, IMAGE, MIXED, sentence, tensor, texts } from "./test-signatures.ts"
import { parseV1Request } from "./v1-request.ts"

const numbers = (...values: ReadonlyArray<number>) =>
  tensor("numbers", "FP32", [values.length / 2, 2], new Float32Array(values))
const NUMBERS = numbers(12.5, 7)
const ORIGIN = tensor("origin", "BYTES", [1, 1], texts("JFK"))
const FLIGHT = tensor("flight", "INT64", [1], new BigInt64Array([2n ** 60n]))
const WEEKEND = tensor("weekend", "BOOL", [1, 1], new Uint8Array([1]))
const GOOD: ReadonlyArray<Tensor> = [NUMBERS, ORIGIN, FLIGHT, WEEKEND]

const check = (inputs: ReadonlyArray<Tensor>, rest: Partial<InferenceRequest> = {}) =>
  checkRequest(MIXED, { inputs, ...rest })
const refusal = (...inputs: ReadonlyArray<Tensor>) => sentence(check(inputs))
/** The good request with one tensor in place of the good one of its name. */
const withOne = (other: Tensor) =>
  refusal(...GOOD.map((input) => (input.name === other.name ? other : input)))

const single = (
  datatype: Tensor["datatype"],
  type: "number" | "integer" | "boolean",
  missing: "nan" | "refuse" = "refuse",
): Signature => ({
  task: "other",
  batching: true,
  features: [{ name: "f", tensor: "x", column: 0, type, missing }],
  inputs: [{ name: "x", datatype, shape: [-1] }],
  outputs: [],
})
const checkSingle = (signature: Signature, data: ArrayBufferView<ArrayBuffer>, rows: number) => {
  const datatype = signature.inputs[0]?.datatype ?? "FP32"
  return checkRequest(signature, { inputs: [tensor("x", datatype, [rows], data)] })
}

test("a good request passes, in any order of its inputs", () => {
  expect(check(GOOD)).toBeUndefined()
  expect(check(GOOD.toReversed(), { outputs: ["label"] })).toBeUndefined()
})

describe("names", () => {
  test("an input that the model has not, one that is absent and one given twice", () => {
    expect(refusal(...GOOD, { ...ORIGIN, name: "dest" })).toBe(
      'inputs[4].name: expected one of "numbers", "origin", "flight", "weekend", got "dest"',
    )
    expect(refusal(NUMBERS, ORIGIN)).toBe(
      'inputs: expected also "flight", "weekend", got only "numbers", "origin"',
    )
    expect(refusal(...GOOD, ORIGIN)).toBe(
      'inputs[4].name: expected each name once, got "origin" again',
    )
    expect(refusal()).toEndWith("got none")
  })

  test("an output that does not exist or is asked for twice", () => {
    const asked = (...outputs: ReadonlyArray<string>) => sentence(check(GOOD, { outputs }))
    expect(asked("constructor")).toBe(
      'outputs[0].name: expected one of "label", "probabilities", got "constructor"',
    )
    expect(asked("label", "label")).toContain(
      'outputs[1].name: expected each name once, got "label"',
    )
  })
})

describe("datatype, shape and length", () => {
  const cases: ReadonlyArray<readonly [string, Tensor]> = [
    ['inputs[0].datatype: expected FP32, got "FP64"', { ...NUMBERS, datatype: "FP64" }],
    ["inputs[0].shape: expected 2 dimensions [-1,2], got [2]", { ...NUMBERS, shape: [2] }],
    ["inputs[0].shape[1]: expected 2, got 3", { ...NUMBERS, shape: [1, 3] }],
    ["inputs[0].shape[0]: expected at least 1, got 0", { ...NUMBERS, shape: [0, 2] }],
    ["inputs[0].data: expected 16 bytes for FP32 [2,2], got 8", { ...NUMBERS, shape: [2, 2] }],
    [`expected at most ${ELEMENTS_MAX} elements`, { ...NUMBERS, shape: [2 ** 52, 2] }],
    ["inputs[1].shape[0]: expected 2 rows as in the inputs before, got 1", numbers(1, 2, 3, 4)],
  ]
  test.each(cases)("%s", (expected, other) => {
    expect(withOne(other)).toContain(expected)
  })

  test("a model that is not batched may have inputs of different first dimensions", () => {
    const loose = { ...MIXED, batching: false }
    const inputs = [numbers(1, 2, 3, 4), ORIGIN, FLIGHT, WEEKEND]
    expect(checkRequest(loose, { inputs })).toBeUndefined()
    const image = tensor("image", "FP32", [1, 2, 2], new Float32Array([1, 2, 3, Number.NaN]))
    expect(sentence(checkRequest(IMAGE, { inputs: [image] }))).toBe(
      "inputs[0].data[3]: expected a finite number, got NaN",
    )
  })
})

describe("values", () => {
  test("what was null in JSON is called null, and NaN what came as NaN", () => {
    const { datatype, shape } = IMAGE.inputs[0] ?? {}
    const input = { name: "image", datatype, shape }
    const data = [1, 2, 3, null]
    const flat = parseInferRequest(JSON.stringify({ inputs: [{ ...input, data }] }))
    const rows = [
      [
        [1, 2],
        [3, null],
      ],
    ]
    const nested = parseInferRequest(JSON.stringify({ inputs: [{ ...input, data: rows }] }))
    const columns = parseV1Request(IMAGE, JSON.stringify({ inputs: rows }))
    for (const request of [good(flat), good(nested), good(columns).request])
      expect(sentence(checkRequest(IMAGE, request))).toBe(
        "inputs[0].data[3]: expected a finite number, got null",
      )
    const mixed = { name: "numbers", datatype: "FP32", shape: [2, 2], data: [null, 7, 1, null] }
    const numbersOnly = { ...MIXED, inputs: MIXED.inputs.slice(0, 1) }
    const asked = good(parseInferRequest(JSON.stringify({ inputs: [mixed] })))
    expect(sentence(checkRequest(numbersOnly, asked))).toBe(
      "inputs[0].data[3] (hour): expected an integer, got null",
    )
    const binary = { ...input, parameters: { binary_data_size: 16 } }
    const bytes = bytesOf(new Float32Array([1, 2, 3, Number.NaN]))
    const behind = good(parseInferBody(JSON.stringify({ inputs: [binary] }), bytes))
    expect(sentence(checkRequest(IMAGE, behind.request))).toEndWith("got NaN")
  })

  test("NaN passes only in the column that allows missing values", () => {
    expect(check([numbers(Number.NaN, 7), ORIGIN, FLIGHT, WEEKEND])).toBeUndefined()
    expect(withOne(numbers(1, Number.NaN))).toBe(
      "inputs[0].data[1] (hour): expected an integer, got NaN",
    )
  })

  test("infinities never pass, integers stay whole, wherever they stand", () => {
    expect(withOne(numbers(Number.NEGATIVE_INFINITY, 7))).toBe(
      "inputs[0].data[0] (distance): expected a finite number or NaN, got -Infinity",
    )
    expect(withOne(numbers(1, 7, 1, 7.5))).toBe(
      "inputs[0].data[3] (hour): expected an integer, got 7.5",
    )
  })

  test("each kind of float and each kind of flag is looked at", () => {
    const nan = Number.NaN
    const halves = new Float16Array([1, nan])
    expect(checkSingle(single("FP16", "number", "nan"), halves, 2)).toBeUndefined()
    expect(sentence(checkSingle(single("FP16", "number"), halves, 2))).toContain("got NaN")
    expect(sentence(checkSingle(single("FP64", "number"), new Float64Array([nan]), 1))).toContain(
      "inputs[0].data[0] (f): expected a finite number, got NaN",
    )
    const flags = new BigInt64Array([0n, 1n, 2n])
    expect(sentence(checkSingle(single("INT64", "boolean"), flags, 3))).toBe(
      "inputs[0].data[2] (f): expected 0 or 1, got 2",
    )
    expect(checkSingle(single("INT8", "integer"), new Int8Array([-5]), 1)).toBeUndefined()
  })

  test("a BOOL is a byte of 0 or 1", () => {
    expect(withOne({ ...WEEKEND, data: new Uint8Array([2]) })).toContain("expected 0 or 1, got 2")
  })

  test("texts end where their lengths say, and are UTF-8", () => {
    const data = (...bytes: ReadonlyArray<number>) =>
      withOne({ ...ORIGIN, data: new Uint8Array(bytes) })
    expect(data()).toContain("inputs[1].data[0] (origin): expected a length of 4 bytes, got 0")
    expect(data(4, 0, 0, 0, 65)).toContain("expected 4 bytes, got 1 bytes")
    expect(data(255, 255, 255, 255, 65)).toContain("expected 4294967295 bytes, got 1 bytes")
    expect(data(2, 0, 0, 0, 0xc3, 0x28)).toContain("expected valid UTF-8, got 2 other bytes")
    expect(data(3, 0, 0, 0, 0xed, 0xa0, 0x80)).toContain("expected valid UTF-8")
    expect(data(3, 0, 0, 0, 65, 0, 66)).toContain("expected no NUL character, got one")
    expect(data(1, 0, 0, 0, 65, 66)).toContain("expected the end of the data, got 1 bytes more")
  })

  test("data at an odd offset of a larger message is read just as well", () => {
    for (const offset of [1, 2, 3]) {
      const message = new Uint8Array(offset + NUMBERS.data.byteLength)
      message.set(NUMBERS.data, offset)
      const moved = { ...NUMBERS, data: message.subarray(offset) }
      expect(check([moved, ORIGIN, FLIGHT, WEEKEND])).toBeUndefined()
      message.fill(255, offset + 4)
      expect(withOne(moved)).toContain("inputs[0].data[1] (hour): expected an integer, got NaN")
    }
  })
})
