// Raw bytes behind JSON become exactly the tensors that the JSON describes, or one sentence that
// names the input. The golden bytes are written by hand from the protocol's own rules.
import { describe, expect, test } from "bun:test"
import { requestDigest } from "#proto/digest"
import type { Signature } from "#proto/signature"
import { DATATYPES, ELEMENT_BYTES, elementCount, type Datatype, type Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"
import { rawInferRequest } from "./binary-tensors.ts"
import { checkRequest } from "./check.ts"
import { tensorText } from "./json-answer.ts"
import { parseInferBody } from "./json-request.ts"
import { bytesOf, good, IMAGE, MIXED, seeded, sentence, texts } from "./test-signatures.ts"

const BODIES = 2_000

const input = (name: string, datatype: string, shape: ReadonlyArray<number>, size: unknown) => ({
  name,
  datatype,
  shape,
  parameters: { binary_data_size: size },
})

const parse = (
  inputs: ReadonlyArray<object>,
  data: Uint8Array | ReadonlyArray<number>,
  more: object = {},
) => parseInferBody(JSON.stringify({ ...more, inputs }), Uint8Array.from(data))

test("each input takes its bytes in turn, JSON between them takes none", () => {
  const raw = [
    [1, 0, 1],
    [2, 0, 0, 0, 0x61, 0x62, 0, 0, 0, 0],
    [0xfe, 0xff, 0x02, 0x01],
    [0x00, 0x3c, 0x00, 0xc0],
    [0x00, 0x00, 0x80, 0x3f],
    [0, 0, 0, 0, 0, 0, 0, 0x80],
  ]
  const inputs = [
    input("flags", "BOOL", [3], 3),
    input("words", "BYTES", [2, 1], 10),
    { name: "json", datatype: "INT64", shape: [1], data: [7] },
    input("small", "INT16", [2], 4),
    input("half", "FP16", [2], 4),
    input("one", "FP32", [1], 4),
    input("low", "INT64", [1], 8),
  ]
  const { request, answer } = good(parse(inputs, raw.flat()))
  expect(request.inputs.map(({ data }) => data)).toEqual([
    new Uint8Array([1, 0, 1]),
    texts("ab", ""),
    bytesOf(new BigInt64Array([7n])),
    bytesOf(new Int16Array([-2, 258])),
    bytesOf(new Float16Array([1, -2])),
    bytesOf(new Float32Array([1])),
    bytesOf(new BigInt64Array([-(2n ** 63n)])),
  ])
  expect(request.inputs[1]?.shape).toEqual([2, 1])
  expect(answer).toBeUndefined()
})

test("tensors are views of the body: nothing is copied", () => {
  const data = new Uint8Array(8)
  const text = JSON.stringify({ inputs: [input("a", "UINT8", [3], 3), input("b", "INT8", [5], 5)] })
  const { request } = good(parseInferBody(text, data))
  expect(
    request.inputs.map((one) => [one.data.buffer === data.buffer, one.data.byteOffset]),
  ).toEqual([
    [true, 0],
    [true, 3],
  ])
})

describe("a length that is wrong is refused with the name of its input", () => {
  const pair = (first: unknown, second: unknown) => [
    input("x", "FP32", [2], first),
    input("y", "UINT8", [2], second),
  ]
  const eight = [0, 0, 0, 0, 0, 0, 0, 0]
  const field = (index: number, name: string) =>
    `inputs[${index}].parameters.binary_data_size (${name}): `
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<object>, number, string]> = [
    ["less than the shape", pair(7, 3), 10, `${field(0, "x")}expected 8 bytes for FP32 [2], got 7`],
    [
      "more than the shape",
      pair(8, 3),
      11,
      `${field(1, "y")}expected 2 bytes for UINT8 [2], got 3`,
    ],
    [
      "more than the body",
      pair(8, 2),
      9,
      `${field(1, "y")}expected at most the 1 bytes that the body still has, got 2`,
    ],
    [
      "less than the body",
      pair(8, 2),
      12,
      `${field(1, "y")}expected the last bytes of the body, got 2 bytes more`,
    ],
    ["negative", pair(-1, 2), 10, `${field(0, "x")}expected a number of bytes, got -1`],
    ["not whole", pair(8, 1.5), 10, `${field(1, "y")}expected a number of bytes, got 1.5`],
    ["a text", pair("8", 2), 10, `${field(0, "x")}expected a number of bytes, got "8"`],
  ]
  test.each(cases)("%s", (_, inputs, bytes, expected) => {
    expect(sentence(parse(inputs, new Uint8Array(bytes)))).toBe(expected)
  })

  test("data of both kinds, bytes of no input, and a size without bytes", () => {
    const both = { ...input("x", "FP32", [2], 8), data: [1, 2] }
    expect(sentence(parse([both], eight))).toContain("inputs[0].data: expected none beside")
    const json = { name: "x", datatype: "FP32", shape: [2], data: [1, 2] }
    expect(sentence(parse([json], eight))).toContain("binary_data_size in an input")
    const text = JSON.stringify({ inputs: [input("x", "FP32", [2], 8)] })
    expect(sentence(parseInferBody(text))).toContain("Inference-Header-Content-Length")
  })

  test("BYTES whose own lengths do not add up name the element", () => {
    const words = { ...IMAGE, inputs: [{ name: "w", datatype: "BYTES", shape: [-1] }] } as const
    const given = good(parse([input("w", "BYTES", [2], 6)], [1, 0, 0, 0, 0x61, 9]))
    const fault = checkRequest(words, given.request)
    expect(sentence(fault)).toContain("inputs[0].data[1]: expected a length of 4 bytes")
  })
})

describe("how the answer is to be written", () => {
  const asked = (parameters: object | undefined, outputs: ReadonlyArray<object>) =>
    good(parse([input("x", "UINT8", [1], 1)], [0], { parameters, outputs })).answer
  const binary = (flag: boolean) => ({ name: "y", parameters: { binary_data: flag } })

  test("an output decides for itself, the request for those that say nothing", () => {
    const form = asked({ binary_data_output: true }, [binary(false), { name: "z" }])
    expect(form?.binary).toBeTrue()
    expect(form?.outputs.get("y")?.binary).toBeFalse()
    expect(form?.outputs.has("z")).toBeFalse()
    expect(asked({ binary_data_output: false }, [binary(true)])).toEqual({
      binary: false,
      outputs: new Map([["y", { binary: true, classes: undefined }]]),
    })
    expect(asked({ binary_data_output: true }, [])?.binary).toBeTrue()
    expect(asked({ binary_data_output: false }, [{ name: "y" }])).toBeUndefined()
    expect(asked(undefined, [binary(false)])).toBeUndefined()
  })

  test("values of other kinds are refused by name", () => {
    const refused = (parameters: object, output: object) =>
      sentence(
        parse([input("x", "UINT8", [1], 1)], [0], {
          parameters,
          outputs: [{ name: "y", parameters: output }],
        }),
      )
    expect(refused({ binary_data_output: 1 }, {})).toContain("parameters.binary_data_output")
    expect(refused({}, { binary_data: "yes" })).toContain("outputs[0].parameters.binary_data")
    for (const classes of [0, 1.5, "3", true])
      expect(refused({}, { classification: classes })).toContain("parameters.classification")
  })
})

describe("a body without JSON", () => {
  const one = (datatype: Datatype, shape: ReadonlyArray<number>, batching = true): Signature => ({
    ...IMAGE,
    batching,
    inputs: [{ name: "x", datatype, shape }],
  })
  const shapeOf = (signature: Signature, bytes: number) =>
    good(rawInferRequest(signature, new Uint8Array(bytes))).inputs[0]?.shape

  test("gets the shape that its length tells", () => {
    expect(shapeOf(one("FP32", [-1, 4]), 48)).toEqual([3, 4])
    expect(shapeOf(one("FP16", [2, 2]), 8)).toEqual([2, 2])
    expect(shapeOf(one("INT64", [-1, -1]), 24)).toEqual([1, 3])
    expect(shapeOf(one("UINT8", []), 1)).toEqual([])
  })

  test("is one text for BYTES, without a length before it", () => {
    const request = good(rawInferRequest(one("BYTES", [-1, 1]), Buffer.from("JFK")))
    expect(request.inputs).toEqual([
      { name: "x", datatype: "BYTES", shape: [1, 1], data: texts("JFK") },
    ])
  })

  test("is refused where it tells none", () => {
    const refused = (signature: Signature, bytes: number) =>
      sentence(rawInferRequest(signature, new Uint8Array(bytes)))
    expect(refused(one("FP32", [-1, 4]), 47)).toContain("47 bytes")
    expect(refused(one("FP32", [-1, 4]), 0)).toContain("0 bytes")
    expect(refused(one("FP32", [2, 2]), 15)).toContain("expected 16 bytes")
    expect(refused(one("FP32", [-1, -1], false), 16)).toContain("tell no shape")
    expect(refused(one("BYTES", [2]), 3)).toContain("tell no shape")
    expect(refused(MIXED, 3)).toContain("the model has 4 inputs")
  })
})

type Random = () => number
const below = (random: Random, limit: number): number => Math.floor(random() * limit)

/** A tensor that has a form in JSON as well, so that both can be compared. */
const randomTensor = (random: Random, name: string, datatype: Datatype): Tensor => {
  const shape = Array.from({ length: 1 + below(random, 3) }, () => 1 + below(random, 4))
  const count = elementCount(shape)
  if (datatype === "BYTES") {
    const words = Array.from({ length: count }, () => "ü".repeat(below(random, 9)))
    return { name, datatype, shape, data: texts(...words) }
  }
  const data = new Uint8Array(count * ELEMENT_BYTES[datatype]).map(() => below(random, 2))
  return { name, datatype, shape, data }
}

describe("properties", () => {
  test("JSON, raw bytes and any mix of them ask the same, with one digest", () => {
    const random = seeded(11)
    for (let round = 0; round < 200; round++) {
      const tensors = DATATYPES.map((datatype) => randomTensor(random, datatype, datatype))
      const written = (share: number) => {
        const tail: Array<Uint8Array> = []
        const inputs = tensors.map((tensor) => {
          const { name, datatype, shape, data } = tensor
          if (random() >= share) return good(tensorText(tensor))
          tail.push(data)
          return JSON.stringify(input(name, datatype, shape, data.byteLength))
        })
        return good(parseInferBody(`{"inputs":[${inputs.join()}]}`, Buffer.concat(tail))).request
      }
      const [json, mixed, binary] = [written(0), written(0.5), written(1)]
      expect(binary.inputs.map(({ data }) => bytesOf(new Uint8Array(data)))).toEqual(
        tensors.map(({ data }) => data),
      )
      const digests = [json, mixed, binary].map((request) => requestDigest("m", "1", request))
      expect(new Set(digests).size).toBe(1)
    }
  })

  test("no damaged body does more than be refused", () => {
    const random = seeded(12)
    const inputs = [input("x", "FP32", [2, 3], 24), input("w", "BYTES", [2], 11)]
    const tail = Buffer.concat([new Uint8Array(24), texts("abc", "")])
    const text = JSON.stringify({
      inputs,
      outputs: [{ name: "y", parameters: { binary_data: true } }],
    })
    let refused = 0
    for (let body = 0; body < BODIES; body++) {
      const at = below(random, text.length)
      const damaged =
        random() < 0.5
          ? text.slice(0, at) + String(below(random, 100)) + text.slice(at + below(random, 3))
          : text
      const length = below(random, 2 * tail.byteLength)
      const data = new Uint8Array(length)
      data.set(tail.subarray(0, length))
      const parsed = parseInferBody(damaged, data)
      if (parsed instanceof BadRequest) refused++
      else {
        const taken = parsed.request.inputs.reduce((sum, one) => sum + one.data.byteLength, 0)
        expect(taken).toBe(length)
      }
    }
    expect(refused).toBeGreaterThan(BODIES * 0.9)
  })
})
