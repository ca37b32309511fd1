// What a caller asks: tensors by name, and which outputs. How it is to be handled (version,
// deadline, reply) stands in the message's headers, the model and the id in its subject.
import { Schema } from "effect"
import { recordCodec } from "./message-pack.ts"
import { Tensor, TENSOR_FIELDS } from "./tensor.ts"

/** Most tensors in a request or an answer. */
export const TENSORS_MAX = 256
/** Most characters of a caller's own id. */
export const CLIENT_ID_MAX_CHARACTERS = 256

export const ParameterValue = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])
export const Parameters = Schema.Record(Schema.String, ParameterValue)
export type Parameters = typeof Parameters.Type

export const InferenceRequest = Schema.Struct({
  inputs: Schema.Array(Tensor).check(Schema.isMaxLength(TENSORS_MAX)),
  /** Names of the outputs to return; all when absent. */
  outputs: Schema.optionalKey(Schema.Array(Schema.String).check(Schema.isMaxLength(TENSORS_MAX))),
  /** The caller's own id: echoed and kept, never part of a subject. */
  clientId: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(CLIENT_ID_MAX_CHARACTERS))),
  parameters: Schema.optionalKey(Parameters),
})
export type InferenceRequest = typeof InferenceRequest.Type

export const REQUEST_LAYOUT = {
  fields: ["inputs", "outputs", "clientId", "parameters"],
  nested: { inputs: [{ fields: TENSOR_FIELDS }] },
} as const

export const REQUEST_FORMAT = 1

export const requestCodec = recordCodec(
  "inference request",
  InferenceRequest,
  REQUEST_LAYOUT,
  REQUEST_FORMAT,
)
