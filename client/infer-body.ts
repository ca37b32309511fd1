// Inference requests and answers of the Open Inference Protocol as bodies, in JSON or with raw
// tensors behind the JSON (the extension `binary_tensor_data`). It sends nothing.
import { CODECS, type Datatype, isDatatype, joined } from "./datatypes.ts"
import { InferenceError } from "./error.ts"
import {
  badAnswer,
  dimensionsOf,
  elementsOf,
  type JsonObject,
  listOf,
  objectOf,
  optionalText,
  parseJson,
  plainOf,
  textOf,
} from "./json-text.ts"
import { elementCount, type Parameters, type Tensor, type TensorOf, trusted } from "./tensor.ts"

/** Says how many bytes of JSON are at the front of a body. */
export const HEAD_LENGTH = "Inference-Header-Content-Length"
const BINARY_TYPE = "application/octet-stream"
const JSON_TYPE = "application/json"

export type Form = "json" | "binary"

export interface RequestedOutput {
  readonly name: string
  readonly parameters?: Parameters
}

export interface InferRequest {
  readonly inputs: ReadonlyArray<TensorOf>
  /** The outputs that are wanted, some with parameters (as `classification`); default all. */
  readonly outputs?: ReadonlyArray<string | RequestedOutput>
  /** The caller's own; the answer has it too. */
  readonly id?: string
  readonly parameters?: Parameters
}

export interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/** Its data is written by hand, since bigints have no JSON. */
const jsonTensor = <D extends Datatype>(one: TensorOf<D>): string => {
  const { name, datatype, shape, data, parameters } = one
  const head = JSON.stringify({ name, datatype, shape, parameters }).slice(0, -1)
  return `${head},"data":[${CODECS[datatype].toJson(data)}]}`
}

const rawOf = <D extends Datatype>({ datatype, data }: TensorOf<D>): Uint8Array =>
  CODECS[datatype].toBytes(data)

const encoder = new TextEncoder()

/** A request as a body; in the binary form the answer is asked for in that form too. */
export const encodeRequest = (request: InferRequest, form: Form, more: Parameters = {}): Body => {
  const { id, inputs } = request
  const wanted = { ...more, ...request.parameters }
  const outputs = request.outputs?.map((one) => (typeof one === "string" ? { name: one } : one))
  if (form === "json") {
    const parameters = Object.keys(wanted).length === 0 ? undefined : wanted
    const head = JSON.stringify({ id, parameters, outputs }).slice(0, -1)
    const comma = head === "{" ? "" : ","
    const text = `${head}${comma}"inputs":[${inputs.map((one) => jsonTensor(one)).join(",")}]}`
    return { bytes: encoder.encode(text), headers: { "content-type": JSON_TYPE } }
  }
  const raw = inputs.map((one) => rawOf(one))
  const heads = inputs.map(({ name, datatype, shape, parameters }, at) => ({
    name,
    datatype,
    shape,
    parameters: { ...parameters, binary_data_size: raw[at]?.byteLength ?? 0 },
  }))
  const parameters = { binary_data_output: true, ...wanted }
  const head = encoder.encode(JSON.stringify({ id, parameters, inputs: heads, outputs }))
  return {
    bytes: joined([head, ...raw]),
    headers: { "content-type": BINARY_TYPE, [HEAD_LENGTH]: `${head.byteLength}` },
  }
}

export interface InferAnswer {
  readonly model: string
  readonly version: string | undefined
  /** The caller's own, or the server's. */
  readonly id: string | undefined
  readonly parameters: JsonObject
  readonly outputs: ReadonlyArray<Tensor>
}

/** The output of that name; throws where the answer has none. */
export const output = (answer: Pick<InferAnswer, "outputs">, name: string): Tensor => {
  const found = answer.outputs.find((one) => one.name === name)
  if (found === undefined) throw badAnswer(`an output ${name}`, undefined)
  return found
}

/** Takes the raw tensors from the front of what is left. */
class Tail {
  #rest: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#rest = bytes
  }

  take(size: unknown): Uint8Array {
    const fits =
      typeof size === "number" &&
      Number.isInteger(size) &&
      size >= 0 &&
      size <= this.#rest.byteLength
    if (!fits) throw badAnswer(`at most ${this.#rest.byteLength} bytes of a tensor`, String(size))
    const taken = this.#rest.subarray(0, size)
    this.#rest = this.#rest.subarray(size)
    return taken
  }

  get left(): number {
    return this.#rest.byteLength
  }
}

/** What cannot be read of an answer is the answer's fault. */
const blamed = <A>(name: string, read: () => A): A => {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof InferenceError)) throw cause
    throw badAnswer(`outputs.${name}: ${cause.message}`, undefined)
  }
}

const readTensor = (value: unknown, tail: Tail): Tensor => {
  const head = objectOf(value, "outputs")
  const name = textOf(head["name"], "outputs.name")
  const datatype = textOf(head["datatype"], `outputs.${name}.datatype`)
  if (!isDatatype(datatype)) throw badAnswer(`outputs.${name}: a datatype`, datatype)
  const shape = dimensionsOf(head["shape"], `outputs.${name}.shape`)
  const parameters = objectOf(plainOf(head["parameters"] ?? {}), `outputs.${name}.parameters`)
  const { binary_data_size: size, ...others } = parameters
  const { [datatype]: codec } = CODECS
  const data = blamed(name, () =>
    size === undefined
      ? codec.fromElements(elementsOf(head["data"], `outputs.${name}.data`))
      : codec.fromBytes(tail.take(size)),
  )
  const count = blamed(name, () => elementCount(shape))
  if (data.length !== count)
    throw badAnswer(`outputs.${name}: ${count} elements`, String(data.length))
  const rest = parametersOf(others)
  const more = Object.keys(rest).length === 0 ? {} : { parameters: rest }
  return trusted({ name, datatype, shape, data, ...more })
}

const parametersOf = (from: JsonObject): Parameters =>
  Object.fromEntries(
    Object.entries(from).flatMap(([name, value]) =>
      typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? [[name, value]]
        : [],
    ),
  )

/** The outputs of an answer, or of an event; `tail` is what stands behind the JSON. */
export const readOutputs = (
  value: unknown,
  bytes: Uint8Array = new Uint8Array(0),
): ReadonlyArray<Tensor> => {
  const tail = new Tail(bytes)
  const outputs = listOf(value ?? [], "outputs").map((one) => readTensor(one, tail))
  if (tail.left > 0) throw badAnswer("no bytes behind the last tensor", `${tail.left}`)
  return outputs
}

const utf8 = new TextDecoder("utf-8", { fatal: true })
const decoded = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    throw badAnswer("JSON in UTF-8", "other bytes")
  }
}

/**
 * An answer from its body; `headLength` is the header of that name, or null. Whatever the bytes
 * are, it throws nothing but the one error.
 */
export const decodeAnswer = (bytes: Uint8Array, headLength: string | null): InferAnswer => {
  const length = headLength === null ? bytes.byteLength : Number(headLength)
  if (!Number.isInteger(length) || length < 0 || length > bytes.byteLength)
    throw badAnswer(`${HEAD_LENGTH}: at most ${bytes.byteLength}`, headLength)
  const body = objectOf(parseJson(decoded(bytes.subarray(0, length))), "body")
  return {
    model: textOf(plainOf(body["model_name"] ?? ""), "model_name"),
    version: optionalText(plainOf(body["model_version"]), "model_version"),
    id: optionalText(body["id"], "id"),
    parameters: objectOf(plainOf(body["parameters"] ?? {}), "parameters"),
    outputs: readOutputs(body["outputs"], bytes.subarray(length)),
  }
}
