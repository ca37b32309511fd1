// The JSON body of an inference request of the Open Inference Protocol, made into tensors. It
// refuses what has no meaning in any model; whether it suits one model is for check.ts.
import { type InferenceRequest, type Parameters, TENSORS_MAX } from "#proto/request"
import {
  type Datatype,
  DATATYPES,
  DIMENSIONS_MAX,
  type Tensor,
  TENSOR_NAME_MAX_CHARACTERS,
} from "#proto/tensor"
import { BadRequest, shown } from "./bad-request.ts"
import * as Body from "./json-body.ts"
import { readData } from "./json-data.ts"

/**
 * Parameters of one input or output that change what its data means; a server that ignored them
 * would answer wrongly.
 */
const UNSUPPORTED_PARAMETERS = ["binary_data_size", "classification", "shared_memory_region"]

const isDatatype = (value: unknown): value is Datatype =>
  typeof value === "string" && DATATYPE_NAMES.has(value)
const DATATYPE_NAMES: ReadonlySet<string> = new Set(DATATYPES)

const readName = (holder: Body.JsonObject, path: string): string | BadRequest => {
  const name = holder["name"]
  if (typeof name !== "string" || name.length === 0 || !name.isWellFormed()) {
    return new BadRequest(`${path}.name`, "a name", shown(name))
  }
  if (name.length <= TENSOR_NAME_MAX_CHARACTERS) return name
  const expected = `at most ${TENSOR_NAME_MAX_CHARACTERS} characters`
  return new BadRequest(`${path}.name`, expected, `${name.length}`)
}

const isDimension = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0

const readShape = (holder: Body.JsonObject, path: string): ReadonlyArray<number> | BadRequest => {
  const given = holder["shape"]
  if (!Array.isArray(given)) {
    return new BadRequest(`${path}.shape`, "an array of dimensions", shown(given))
  }
  if (given.length > DIMENSIONS_MAX) {
    return new BadRequest(
      `${path}.shape`,
      `at most ${DIMENSIONS_MAX} dimensions`,
      `${given.length}`,
    )
  }
  const values: ReadonlyArray<unknown> = given
  const shape: Array<number> = []
  for (const [index, value] of values.entries()) {
    if (!isDimension(value)) {
      return new BadRequest(`${path}.shape[${index}]`, "an integer of at least 1", shown(value))
    }
    shape.push(value)
  }
  return shape
}

/**
 * Parameters of one tensor are checked and then dropped: none that we know changes an answer in
 * JSON.
 */
const refuseParameters = (holder: Body.JsonObject, path: string): BadRequest | undefined => {
  const parameters = Body.readParameters(holder, `${path}.`)
  if (parameters === undefined || parameters instanceof BadRequest) return parameters
  const name = UNSUPPORTED_PARAMETERS.find((known) => Object.hasOwn(parameters, known))
  if (name === undefined) return undefined
  return new BadRequest(`${path}.parameters`, "plain JSON data", name, "unsupported")
}

const readInput = (text: string, index: number, given: unknown): Tensor | BadRequest => {
  const path = `inputs[${index}]`
  if (!Body.isObject(given)) return new BadRequest(path, "an object", shown(given))
  const name = readName(given, path)
  if (name instanceof BadRequest) return name
  const fault = refuseParameters(given, path)
  if (fault !== undefined) return fault
  const datatype = given["datatype"]
  if (!isDatatype(datatype)) {
    return new BadRequest(`${path}.datatype`, `one of ${DATATYPES.join(", ")}`, shown(datatype))
  }
  if (datatype === "FP16") {
    const expected = "a datatype that has a form in JSON"
    return new BadRequest(`${path}.datatype`, expected, "FP16", "unsupported")
  }
  const shape = readShape(given, path)
  if (shape instanceof BadRequest) return shape
  const data = readData(text, index, given["data"], datatype, shape)
  return data instanceof BadRequest ? data : { name, datatype, shape, data }
}

const readInputs = (text: string, given: unknown): ReadonlyArray<Tensor> | BadRequest => {
  if (!Array.isArray(given)) return new BadRequest("inputs", "an array of tensors", shown(given))
  if (given.length > TENSORS_MAX) {
    return new BadRequest("inputs", `at most ${TENSORS_MAX} tensors`, `${given.length}`)
  }
  if (given.length === 0) return new BadRequest("inputs", "at least one tensor", "none")
  const inputs: Array<Tensor> = []
  for (let index = 0; index < given.length; index++) {
    const input = readInput(text, index, given[index])
    if (input instanceof BadRequest) return input
    inputs.push(input)
  }
  return inputs
}

/** Absent, null and empty all mean every output. */
const readOutputs = (given: unknown): ReadonlyArray<string> | undefined | BadRequest => {
  if (Body.isAbsent(given)) return undefined
  if (!Array.isArray(given)) return new BadRequest("outputs", "an array of outputs", shown(given))
  if (given.length > TENSORS_MAX) {
    return new BadRequest("outputs", `at most ${TENSORS_MAX} outputs`, `${given.length}`)
  }
  const values: ReadonlyArray<unknown> = given
  const outputs: Array<string> = []
  for (const [index, output] of values.entries()) {
    const path = `outputs[${index}]`
    if (!Body.isObject(output)) return new BadRequest(path, "an object", shown(output))
    const name = readName(output, path)
    if (name instanceof BadRequest) return name
    const fault = refuseParameters(output, path)
    if (fault !== undefined) return fault
    outputs.push(name)
  }
  return outputs.length === 0 ? undefined : outputs
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
  if (inputs.length === 1) return undefined
  const names = inputs.map((input) => input.name)
  const again = names.findIndex((name, index) => names.indexOf(name) !== index)
  if (again === -1) return undefined
  return new BadRequest(
    `inputs[${again}].name`,
    "each name once",
    `${shown(inputs[again]?.name)} again`,
  )
}

const requestOf = (
  inputs: ReadonlyArray<Tensor>,
  outputs: ReadonlyArray<string> | undefined,
  clientId: string | undefined,
  parameters: Parameters | undefined,
): InferenceRequest => ({
  inputs,
  ...(outputs === undefined ? {} : { outputs }),
  ...(clientId === undefined ? {} : { clientId }),
  ...(parameters === undefined ? {} : { parameters }),
})

/**
 * Reads `{"id"?, "parameters"?, "inputs": [{name, shape, datatype, data}], "outputs"?: [{name}]}`;
 * `data` is row-major, nested or flat. Whole numbers of INT64 and UINT64 keep all their digits;
 * null in floats becomes NaN, which the checker judges. Unknown fields are ignored, repeated keys
 * are refused.
 */
export const parseInferRequest = (text: string): InferenceRequest | BadRequest => {
  const body = Body.parseBody(text)
  if (body instanceof BadRequest) return body
  const repeated = Body.refuseRepeatedKeys(text, keysOf(body))
  if (repeated !== undefined) return repeated
  const clientId = Body.readClientId(body)
  if (clientId instanceof BadRequest) return clientId
  const parameters = Body.readParameters(body, "")
  if (parameters instanceof BadRequest) return parameters
  const inputs = readInputs(text, body["inputs"])
  if (inputs instanceof BadRequest) return inputs
  const outputs = readOutputs(body["outputs"])
  if (outputs instanceof BadRequest) return outputs
  return repeatedName(inputs) ?? requestOf(inputs, outputs, clientId, parameters)
}
