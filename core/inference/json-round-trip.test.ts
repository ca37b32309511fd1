// Properties over generated input, the same in every run: any tensor survives the way through JSON
// bit by bit, and no body, however damaged, does more than be refused.
import { describe, expect, test } from "bun:test"
import type { InferenceRequest } from "#proto/request"
import { type Datatype, DATATYPES, ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"
import { checkRequest } from "./check.ts"
import { inferAnswerText } from "./json-answer.ts"
import { parseInferRequest } from "./json-request.ts"
import { parsePredictRequest } from "./rows.ts"
import { good, MIXED, seeded, texts } from "./test-signatures.ts"

const TENSORS_EACH = 200
const BODIES = 3_000

type Random = () => number
const below = (random: Random, limit: number): number => Math.floor(random() * limit)
const oneOf = <Value>(random: Random, values: ReadonlyArray<Value>): Value => {
  const value = values[below(random, values.length)]
  if (value === undefined) throw new Error("nothing to choose from")
  return value
}

const randomText = (random: Random): string => {
  const points = Array.from({ length: below(random, 40) }, () =>
    oneOf(random, [below(random, 128), 0x22, 0x5c, 0x3a, 0xe9, 0x20ac, 0x1f6ec, 0xfffd, 0]),
  )
  return String.fromCodePoint(...points)
}

const isFloat = (datatype: Datatype): boolean => datatype.startsWith("FP")

/** Any bits, but for floats only finite ones: the others have no form in JSON. */
const randomTensor = (random: Random, datatype: Datatype): Tensor => {
  const shape = Array.from({ length: below(random, 4) }, () => 1 + below(random, 4))
  const count = elementCount(shape)
  if (datatype === "BYTES") {
    const data = texts(
      ...Array.from({ length: count }, () => randomText(random).replaceAll("\0", "0")),
    )
    return { name: "x", datatype, shape, data }
  }
  const size = ELEMENT_BYTES[datatype]
  const data = Uint8Array.from({ length: count * size }, () => below(random, 256))
  if (datatype === "BOOL") for (const [index, byte] of data.entries()) data[index] = byte & 1
  // Clearing one bit of the exponent, in the last two bytes, makes every pattern finite.
  for (let end = size; isFloat(datatype) && end <= data.length; end += size) {
    if (below(random, 8) === 0) data.fill(0, end - size, end - 1)
    data[end - 1] = (data[end - 1] ?? 0) & 0xbf
  }
  return { name: "x", datatype, shape, data }
}

const nest = (values: ReadonlyArray<string>, shape: ReadonlyArray<number>): string => {
  const [, ...inner] = shape
  if (inner.length === 0) return `[${values.join(",")}]`
  const size = elementCount(inner)
  const parts = Array.from({ length: values.length / size }, (_, index) =>
    nest(values.slice(index * size, (index + 1) * size), inner),
  )
  return `[${parts.join(" , ")}]`
}

describe("any tensor comes back from JSON as the same bytes", () => {
  test.each(DATATYPES)("%s", (datatype) => {
    const random = seeded(7)
    for (let index = 0; index < TENSORS_EACH; index++) {
      const tensor = randomTensor(random, datatype)
      const answer = good(inferAnswerText({ id: "", model: "", version: "" }, [tensor]))
      const body = `{"inputs":${answer.slice(answer.indexOf('"outputs":') + '"outputs":'.length)}`
      expect(good(parseInferRequest(body)).inputs[0]).toEqual(tensor)
      if (datatype === "BYTES") continue
      const data = body.slice(body.indexOf('"data":[') + '"data":['.length, -4).split(",")
      const nested = body.replace(/"data":\[.*\]\}\]/, () => `"data":${nest(data, tensor.shape)}}]`)
      expect(good(parseInferRequest(nested)).inputs[0]).toEqual(tensor)
    }
  })
})

const INFER_BODY = JSON.stringify({
  id: "client",
  parameters: { priority: 1 },
  inputs: [
    { name: "numbers", datatype: "FP32", shape: [2, 2], data: [1.5, 7, 2e3, 8] },
    { name: "origin", datatype: "BYTES", shape: [2, 1], data: ["JFK", "Zürich"] },
    { name: "flight", datatype: "INT64", shape: [2], data: [0, 1] },
    { name: "weekend", datatype: "BOOL", shape: [2, 1], data: [[true], [false]] },
  ],
  outputs: [{ name: "label" }],
}).replace("[0,1]", "[9007199254740993,1]")

const ROWS_BODY = `{"id":"client","parameters":{"priority":1},"data":[
  [1.5,7,"JFK",9007199254740993,true],
  {"hour":8,"origin":"Zürich","flight":1,"weekend":false}]}`

const PIECES = [
  ...'[]{},:"\\ -.e0',
  ...['"inputs"', '"data"', '"shape"', '"__proto__"', '"constructor"', '"\\ud800"', '"\\u0000"'],
  ...["null", "true", "NaN", "Infinity", "1e400", "-1e400", "1e39", "-0", "0.5", "1e-400"],
  ...["9223372036854775808", "18446744073709551616", "9007199254740993", "123456789012345678901"],
  ...["[[[[]]]]", '{"a":{}}', "[1,2]", '"FP16"', '"UINT64"', '"BYTES"', '"INT8"', '""', "-1"],
]
const TOKEN = /"(?:[^"\\]|\\.)*"|[\d.eE+-]+|true|false|null|[[\]{},:]/g

/** One to three pieces replaced, doubled, dropped or put in, or the end cut off. */
const damaged = (random: Random, body: string): string => {
  const tokens = body.match(TOKEN) ?? []
  for (let change = 0; change <= below(random, 3); change++) {
    const at = below(random, tokens.length)
    const token = tokens[at] ?? ""
    const kind = below(random, 5)
    if (kind === 0) tokens.splice(at, 1)
    else if (kind === 1) tokens.splice(at, 1, oneOf(random, PIECES))
    else if (kind === 2) tokens.splice(at, 0, oneOf(random, PIECES), ",")
    else if (kind === 3) tokens.splice(at, 1, oneOf(random, tokens))
    else tokens.splice(at, 0, token, ",")
  }
  const text = tokens.join(random() < 0.5 ? "" : " ")
  return random() < 0.1 ? text.slice(0, below(random, text.length)) : text
}

/** What became of a body: it passed, or one sentence says why not. */
const judge = (read: InferenceRequest | BadRequest): "good" | "bad" => {
  const fault = read instanceof BadRequest ? read : checkRequest(MIXED, read)
  if (fault === undefined) return "good"
  expect(fault.message).toMatch(/^[^\n]+: expected [^\n]+, got [^\n]+$/)
  expect(fault.message.length).toBeLessThan(600)
  return "bad"
}

describe("damaged bodies are refused with a sentence and never throw", () => {
  const forms: ReadonlyArray<
    readonly [string, string, (text: string) => InferenceRequest | BadRequest]
  > = [
    ["tensors", INFER_BODY, parseInferRequest],
    ["rows", ROWS_BODY, (text) => parsePredictRequest(MIXED, text)],
  ]
  test.each(forms)("%s", (_, body, read) => {
    const random = seeded(42)
    expect(judge(read(body))).toBe("good")
    const found = { good: 0, bad: 0 }
    for (let index = 0; index < BODIES; index++) {
      const text = damaged(random, body)
      const verdict = judge(read(text))
      found[verdict]++
      if (verdict === "good") expect(() => JSON.parse(text)).not.toThrow()
    }
    // Some changes are harmless (another number, a field that is ignored); most are not.
    expect(found.bad).toBeGreaterThan(BODIES * 0.8)
    expect(found.good).toBeGreaterThan(0)
  })

  test("rows that pass are never refused by the checker", () => {
    const random = seeded(3)
    for (let index = 0; index < BODIES; index++) {
      const read = parsePredictRequest(MIXED, damaged(random, ROWS_BODY))
      if (!(read instanceof BadRequest)) expect(checkRequest(MIXED, read)).toBeUndefined()
    }
  })
})

/** Changes that producers could make to tensors which they publish directly. */
const damagedTensor = (random: Random, tensor: Tensor): Tensor => {
  const data = tensor.data.slice(0, below(random, 2) === 0 ? undefined : below(random, 20))
  if (data.length > 0) data[below(random, data.length)] = oneOf(random, [0, 255, 127, 128, 192])
  const dimensions = [0, 1, 2, 2 ** 31, 2 ** 53]
  const shape = tensor.shape.map((size) => (random() < 0.8 ? size : oneOf(random, dimensions)))
  const datatype = random() < 0.9 ? tensor.datatype : oneOf(random, DATATYPES)
  return { ...tensor, datatype, shape: random() < 0.9 ? shape : [...shape, 1], data }
}

test("damaged tensors are refused with a sentence, and what passes is sound", () => {
  const random = seeded(11)
  const { inputs } = good(parseInferRequest(INFER_BODY))
  for (let index = 0; index < BODIES; index++) {
    const at = below(random, inputs.length)
    const request = {
      inputs: inputs.map((input, place) => (place === at ? damagedTensor(random, input) : input)),
    }
    if (judge(request) === "bad") continue
    // What the checker lets pass can be written as JSON and read again, so it has sound bytes.
    const written = good(inferAnswerText({ id: "", model: "", version: "" }, request.inputs))
    expect(written).not.toContain("undefined")
  }
})
