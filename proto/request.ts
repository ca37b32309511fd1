// What a caller asks: tensors by name, and which outputs. How it is to be handled (version,
// deadline, reply) stands in the message's headers, the model and the id in its subject.
import { Schema } from "effect"
import { MessageReader } from "./message-pack-reader.ts"
import { recordCodec } from "./message-pack.ts"
import { readTensors } from "./tensor-reader.ts"
import { Tensor, TENSOR_FIELDS } from "./tensor.ts"

/** Most tensors in a request or an answer. */
export const TENSORS_MAX = 256
/** Most characters of a caller's own id. */
export const CLIENT_ID_MAX_CHARACTERS = 256
/** A request beside the queue whose fact has not come after this is queued by its sender. */
export const FAST_WAIT_MILLIS = 200
/** From so many bytes on, a gateway does not get a request back that it has itself. */
export const LARGE_REQUEST_BYTES = 8_192

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

type Draft = { -readonly [Field in keyof InferenceRequest]: InferenceRequest[Field] }

const readNames = (reader: MessageReader): ReadonlyArray<string> => {
  const names: Array<string> = []
  const count = reader.list(TENSORS_MAX)
  for (let index = 0; index < count; index++) names.push(reader.text())
  return names
}

/**
 * The fields of a request that has no parameters.
 *
 * @throws Error where anything else stands, which is for the general decoder to read or refuse.
 */
export const readRequestFields = (reader: MessageReader): InferenceRequest => {
  const request: Draft = { inputs: readTensors(reader, TENSORS_MAX) }
  if (!reader.none()) request.outputs = readNames(reader)
  if (!reader.none()) {
    const clientId = reader.text()
    if (clientId.length > CLIENT_ID_MAX_CHARACTERS) throw new Error("an id that is too long")
    request.clientId = clientId
  }
  if (!reader.none()) throw new Error("parameters")
  return request
}

const readPlain = (bytes: Uint8Array): InferenceRequest => {
  const reader = new MessageReader(bytes)
  reader.listOf(1 + REQUEST_LAYOUT.fields.length)
  if (reader.whole() !== REQUEST_FORMAT) throw new Error("another format")
  const request = readRequestFields(reader)
  reader.end()
  return request
}

const checked = recordCodec("inference request", InferenceRequest, REQUEST_LAYOUT, REQUEST_FORMAT)

/**
 * Nearly every request is plain and read in one pass; whatever is not, the general decoder and the
 * schema read or refuse.
 */
export const requestCodec: typeof checked = {
  encode: checked.encode,
  decode: (bytes) => {
    try {
      return readPlain(bytes)
    } catch {
      return checked.decode(bytes)
    }
  },
}
