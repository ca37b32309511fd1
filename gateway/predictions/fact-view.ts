// What an answer needs of a fact, read straight from its bytes. Decoding a whole fact and checking
// it by its schema costs more than everything else that is done for a request here, and most of a
// fact is its request. Facts of any other format than the current one are decoded whole.
import {
  predictionCodec,
  PREDICTION_FORMAT,
  PREDICTION_LAYOUT,
  type Failure,
  type FailureReason,
  type Prediction,
} from "#proto/prediction"
import { REQUEST_LAYOUT, TENSORS_MAX } from "#proto/request"
import { readTensors } from "#proto/tensor-reader"
import { MessageReader } from "#proto/message-pack-reader"
import { failureReasons } from "../http/status.ts"

/** The caller's own id takes the place of the request that it stands in. */
export type FactView = Pick<
  Prediction,
  | "id"
  | "model"
  | "version"
  | "digest"
  | "outputs"
  | "failure"
  | "caller"
  | "requestId"
  | "traceparent"
> & { readonly clientId?: string }

type Mutable = { -readonly [K in keyof FactView]: FactView[K] }

const CLIENT_ID = REQUEST_LAYOUT.fields.indexOf("clientId")

const readFailure = (reader: MessageReader): Failure => {
  reader.listOf(2)
  const reason: FailureReason | undefined = failureReasons.get(reader.text())
  if (reason === undefined) throw new Error("an unknown reason")
  return { reason, message: reader.text() }
}

const readClientId = (reader: MessageReader): string | undefined => {
  const fields = reader.list(REQUEST_LAYOUT.fields.length)
  reader.skip(CLIENT_ID)
  const clientId = reader.none() ? undefined : reader.text()
  reader.skip(fields - CLIENT_ID - 1)
  return clientId
}

const readField = (reader: MessageReader, field: string, view: Mutable): void => {
  switch (field) {
    case "model":
    case "version":
    case "caller":
      view[field] = reader.name()
      return
    case "digest":
      view.digest = reader.hex(PREDICTION_LAYOUT.hex.digest)
      return
    case "id":
    case "requestId":
    case "traceparent":
      view[field] = reader.text()
      return
    case "outputs":
      view.outputs = readTensors(reader, TENSORS_MAX)
      return
    case "failure":
      view.failure = readFailure(reader)
      return
    case "request": {
      const clientId = readClientId(reader)
      if (clientId !== undefined) view.clientId = clientId
      return
    }
    default:
      reader.skip(1)
  }
}

const readCurrent = (bytes: Uint8Array): FactView | undefined => {
  const reader = new MessageReader(bytes)
  const { fields, later } = PREDICTION_LAYOUT
  const count = reader.list(fields.length + 1) - 1
  if (reader.whole() !== PREDICTION_FORMAT || count < fields.length - later) return undefined
  const view: Mutable = { id: "", model: "" }
  for (let at = 0; at < count; at++) if (!reader.none()) readField(reader, fields[at] ?? "", view)
  reader.end()
  return view
}

/** The general decoder has the last word on what cannot be read in one pass. */
const readPlain = (bytes: Uint8Array): FactView | undefined => {
  try {
    return readCurrent(bytes)
  } catch {
    return undefined
  }
}

/**
 * Reads a stored fact. Binary fields are views of `bytes`.
 *
 * @throws UnreadableRecord
 */
export const readFact = (bytes: Uint8Array): FactView => {
  const view = readPlain(bytes)
  if (view !== undefined) return view
  const { request, ...fact } = predictionCodec.decode(bytes)
  const clientId = request?.clientId
  return clientId === undefined ? fact : { ...fact, clientId }
}
