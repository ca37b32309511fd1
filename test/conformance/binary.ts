// Requests and answers with raw tensors behind their JSON, as the extension binary_tensor_data has
// them.
import type { Json } from "./json.ts"
import { readJson, writeJson } from "./json.ts"
import { answerIn, headIn, inputOf, outputIn, type Output } from "./infer.ts"
import { pathOf, type Model } from "./models.ts"
import { good, type Answer, type Server } from "./server.ts"
import { rawBytes, readRaw, sizeOf, type Tensor } from "./tensors.ts"
import { expect, Failed, listIn, recordIn, shown, wholeIn } from "./verdict.ts"

export const LENGTH = "Inference-Header-Content-Length"

export interface Packed {
  readonly head: Json
  readonly tails: ReadonlyArray<Uint8Array>
}

/** The tensors that `isRaw` chooses as bytes, the others as JSON; `more` is put beside them. */
export const pack = (
  tensors: ReadonlyArray<Tensor>,
  more: Json = {},
  isRaw: (at: number) => boolean = () => true,
): Packed => {
  const inputs = tensors.map((tensor, at) => {
    if (!isRaw(at)) return inputOf(tensor)
    const { name, datatype, shape } = tensor
    const parameters = { binary_data_size: rawBytes(tensor).byteLength }
    return { name, datatype, shape, parameters }
  })
  return { head: { inputs, ...more }, tails: tensors.filter((_, at) => isRaw(at)).map(rawBytes) }
}

export const askPacked = (
  server: Server,
  model: Model,
  { head, tails }: Packed,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => {
  const json = Buffer.from(writeJson(head))
  return server.ask(`${pathOf(model.name)}/infer`, {
    method: "POST",
    body: new Uint8Array(Buffer.concat([json, ...tails])),
    headers: {
      "content-type": "application/octet-stream",
      [LENGTH]: `${json.byteLength}`,
      ...headers,
    },
  })
}

/** The JSON of an answer, and what comes behind it. */
const split = (answer: Answer): { readonly json: unknown; readonly tail: Uint8Array } => {
  const told = answer.headers.get(LENGTH)
  const length = told === null ? answer.bytes.byteLength : Number(told)
  const isThere = Number.isInteger(length) && length >= 0 && length <= answer.bytes.byteLength
  expect(isThere, `${LENGTH}: ${shown(told)} of ${answer.bytes.byteLength} bytes`)
  try {
    const json = readJson(new TextDecoder().decode(answer.bytes.subarray(0, length)))
    return { json, tail: answer.bytes.slice(length) }
  } catch {
    throw new Failed(`${answer.asked}: no JSON in the first ${length} bytes`)
  }
}

export interface PackedOutput extends Output {
  readonly isRaw: boolean
}

const rawSize = (value: unknown): number | undefined => {
  const { parameters } = recordIn("an output", value)
  const size = parameters === undefined ? undefined : recordIn("parameters", parameters)
  const given = size?.["binary_data_size"]
  return given === undefined ? undefined : wholeIn("binary_data_size", given)
}

/** @throws Failed unless every output is whole, and every byte belongs to one. */
export const answeredPacked = (model: Model, answer: Answer): ReadonlyArray<PackedOutput> => {
  const { json, tail } = split(good(answer))
  const body = answerIn(model, answer, json)
  let at = 0
  const outputs = listIn("outputs", body["outputs"]).map((value): PackedOutput => {
    const size = rawSize(value)
    if (size === undefined) return { ...outputIn(model, value), isRaw: false }
    const { spec, ...head } = headIn(model, value)
    const what = `output "${spec.name}"`
    expect(recordIn(what, value)["data"] === undefined, `${what} has data beside its bytes`)
    expect(at + size <= tail.byteLength, `${what}: ${size} bytes are not there`)
    const data = readRaw(spec.datatype, tail.subarray(at, at + size))
    at += size
    const isWhole = data !== undefined && data.length === sizeOf(head.shape)
    expect(isWhole, `${what}: ${size} bytes for ${spec.datatype} ${shown(head.shape)}`)
    return { ...head, data, isRaw: true }
  })
  expect(at === tail.byteLength, `${tail.byteLength - at} bytes belong to no output`)
  return outputs
}
