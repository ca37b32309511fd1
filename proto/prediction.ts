// The fact of a request: what was asked, and what came of it. Exactly one is stored for each id.
import { Schema } from "effect"
import { hexadecimal } from "./hexadecimal.ts"
import { MessageReader } from "./message-pack-reader.ts"
import { recordCodec } from "./message-pack.ts"
import { isLogId, isModelName, isVersionName, LogId, ModelName, VersionName } from "./names.ts"
import { InferenceRequest, readRequestFields, REQUEST_LAYOUT } from "./request.ts"
import { readTensors } from "./tensor-reader.ts"
import { Tensor, TENSOR_FIELDS } from "./tensor.ts"

/**
 * Why there is no output. Each is final: the same request is never tried again under the same id.
 */
export const FailureReason = Schema.Literals([
  /** The request does not match the model's signature, or cannot be read. */
  "invalid",
  /** The data-quality gate of the model refused a row of it. */
  "quality",
  "unknown_model",
  "unknown_version",
  /** The model's run failed on this input. */
  "model_error",
  /** The output is larger than a message may be. */
  "output_too_large",
  /** The deadline passed before the work began. */
  "expired",
  /** All deliveries were used up without an answer. */
  "exhausted",
])
export type FailureReason = typeof FailureReason.Type

export const Failure = Schema.Struct({ reason: FailureReason, message: Schema.String })
export type Failure = typeof Failure.Type

/** SHA-256, and what names the members of a batch (digest.ts). */
const DIGEST_BYTES = 32
const MEMBERS_BYTES = 16
const Digest = hexadecimal(DIGEST_BYTES)

/**
 * The batch that really produced an output; with the model's digest it is what an exact replay
 * needs.
 */
export const Batch = Schema.Struct({
  id: Schema.String,
  /** Rows of the whole batch, the first row of this request in it, and its number of rows. */
  rows: Schema.Int,
  offset: Schema.Int,
  size: Schema.Int,
  /** SHA-256 over the ids of the members in their order, its first half. */
  members: hexadecimal(MEMBERS_BYTES),
  ran: Schema.Literals(["inline", "worker"]),
})
export type Batch = typeof Batch.Type

/** Milliseconds since 1970: stored by the server, taken by the predictor, run begun, run ended. */
export const Times = Schema.Struct({
  stored: Schema.Finite,
  taken: Schema.Finite,
  begun: Schema.optionalKey(Schema.Finite),
  ended: Schema.optionalKey(Schema.Finite),
})

/** What a data-quality gate found that lets everything pass: the first expectation not met. */
export const QualityMark = Schema.Struct({
  suite: Schema.String,
  expectation: Schema.String,
  columns: Schema.Array(Schema.String),
  /** Row of the request, from 0. */
  row: Schema.Int,
  message: Schema.String,
})
export type QualityMark = typeof QualityMark.Type

export const Prediction = Schema.Struct({
  id: LogId,
  model: ModelName,
  /** Absent when none could be chosen. */
  version: Schema.optionalKey(VersionName),
  modelDigest: Schema.optionalKey(Digest),
  signatureDigest: Schema.optionalKey(Digest),
  /** Absent when the request could not be read; its bytes are then in the dead letter. */
  request: Schema.optionalKey(InferenceRequest),
  /** Digest of the decoded request (digest.ts). */
  digest: Schema.optionalKey(Digest),
  pinned: Schema.optionalKey(VersionName),
  outputs: Schema.optionalKey(Schema.Array(Tensor)),
  failure: Schema.optionalKey(Failure),
  batch: Schema.optionalKey(Batch),
  /** Runtime, its version, architecture and CPU features: what makes floats reproducible. */
  runtime: Schema.optionalKey(Schema.String),
  times: Times,
  /** How often the request had been delivered when this fact was made. */
  deliveries: Schema.Int,
  caller: Schema.optionalKey(Schema.String),
  keyed: Schema.optionalKey(Schema.Boolean),
  requestId: Schema.optionalKey(Schema.String),
  traceparent: Schema.optionalKey(Schema.String),
  retryOf: Schema.optionalKey(LogId),
  /** Absent where everything was as expected, and where there is no gate. */
  quality: Schema.optionalKey(QualityMark),
})
export type Prediction = typeof Prediction.Type

export const PREDICTION_LAYOUT = {
  fields: [
    "id",
    "model",
    "version",
    "modelDigest",
    "signatureDigest",
    "request",
    "digest",
    "pinned",
    "outputs",
    "failure",
    "batch",
    "runtime",
    "times",
    "deliveries",
    "caller",
    "keyed",
    "requestId",
    "traceparent",
    "retryOf",
    "quality",
  ],
  later: 1,
  hex: { modelDigest: DIGEST_BYTES, signatureDigest: DIGEST_BYTES, digest: DIGEST_BYTES },
  nested: {
    request: REQUEST_LAYOUT,
    outputs: [{ fields: TENSOR_FIELDS }],
    failure: { fields: ["reason", "message"] },
    batch: {
      fields: ["id", "rows", "offset", "size", "members", "ran"],
      hex: { members: MEMBERS_BYTES },
    },
    times: { fields: ["stored", "taken", "begun", "ended"] },
    quality: { fields: ["suite", "expectation", "columns", "row", "message"] },
  },
} as const

export const PREDICTION_FORMAT = 1

type Mutable<Record> = { -readonly [Field in keyof Record]: Record[Field] }

const nameOf = (text: string, isName: (text: string) => boolean): string => {
  if (!isName(text)) throw new Error("expected a name")
  return text
}

const readBatch = (reader: MessageReader): Batch => {
  reader.listOf(PREDICTION_LAYOUT.nested.batch.fields.length)
  const id = reader.text()
  const rows = reader.whole()
  const offset = reader.whole()
  const size = reader.whole()
  const members = reader.hexName(PREDICTION_LAYOUT.nested.batch.hex.members)
  const ran = reader.name()
  if (ran !== "inline" && ran !== "worker") throw new Error("expected inline or worker")
  return { id, rows, offset, size, members, ran }
}

const readTimes = (reader: MessageReader): Prediction["times"] => {
  reader.listOf(PREDICTION_LAYOUT.nested.times.fields.length)
  const times: Mutable<Prediction["times"]> = { stored: reader.finite(), taken: reader.finite() }
  if (!reader.none()) times.begun = reader.finite()
  if (!reader.none()) times.ended = reader.finite()
  return times
}

/** The fields that a plain fact may have. */
const readField = (reader: MessageReader, field: string, fact: Mutable<Prediction>): void => {
  switch (field) {
    case "id":
    case "retryOf":
      fact[field] = nameOf(reader.text(), isLogId)
      return
    case "model":
      fact.model = nameOf(reader.name(), isModelName)
      return
    case "version":
    case "pinned":
      fact[field] = nameOf(reader.name(), isVersionName)
      return
    case "caller":
      fact.caller = reader.name()
      return
    case "modelDigest":
    case "signatureDigest":
      fact[field] = reader.hexName(PREDICTION_LAYOUT.hex[field])
      return
    case "digest":
      fact.digest = reader.hex(PREDICTION_LAYOUT.hex.digest)
      return
    case "runtime":
    case "requestId":
    case "traceparent":
      fact[field] = reader.text()
      return
    case "request":
      reader.listOf(REQUEST_LAYOUT.fields.length)
      fact.request = readRequestFields(reader)
      return
    case "outputs":
      fact.outputs = readTensors(reader, Number.POSITIVE_INFINITY)
      return
    case "batch":
      fact.batch = readBatch(reader)
      return
    case "times":
      fact.times = readTimes(reader)
      return
    case "deliveries":
      fact.deliveries = reader.whole()
      return
    case "keyed":
      fact.keyed = reader.boolean()
      return
    default:
      throw new Error("not plain")
  }
}

/** Reads an answered fact of the current format whose request has no parameters. */
const readPlain = (bytes: Uint8Array): Prediction => {
  const reader = new MessageReader(bytes)
  const { fields, later } = PREDICTION_LAYOUT
  const count = reader.list(fields.length + 1) - 1
  if (reader.whole() !== PREDICTION_FORMAT || count < fields.length - later)
    throw new Error("another format")
  const fact: Mutable<Prediction> = {
    id: "",
    model: "",
    times: { stored: 0, taken: 0 },
    deliveries: -1,
  }
  for (let at = 0; at < count; at++) if (!reader.none()) readField(reader, fields[at] ?? "", fact)
  reader.end()
  if (fact.id === "" || fact.model === "" || fact.times.stored === 0 || fact.deliveries < 0)
    throw new Error("a field is missing")
  return fact
}

const checked = recordCodec("prediction", Prediction, PREDICTION_LAYOUT, PREDICTION_FORMAT)

/**
 * Nearly every fact is plain and read in one pass, since whoever reads the log reads all of them;
 * whatever is not, the general decoder and the schema read or refuse.
 */
export const predictionCodec: typeof checked = {
  encode: checked.encode,
  decode: (bytes) => {
    try {
      return readPlain(bytes)
    } catch {
      return checked.decode(bytes)
    }
  },
}
