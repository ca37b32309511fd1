// A ModelInferRequest as the data plane knows requests. It refuses what has no meaning in any
// model, with the limits that JSON has; whether it suits one model is for the checker.
import { ALL_BINARY, readOutputForm, type OutputForm } from "#core/inference/answer-form"
import { BadRequest } from "#core/inference/bad-request"
import { readParameters } from "#core/inference/json-body"
import { wrongDatatype, type ParsedInfer } from "#core/inference/json-request"
import { CLIENT_ID_MAX_CHARACTERS, type Parameters } from "#proto/request"
import { DATATYPES, TENSOR_NAME_MAX_CHARACTERS, type Datatype, type Tensor } from "#proto/tensor"
import type {
  InferInputTensor,
  InferParameter,
  InferRequestedOutputTensor,
  ModelInferRequest,
  ParameterEntry,
} from "./infer-messages.ts"
import { readContents } from "./typed-contents.ts"

/** Means data that is not in the message; a server that ignored it would answer wrongly. */
const SHARED_MEMORY = "shared_memory_region"

const datatypes: ReadonlyMap<string, Datatype> = new Map(DATATYPES.map((one) => [one, one]))

/** Whole numbers that a double cannot hold keep their digits as text. */
const wholeOf = (value: bigint): number | string =>
  Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`

const parameterOf = (given: InferParameter | undefined): string | number | boolean | undefined => {
  if (given === undefined) return undefined
  const { boolParam, int64Param, stringParam, doubleParam, uint64Param } = given
  const whole = int64Param ?? uint64Param
  return boolParam ?? stringParam ?? doubleParam ?? (whole === undefined ? whole : wholeOf(whole))
}

const parametersOf = (
  entries: ReadonlyArray<ParameterEntry>,
  path: string,
): Parameters | undefined | BadRequest => {
  if (entries.length === 0) return undefined
  // Without a prototype, so that every name is only a name.
  const parameters: Record<string, unknown> = Object.create(null)
  for (const { key, value } of entries) parameters[key] = parameterOf(value)
  return readParameters({ parameters }, path)
}

const tensorParameters = (
  entries: ReadonlyArray<ParameterEntry>,
  path: string,
): Parameters | undefined | BadRequest => {
  const parameters = parametersOf(entries, `${path}.`)
  if (parameters === undefined || parameters instanceof BadRequest) return parameters
  if (!Object.hasOwn(parameters, SHARED_MEMORY)) return parameters
  const expected = "data in the message"
  return new BadRequest(`${path}.parameters`, expected, SHARED_MEMORY, "unsupported")
}

const refuseName = (name: string, path: string): BadRequest | undefined => {
  if (name.length === 0) return new BadRequest(`${path}.name`, "a name", "nothing")
  if (name.length <= TENSOR_NAME_MAX_CHARACTERS) return undefined
  const expected = `at most ${TENSOR_NAME_MAX_CHARACTERS} characters`
  return new BadRequest(`${path}.name`, expected, `${name.length}`)
}

const refuseShape = (shape: ReadonlyArray<number>, path: string): BadRequest | undefined => {
  const wrong = shape.findIndex((value) => !Number.isSafeInteger(value) || value < 1)
  if (wrong === -1) return undefined
  return new BadRequest(`${path}.shape[${wrong}]`, "an integer of at least 1", `${shape[wrong]}`)
}

const datatypeOf = (given: string, path: string): Datatype | BadRequest => {
  const datatype = datatypes.get(given)
  return datatype ?? wrongDatatype(path, given)
}

/** `raw` is its entry of `raw_input_contents`, where the request has these. */
const readInput = (
  input: InferInputTensor,
  path: string,
  raw: Uint8Array | undefined,
): Tensor | BadRequest => {
  const { name, shape, contents } = input
  const fault = refuseName(name, path)
  if (fault !== undefined) return fault
  const parameters = tensorParameters(input.parameters, path)
  if (parameters instanceof BadRequest) return parameters
  const datatype = datatypeOf(input.datatype, path)
  if (datatype instanceof BadRequest) return datatype
  const wrongShape = refuseShape(shape, path)
  if (wrongShape !== undefined) return wrongShape
  if (raw !== undefined && contents !== undefined && contents.byteLength > 0)
    return new BadRequest(`${path}.contents`, "none beside raw_input_contents", "contents")
  const data = raw ?? readContents(path, contents ?? new Uint8Array(), datatype, shape)
  return data instanceof BadRequest ? data : { name, datatype, shape, data }
}

const readInputs = (request: ModelInferRequest): ReadonlyArray<Tensor> | BadRequest => {
  const { inputs: given, rawInputContents: raws } = request
  if (given.length === 0) return new BadRequest("inputs", "at least one tensor", "none")
  if (raws.length > 0 && raws.length !== given.length)
    return new BadRequest("raw_input_contents", `${given.length}, one an input`, `${raws.length}`)
  const inputs: Array<Tensor> = []
  for (const [index, one] of given.entries()) {
    const input = readInput(one, `inputs[${index}]`, raws[index])
    if (input instanceof BadRequest) return input
    inputs.push(input)
  }
  return inputs
}

/** How each output that says so is to be given: as its best classes. */
const readForms = (
  outputs: ReadonlyArray<InferRequestedOutputTensor>,
): ReadonlyMap<string, OutputForm> | BadRequest => {
  const forms = new Map<string, OutputForm>()
  for (const [index, { name, parameters: entries }] of outputs.entries()) {
    const path = `outputs[${index}]`
    const fault = refuseName(name, path)
    if (fault !== undefined) return fault
    const parameters = tensorParameters(entries, path)
    if (parameters instanceof BadRequest) return parameters
    const form = readOutputForm(parameters, path)
    if (form instanceof BadRequest) return form
    if (form?.classes !== undefined) forms.set(name, form)
  }
  return forms
}

/**
 * What a message asks, and how it wants the answer; tensors may be views of the message.
 *
 * @throws MalformedWire
 */
export const readInferRequest = (message: ModelInferRequest): ParsedInfer | BadRequest => {
  const { id, outputs } = message
  if (id.length > CLIENT_ID_MAX_CHARACTERS)
    return new BadRequest("id", `at most ${CLIENT_ID_MAX_CHARACTERS} characters`, `${id.length}`)
  const parameters = parametersOf(message.parameters, "")
  if (parameters instanceof BadRequest) return parameters
  const inputs = readInputs(message)
  if (inputs instanceof BadRequest) return inputs
  const forms = readForms(outputs)
  if (forms instanceof BadRequest) return forms
  const request = {
    inputs,
    ...(outputs.length === 0 ? {} : { outputs: outputs.map(({ name }) => name) }),
    ...(id === "" ? {} : { clientId: id }),
    ...(parameters === undefined ? {} : { parameters }),
  }
  return { request, answer: forms.size === 0 ? undefined : { ...ALL_BINARY, outputs: forms } }
}
