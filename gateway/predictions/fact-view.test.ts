import { expect, test } from "bun:test"
import { Encoder } from "@msgpack/msgpack"
import { Arbitrary } from "effect"
import { Prediction, predictionCodec } from "#proto/prediction"
import { property } from "../../test/support/property.ts"
import { readFact } from "./fact-view.ts"

const viewOf = ({ request, ...fact }: Prediction) => {
  const { id, model, version, digest, outputs, failure, caller, requestId, traceparent } = fact
  const clientId = request?.clientId
  const texts = { id, model, version, digest, caller, requestId, traceparent, clientId }
  const all = { ...texts, outputs, failure }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const fact: Prediction = {
  id: "a",
  model: "m",
  version: "1",
  request: {
    inputs: [{ name: "x", datatype: "FP32", shape: [1, 300], data: new Uint8Array(1_200) }],
    clientId: "é",
    parameters: { a: 1.5, b: -3, c: true, d: "x".repeat(300) },
  },
  digest: "0f".repeat(32),
  outputs: [{ name: "y", datatype: "INT64", shape: [70_000], data: new Uint8Array(560_000) }],
  times: { stored: 1_795_307_070_528, taken: 2.5 },
  deliveries: 1,
}

test("reads of a fact what decoding it whole gives", () => {
  for (const one of [fact, { ...fact, caller: "somebody" }, { ...fact, caller: "" }])
    expect<unknown>(readFact(predictionCodec.encode(one))).toEqual(viewOf(one))
})

property("reads of any fact what decoding it whole gives", Arbitrary.schema(Prediction), (any) => {
  const bytes = predictionCodec.encode(any)
  const whole = viewOf(predictionCodec.decode(bytes))
  // Lone surrogates are no UTF-8: no text that came over HTTP or NATS holds one.
  const names = (any.outputs ?? []).map((output) => output.name)
  const texts = [...Object.values(whole), any.failure?.message, ...names]
  if (texts.some((text) => typeof text === "string" && !text.isWellFormed())) return
  expect<unknown>(readFact(bytes)).toEqual(whole)
})

test("refuses bytes that end early, go on, or are something else", () => {
  const bytes = predictionCodec.encode(fact)
  for (let length = 0; length < 1_500; length++)
    expect(() => readFact(bytes.subarray(0, length))).toThrow()
  expect(() => readFact(Buffer.concat([bytes, new Uint8Array(1)]))).toThrow("after the value")
  expect(() => readFact(new TextEncoder().encode('{"id":"a"}'))).toThrow()
})

test("a digest of another length or as text is refused by its name", () => {
  const rest = Array<null>(5).fill(null)
  for (const digest of [new Uint8Array(31), new Uint8Array(33), "0f".repeat(32)]) {
    const fields = ["a", "m", null, null, null, null, digest, ...rest, [1, 2], 1, ...rest]
    expect(() => readFact(new Encoder().encode([1, ...fields]))).toThrow(
      "digest: expected 32 bytes",
    )
  }
})

test("a format of another time is left to the codec", () => {
  const bytes = new Uint8Array([0x92, 0x63, 0xa1, 0x61])
  expect(() => readFact(bytes)).toThrow("format 99 is unknown")
})
