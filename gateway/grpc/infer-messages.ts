// The messages of inference, as the public protocol numbers their fields
// (proto/grpc/inference.proto has the same in the form that clients generate code from; a test
// compares the two).
import { TENSORS_MAX } from "#proto/request"
import { DIMENSIONS_MAX } from "#proto/tensor"
import { PARAMETERS_MAX } from "#core/inference/json-body"
import {
  bytesChoice,
  chunks,
  doubleChoice,
  flagChoice,
  inner,
  int64Choice,
  integers,
  message,
  messages,
  text,
  textChoice,
  uint64Choice,
  type Message,
} from "./message.ts"

type Of<M> = M extends Message<infer A> ? A : never

export const InferParameter = message({
  boolParam: flagChoice(1),
  int64Param: int64Choice(2),
  stringParam: textChoice(3),
  doubleParam: doubleChoice(4),
  uint64Param: uint64Choice(5),
})
export type InferParameter = Of<typeof InferParameter>

const ParameterEntry = message({ key: text(1), value: inner(2, InferParameter) })
export type ParameterEntry = Of<typeof ParameterEntry>

const parameters = (number: number) => messages(number, PARAMETERS_MAX, ParameterEntry)

/** `contents` as it came: which of its fields counts is known by the datatype. */
export const InferInputTensor = message({
  name: text(1),
  datatype: text(2),
  shape: integers(3, DIMENSIONS_MAX),
  parameters: parameters(4),
  contents: bytesChoice(5),
})
export type InferInputTensor = Of<typeof InferInputTensor>

export const InferRequestedOutputTensor = message({ name: text(1), parameters: parameters(2) })
export type InferRequestedOutputTensor = Of<typeof InferRequestedOutputTensor>

export const ModelInferRequest = message({
  modelName: text(1),
  modelVersion: text(2),
  id: text(3),
  parameters: parameters(4),
  inputs: messages(5, TENSORS_MAX, InferInputTensor),
  outputs: messages(6, TENSORS_MAX, InferRequestedOutputTensor),
  rawInputContents: chunks(7, TENSORS_MAX),
})
export type ModelInferRequest = Of<typeof ModelInferRequest>

const InferOutputTensor = message({
  name: text(1),
  datatype: text(2),
  shape: integers(3, DIMENSIONS_MAX),
})

export const ModelInferResponse = message({
  modelName: text(1),
  modelVersion: text(2),
  id: text(3),
  parameters: parameters(4),
  outputs: messages(5, TENSORS_MAX, InferOutputTensor),
  rawOutputContents: chunks(6, TENSORS_MAX),
})
export type ModelInferResponse = Of<typeof ModelInferResponse>

export const ModelStreamInferResponse = message({
  errorMessage: text(1),
  inferResponse: inner(2, ModelInferResponse),
})
export type ModelStreamInferResponse = Of<typeof ModelStreamInferResponse>
