// The bodies of HTTP requests and answers as schemas, for the OpenAPI document. Requests are read
// by core/inference, which keeps 64-bit integers whole; a test holds real bodies against these.
import { Schema } from "effect"
import { FailureReason } from "#proto/prediction"
import { Datatype } from "#proto/tensor"

const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
/** What a cell of data may be; null is a missing value where the signature allows one. */
const Cell = Schema.Union([Schema.Finite, Schema.String, Schema.Boolean, Schema.Null])
/** Flat, or nested as the shape says. */
const Data = Schema.Array(Schema.Unknown)
const Parameters = Schema.Record(
  Schema.String,
  Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]),
)

const named = <S extends Schema.Top>(name: string, schema: S) =>
  schema.annotate({ identifier: name })

export const InputTensor = named(
  "InputTensor",
  Schema.Struct({
    name: Schema.String,
    datatype: Datatype,
    shape: Schema.Array(Whole),
    /** Left out where the parameter `binary_data_size` says how many bytes of the body it is. */
    data: Schema.optionalKey(Data),
    parameters: Schema.optionalKey(Parameters),
  }),
)
export const InferRequest = named(
  "InferRequest",
  Schema.Struct({
    id: Schema.optionalKey(Schema.String),
    inputs: Schema.Array(InputTensor),
    outputs: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({ name: Schema.String, parameters: Schema.optionalKey(Parameters) }),
      ),
    ),
    parameters: Schema.optionalKey(Parameters),
  }),
)
export const OutputTensor = named(
  "OutputTensor",
  Schema.Struct({
    name: Schema.String,
    datatype: Datatype,
    shape: Schema.Array(Whole),
    data: Data,
  }),
)
export const InferAnswer = named(
  "InferAnswer",
  Schema.Struct({
    id: Schema.String,
    model_name: Schema.String,
    model_version: Schema.String,
    outputs: Schema.Array(OutputTensor),
  }),
)
export const PredictRequest = named(
  "PredictRequest",
  Schema.Struct({
    data: Schema.Array(Schema.Union([Schema.Array(Cell), Schema.Record(Schema.String, Cell)])),
  }),
)
export const PredictAnswer = named(
  "PredictAnswer",
  Schema.Struct({
    id: Schema.String,
    model: Schema.String,
    version: Schema.String,
    predictions: Schema.Array(Schema.Unknown),
    probabilities: Schema.optionalKey(Schema.Array(Schema.Array(Schema.Finite))),
  }),
)
const Named = Schema.Record(Schema.String, Schema.Unknown)
export const V1Request = named(
  "V1Request",
  Schema.Union([
    Schema.Struct({ instances: Schema.Array(Schema.Unknown) }),
    Schema.Struct({ inputs: Schema.Union([Data, Named]) }),
  ]),
)
export const V1Answer = named(
  "V1Answer",
  Schema.Union([
    Schema.Struct({
      predictions: Schema.Array(Schema.Unknown),
      probabilities: Schema.optionalKey(Schema.Array(Schema.Array(Schema.Finite))),
    }),
    Schema.Struct({ outputs: Schema.Unknown }),
  ]),
)
export const V1Live = named("V1Live", Schema.Struct({ status: Schema.Literal("alive") }))
export const V1Models = named("V1Models", Schema.Struct({ models: Schema.Array(Schema.String) }))
export const V1Model = named(
  "V1Model",
  Schema.Struct({
    name: Schema.String,
    ready: Schema.Boolean,
    model_version_status: Schema.Array(
      Schema.Struct({
        version: Schema.String,
        state: Schema.Literals(["AVAILABLE", "END"]),
        status: Schema.Struct({ error_code: Schema.String, error_message: Schema.String }),
      }),
    ),
  }),
)
export const PredictionAnswer = named(
  "PredictionAnswer",
  Schema.Union([InferAnswer, PredictAnswer, V1Answer]),
)
export const Problem = named(
  "Problem",
  Schema.Struct({
    error: Schema.String,
    code: Schema.String,
    id: Schema.optionalKey(Schema.String),
  }),
)
export const Queued = named(
  "Queued",
  Schema.Struct({
    id: Schema.String,
    model: Schema.String,
    status: Schema.Literal("queued"),
  }),
)
export const BulkLine = named("BulkLine", Schema.Union([InferRequest, PredictRequest]))
const place = { line: Count, weir_id: Schema.String, position: Whole }
export const BulkAnswer = named(
  "BulkAnswer",
  Schema.Union([
    Schema.Struct({ ...place, ...InferAnswer.fields }),
    Schema.Struct({ ...place, ...PredictAnswer.fields }),
    Schema.Struct({ line: Count, status: Schema.Int, ...Problem.fields }),
  ]),
)
const event = { id: Schema.String, model: Schema.String, position: Count }
export const FeedEvent = named(
  "FeedEvent",
  Schema.Union([
    Schema.Struct({
      ...event,
      version: Schema.String,
      client_id: Schema.optionalKey(Schema.String),
      outputs: Schema.Array(OutputTensor),
    }),
    Schema.Struct({
      ...event,
      version: Schema.optionalKey(Schema.String),
      client_id: Schema.optionalKey(Schema.String),
      failure: Schema.Struct({ reason: FailureReason, message: Schema.String }),
    }),
  ]),
)
export const Live = named("Live", Schema.Struct({ live: Schema.Boolean }))
export const Ready = named(
  "Ready",
  Schema.Struct({
    ready: Schema.Boolean,
    degraded: Schema.Boolean,
    reasons: Schema.Array(Schema.String),
    history: Schema.optionalKey(
      Schema.Struct({ lag: Schema.Finite, headroom_used: Schema.Finite }),
    ),
    error: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(Schema.String),
  }),
)
export const ServerMetadata = named(
  "ServerMetadata",
  Schema.Struct({
    name: Schema.String,
    version: Schema.String,
    extensions: Schema.Array(Schema.String),
  }),
)
const TensorMetadata = named(
  "TensorMetadata",
  Schema.Struct({ name: Schema.String, datatype: Datatype, shape: Schema.Array(Schema.Int) }),
)
export const ModelMetadata = named(
  "ModelMetadata",
  Schema.Struct({
    name: Schema.String,
    versions: Schema.Array(Schema.String),
    platform: Schema.String,
    inputs: Schema.Array(TensorMetadata),
    outputs: Schema.Array(TensorMetadata),
  }),
)
export const ModelReady = named(
  "ModelReady",
  Schema.Struct({ name: Schema.String, ready: Schema.Boolean }),
)
export const ModelList = named(
  "ModelList",
  Schema.Struct({
    models: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        version: Schema.optionalKey(Schema.String),
        versions: Schema.Array(Schema.String),
      }),
    ),
  }),
)
export const IndexRequest = named(
  "IndexRequest",
  Schema.Struct({ ready: Schema.optionalKey(Schema.Boolean) }),
)
export const RepositoryIndex = named(
  "RepositoryIndex",
  Schema.Array(
    Schema.Struct({
      name: Schema.String,
      version: Schema.String,
      state: Schema.Literals(["READY", "UNAVAILABLE"]),
      reason: Schema.String,
    }),
  ),
)
