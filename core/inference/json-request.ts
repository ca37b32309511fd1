// The JSON body of an inference request of the Open Inference Protocol, with raw bytes behind it or
// not, made into tensors. It refuses what has no meaning in any model; whether it suits one model
// is for check.ts.
import { type InferenceRequest, type Parameters, TENSORS_MAX } from "#proto/request"
import {
  type Datatype,
  DATATYPES,
  DIMENSIONS_MAX,
  type Tensor,
  TENSOR_NAME_MAX_CHARACTERS,
} from "#proto/tensor"
import { type AnswerForm, type OutputForm, readAnswerForm, readOutputForm } from "./answer-form.ts"
import { BadRequest, shown } from "./bad-request.ts"
import { BinaryTail, type TensorHead } from "./binary-tensors.ts"
import * as Body from "./json-body.ts"
import { readData } from "./json-data.ts"

/** Means data that is not in the body; a server that ignored it would answer wrongly. */
const SHARED_MEMORY = "shared_memory_region"

const isDatatype = (value: unknown): value is Datatype =>
  typeof value === "string" && DATATYPE_NAMES.has(value)
const DATATYPE_NAMES: ReadonlySet<string> = new Set(DATATYPES)

/** Of the protocol, but without a form in the runtime's binding. */
const WITHOUT_FORM = "BF16"

/** What is wrong with a datatype that is none of ours; one of the protocol's is not supported. */
export const wrongDatatype = (path: string, datatype: unknown): BadRequest => {
  const expected = `one of ${DATATYPES.join(", ")}`
  const kind = datatype === WITHOUT_FORM ? "unsupported" : "malformed"
  return new BadRequest(`${path}.datatype`, expected, shown(datatype), kind)
}

/** The list of the body that is read, and the index in it: a path is written only for a fault. */
type List = "inputs" | "outputs"
const pathOf = (list: List, index: number): string => `${list}[${index}]`

const readName = (holder: Body.JsonObject, list: List, index: number): string | BadRequest => {
  const name = holder["name"]
  if (typeof name !== "string" || name.length === 0 || !name.isWellFormed()) {
    return new BadRequest(`${pathOf(list, index)}.name`, "a name", shown(name))
  }
  if (name.length <= TENSOR_NAME_MAX_CHARACTERS) return name
  const expected = `at most ${TENSOR_NAME_MAX_CHARACTERS} characters`
  return new BadRequest(`${pathOf(list, index)}.name`, expected, `${name.length}`)
}

const isDimension = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0

const wrongShape = (index: number, at: string, expected: string, got: string): BadRequest =>
  new BadRequest(`${pathOf("inputs", index)}.shape${at}`, expected, got)

const readShape = (holder: Body.JsonObject, index: number): ReadonlyArray<number> | BadRequest => {
  const given = holder["shape"]
  if (!Array.isArray(given)) return wrongShape(index, "", "an array of dimensions", shown(given))
  if (given.length > DIMENSIONS_MAX)
    return wrongShape(index, "", `at most ${DIMENSIONS_MAX} dimensions`, `${given.length}`)
  const values: ReadonlyArray<unknown> = given
  const shape = new Array<number>(values.length)
  for (let at = 0; at < values.length; at++) {
    const value = values[at]
    if (!isDimension(value))
      return wrongShape(index, `[${at}]`, "an integer of at least 1", shown(value))
    shape[at] = value
  }
  return shape
}

const readTensorParameters = (
  holder: Body.JsonObject,
  list: List,
  index: number,
): Parameters | undefined | BadRequest => {
  if (Body.isAbsent(holder["parameters"])) return undefined
  const path = pathOf(list, index)
  const parameters = Body.readParameters(holder, `${path}.`)
  if (parameters === undefined || parameters instanceof BadRequest) return parameters
  if (!Object.hasOwn(parameters, SHARED_MEMORY)) return parameters
  const expected = "data in the body"
  return new BadRequest(`${path}.parameters`, expected, SHARED_MEMORY, "unsupported")
}

const readBinary = (
  index: number,
  given: Body.JsonObject,
  head: TensorHead,
  tail: BinaryTail | undefined,
  size: unknown,
): Tensor | BadRequest => {
  const path = pathOf("inputs", index)
  if (!Body.isAbsent(given["data"]))
    return new BadRequest(`${path}.data`, "none beside binary_data_size", shown(given["data"]))
  if (tail !== undefined) return tail.take(path, head, size)
  const expected = "data in JSON, without the header Inference-Header-Content-Length"
  return new BadRequest(`${path}.parameters`, expected, "binary_data_size")
}

const readInput = (
  text: string,
  index: number,
  given: unknown,
  tail: BinaryTail | undefined,
): Tensor | BadRequest => {
  if (!Body.isObject(given))
    return new BadRequest(pathOf("inputs", index), "an object", shown(given))
  const name = readName(given, "inputs", index)
  if (name instanceof BadRequest) return name
  const parameters = readTensorParameters(given, "inputs", index)
  if (parameters instanceof BadRequest) return parameters
  const datatype = given["datatype"]
  if (!isDatatype(datatype)) return wrongDatatype(pathOf("inputs", index), datatype)
  const shape = readShape(given, index)
  if (shape instanceof BadRequest) return shape
  const size = parameters?.["binary_data_size"]
  if (size !== undefined) return readBinary(index, given, { name, datatype, shape }, tail, size)
  const data = readData(text, index, given["data"], datatype, shape)
  return data instanceof BadRequest ? data : { name, datatype, shape, data }
}

const readInputs = (
  text: string,
  given: unknown,
  tail: BinaryTail | undefined,
): ReadonlyArray<Tensor> | BadRequest => {
  if (!Array.isArray(given)) return new BadRequest("inputs", "an array of tensors", shown(given))
  if (given.length > TENSORS_MAX) {
    return new BadRequest("inputs", `at most ${TENSORS_MAX} tensors`, `${given.length}`)
  }
  if (given.length === 0) return new BadRequest("inputs", "at least one tensor", "none")
  const inputs: Array<Tensor> = []
  for (let index = 0; index < given.length; index++) {
    const input = readInput(text, index, given[index], tail)
    if (input instanceof BadRequest) return input
    inputs.push(input)
  }
  return tail?.end() ?? inputs
}

interface Requested {
  readonly names: ReadonlyArray<string>
  readonly forms: ReadonlyMap<string, OutputForm> | undefined
}

/** Absent, null and empty all mean every output. */
const readOutputs = (given: unknown): Requested | undefined | BadRequest => {
  if (Body.isAbsent(given)) return undefined
  if (!Array.isArray(given)) return new BadRequest("outputs", "an array of outputs", shown(given))
  if (given.length > TENSORS_MAX) {
    return new BadRequest("outputs", `at most ${TENSORS_MAX} outputs`, `${given.length}`)
  }
  const values: ReadonlyArray<unknown> = given
  const names: Array<string> = []
  let forms: Map<string, OutputForm> | undefined
  for (let index = 0; index < values.length; index++) {
    const output = values[index]
    if (!Body.isObject(output))
      return new BadRequest(pathOf("outputs", index), "an object", shown(output))
    const name = readName(output, "outputs", index)
    if (name instanceof BadRequest) return name
    const parameters = readTensorParameters(output, "outputs", index)
    if (parameters instanceof BadRequest) return parameters
    const form = parameters && readOutputForm(parameters, pathOf("outputs", index))
    if (form instanceof BadRequest) return form
    if (form !== undefined) forms = (forms ?? new Map<string, OutputForm>()).set(name, form)
    names.push(name)
  }
  return names.length === 0 ? undefined : { names, forms }
}

const tensorKeys = (given: unknown): number => {
  if (!Array.isArray(given)) return 0
  const tensors: ReadonlyArray<unknown> = given
  let keys = 0
  for (const tensor of tensors) {
    keys += Body.keyCount(tensor)
    if (Body.isObject(tensor)) keys += Body.keyCount(tensor["parameters"])
  }
  return keys
}

const keysOf = (body: Body.JsonObject): number =>
  Body.keyCount(body) +
  Body.keyCount(body["parameters"]) +
  tensorKeys(body["inputs"]) +
  tensorKeys(body["outputs"])

const repeatedName = (inputs: ReadonlyArray<Tensor>): BadRequest | undefined => {
  for (let index = 1; index < inputs.length; index++) {
    const name = inputs[index]?.name
    for (let before = 0; before < index; before++)
      if (inputs[before]?.name === name)
        return new BadRequest(`inputs[${index}].name`, "each name once", `${shown(name)} again`)
  }
  return undefined
}

/** What a body asks, and how it wants the answer written: undefined for plain JSON. */
export interface ParsedInfer {
  readonly request: InferenceRequest
  readonly answer: AnswerForm | undefined
}

/**
 * Reads `{"id"?, "parameters"?, "inputs": [{name, shape, datatype, data}], "outputs"?: [{name}]}`;
 * `data` is row-major, nested or flat. An input with the parameter `binary_data_size` has no `data`
 * but so many bytes of `binary`, which follows the JSON; the inputs share all of it, in their
 * order, as views. Whole numbers of INT64 and UINT64 keep all their digits; null in floats becomes
 * NaN, which the checker judges. Unknown fields are ignored, repeated keys are refused.
 */
export const parseInferBody = (text: string, binary?: Uint8Array): ParsedInfer | BadRequest => {
  const body = Body.parseBody(text)
  if (body instanceof BadRequest) return body
  const repeated = Body.refuseRepeatedKeys(text, keysOf(body))
  if (repeated !== undefined) return repeated
  const clientId = Body.readClientId(body)
  if (clientId instanceof BadRequest) return clientId
  const parameters = Body.readParameters(body, "")
  if (parameters instanceof BadRequest) return parameters
  const tail = binary && new BinaryTail(binary)
  const inputs = readInputs(text, body["inputs"], tail)
  if (inputs instanceof BadRequest) return inputs
  const outputs = readOutputs(body["outputs"])
  if (outputs instanceof BadRequest) return outputs
  const answer = readAnswerForm(parameters, outputs?.forms)
  if (answer instanceof BadRequest) return answer
  const again = repeatedName(inputs)
  if (again !== undefined) return again
  return { request: Body.requestOf(inputs, outputs?.names, clientId, parameters), answer }
}

/**
 * The same of JSON alone, for those who answer with tensors in no form of their caller's: classes
 * in place of an output are refused.
 */
export const parseInferRequest = (text: string): InferenceRequest | BadRequest => {
  const parsed = parseInferBody(text)
  if (parsed instanceof BadRequest) return parsed
  for (const { classes } of parsed.answer?.outputs.values() ?? [])
    if (classes !== undefined)
      return new BadRequest("outputs", "no classification here", `${classes}`, "unsupported")
  return parsed.request
}
