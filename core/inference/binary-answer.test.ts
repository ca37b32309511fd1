// Answers in raw bytes and as best classes: what a client of the protocol reads back is exactly
// what the outputs hold.
import { describe, expect, test } from "bun:test"
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { ALL_BINARY, type AnswerForm, type OutputForm } from "./answer-form.ts"
import { BadRequest } from "./bad-request.ts"
import { formedAnswer, type BinaryAnswer } from "./binary-answer.ts"
import { decodeTexts } from "./string-elements.ts"
import { good, IMAGE, MIXED, sentence, tensor, texts } from "./test-signatures.ts"

const HEAD = { id: "a", model: "m", version: "1" }
const label = tensor("label", "INT64", [2], new BigInt64Array([1n, 0n]))
const scores = tensor("scores", "FP32", [2, 2], new Float32Array([0.25, 0.75, 0.5, 0.5]))

const formOf = (
  binary: boolean,
  outputs: Readonly<Record<string, OutputForm>> = {},
): AnswerForm => ({
  binary,
  outputs: new Map(Object.entries(outputs)),
})
const raw = (value: ReturnType<typeof formedAnswer>): BinaryAnswer => {
  const answer = good(value)
  if (typeof answer === "string") throw new Error(`no raw bytes: ${answer}`)
  return answer
}
const headText = ({ headBytes, body }: BinaryAnswer) =>
  Buffer.from(body.subarray(0, headBytes)).toString()

test("the bytes stand behind the JSON in the order of the outputs", () => {
  const answer = raw(formedAnswer(HEAD, [scores, label], ALL_BINARY, MIXED))
  expect(headText(answer)).toBe(
    '{"id":"a","model_name":"m","model_version":"1","outputs":[' +
      '{"name":"scores","shape":[2,2],"datatype":"FP32","parameters":{"binary_data_size":16}},' +
      '{"name":"label","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":16}}]}',
  )
  expect([...answer.body.subarray(answer.headBytes)]).toEqual([
    ...[0, 0, 0x80, 0x3e, 0, 0, 0x40, 0x3f, 0, 0, 0, 0x3f, 0, 0, 0, 0x3f],
    ...[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ])
})

test("an output that wants JSON has it beside raw ones, and none is raw in plain text", () => {
  const json = { binary: false, classes: undefined }
  const answer = raw(formedAnswer(HEAD, [label, scores], formOf(true, { label: json }), MIXED))
  expect(headText(answer)).toContain('"datatype":"INT64","data":[1,0]}')
  expect(answer.body.byteLength - answer.headBytes).toBe(16)
  const text = formedAnswer(HEAD, [label], formOf(true, { label: json }), MIXED)
  expect(text).toBeString()
})

test("what JSON cannot hold goes as raw bytes", () => {
  const blob = tensor("blob", "BYTES", [1], new Uint8Array([2, 0, 0, 0, 255, 0]))
  expect(formedAnswer(HEAD, [blob], formOf(false), MIXED)).toBeInstanceOf(BadRequest)
  const { body, headBytes } = raw(formedAnswer(HEAD, [blob], ALL_BINARY, MIXED))
  expect([...body.subarray(headBytes)]).toEqual([2, 0, 0, 0, 255, 0])
})

test("names beyond ASCII count as bytes", () => {
  const answer = raw(formedAnswer(HEAD, [{ ...label, name: "étage" }], ALL_BINARY, MIXED))
  expect(headText(answer).at(-1)).toBe("}")
  expect(answer.body.byteLength - answer.headBytes).toBe(16)
})

describe("classification", () => {
  const best = (output: Tensor, classes: number, signature: Signature) =>
    formedAnswer(
      HEAD,
      [output],
      formOf(false, { [output.name]: { binary: undefined, classes } }),
      signature,
    )
  const outputOf = (text: unknown) => JSON.parse(String(text)).outputs[0]

  test("gives value, index and label of each row's best, equal ones by their index", () => {
    const signature = { ...MIXED, classes: ["no", "yes"] }
    expect(outputOf(best(scores, 1, signature))).toEqual({
      name: "scores",
      shape: [2, 1],
      datatype: "BYTES",
      data: ["0.750000:1:yes", "0.500000:0:no"],
    })
    expect(outputOf(best(scores, 9, { ...MIXED, classes: ["only"] }))).toMatchObject({
      shape: [2, 2],
      data: ["0.750000:1", "0.250000:0", "0.500000:0", "0.500000:1"],
    })
  })

  test("takes the whole output of a model without rows, and any numbers", () => {
    const counts = tensor("n", "INT64", [1, 3], new BigInt64Array([-5n, 2n ** 62n, 7n]))
    expect(outputOf(best(counts, 2, IMAGE))).toMatchObject({
      shape: [2],
      data: [`${2n ** 62n}:1`, "7:2"],
    })
    const odd = tensor("o", "FP64", [1, 4], new Float64Array([Number.NaN, -1 / 0, 1e22, -0.5]))
    expect(outputOf(best(odd, 4, MIXED))["data"]).toEqual([
      "10000000000000000000000.000000:2",
      "-0.500000:3",
      "-inf:1",
      "nan:0",
    ])
  })

  test("goes as raw bytes where that is asked for, and is refused for texts", () => {
    const form = formOf(true, { scores: { binary: undefined, classes: 1 } })
    const { body, headBytes } = raw(formedAnswer(HEAD, [scores], form, MIXED))
    expect(decodeTexts(body.subarray(headBytes), 2)).toEqual(["0.750000:1", "0.500000:0"])
    const words = tensor("w", "BYTES", [1, 1], texts("a"))
    expect(sentence(best(words, 1, MIXED))).toContain("outputs.w.parameters.classification")
  })
})
