// What each route is, for the OpenAPI document: a sentence, its parameters, and the bodies that it
// takes and gives. Codes come from the one table of status.ts.
import type { Schema } from "effect"
import * as Header from "#proto/headers"
import * as Body from "./bodies.ts"
import { BINARY_TYPE, HEAD_LENGTH } from "./body.ts"
import { NDJSON_TYPE } from "./ndjson.ts"
import { FORMS } from "./respond.ts"
import type { ErrorCase } from "./status.ts"

export const EVENT_STREAM_TYPE = "text/event-stream"
export const JSON_TYPE = "application/json"

export interface Parameter {
  readonly name: string
  readonly in: "query" | "header"
  readonly about: string
  readonly type: "string" | "integer"
  readonly values?: ReadonlyArray<string>
}

/** By content type; undefined stands for text of no given form. */
export type Content = Readonly<Record<string, Schema.Constraint | undefined>>

export interface Operation {
  readonly name: string
  readonly about: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly takes?: Content
  /** By status, besides the errors. */
  readonly gives: Readonly<Record<number, Content>>
  readonly errors: ReadonlyArray<ErrorCase>
}

const header = (name: string, about: string, type: Parameter["type"] = "string"): Parameter => ({
  name,
  in: "header",
  about,
  type,
})
const query = (name: string, about: string, values?: ReadonlyArray<string>): Parameter => ({
  name,
  in: "query",
  about,
  type: "string",
  ...(values === undefined ? {} : { values }),
})

export const EVERY_CALL = [
  header(Header.REQUEST_ID, "Echoed on the answer and kept with the fact; made up when absent"),
  header(Header.TRACEPARENT, "Trace context of the W3C; passed on, and echoed"),
]
const inferring = [
  header(
    Header.IDEMPOTENCY_KEY,
    "The same key and body get the same bytes; 1 to 255 characters, no `, `",
  ),
  header(
    "Prefer",
    "`respond-async`: 202 as soon as the log holds the request, with `wait=N` after N seconds",
  ),
  header(
    Header.TIMEOUT,
    "How long to wait for the answer, milliseconds, at most 600000",
    "integer",
  ),
  header(Header.VERSION, "Pins a version"),
  ...EVERY_CALL,
]
const json = (schema: Schema.Constraint): Content => ({ [JSON_TYPE]: schema })

const inferErrors = [
  "invalid",
  "unknownModel",
  "unknownVersion",
  "bodyTimedOut",
  "tooLarge",
  "unsupportedMediaType",
  "unsupportedEncoding",
  "keyReused",
  "queueFull",
  "tooManyInFlight",
  "modelError",
  "outputTooLarge",
  "exhausted",
  "unsupported",
  "storeFull",
  "logUnavailable",
  "noPredictor",
  "modelUnavailable",
  "timedOut",
  "expired",
] as const satisfies ReadonlyArray<ErrorCase>

const infer = (name: string, about: string): Operation => ({
  name,
  about,
  parameters: [
    header(
      HEAD_LENGTH,
      "Bytes of JSON in front of the raw bytes of tensors; absent where the body is JSON alone",
      "integer",
    ),
    ...inferring,
  ],
  takes: {
    ...json(Body.InferRequest),
    [BINARY_TYPE]: undefined,
    [NDJSON_TYPE]: Body.BulkLine,
  },
  gives: {
    200: {
      ...json(Body.InferAnswer),
      [BINARY_TYPE]: undefined,
      [NDJSON_TYPE]: Body.BulkAnswer,
    },
    202: json(Body.Queued),
  },
  errors: inferErrors,
})

const v1Predict = (name: string, about: string): Operation => ({
  name,
  about,
  parameters: inferring,
  takes: json(Body.V1Request),
  gives: { 200: json(Body.V1Answer), 202: json(Body.Queued) },
  errors: inferErrors,
})

const look = (
  name: string,
  about: string,
  schema: Schema.Constraint,
  errors: ReadonlyArray<ErrorCase> = [],
): Operation => ({ name, about, parameters: EVERY_CALL, gives: { 200: json(schema) }, errors })

const readiness = (name: string): Operation => ({
  ...look(name, "Whether this gateway can answer, and if not, why not", Body.Ready),
  gives: { 200: json(Body.Ready), 503: json(Body.Ready) },
})
const ofModel = ["invalid", "unknownModel", "unknownVersion", "modelUnavailable"] as const

export const operations = {
  predict: {
    name: "predict",
    about: "Predicts rows of features",
    parameters: [
      query("model", "The model; the only or default one when absent"),
      query("version", "Pins a version"),
      ...inferring,
    ],
    takes: json(Body.PredictRequest),
    gives: { 200: json(Body.PredictAnswer), 202: json(Body.Queued) },
    errors: inferErrors,
  },
  infer: infer("infer", "Predicts tensors, or many requests as lines of JSON"),
  inferVersion: infer("inferVersion", "Predicts with one version"),
  prediction: {
    name: "prediction",
    about: "The stored answer of a request, by its id",
    parameters: [
      header("Prefer", "`wait=N`: waits up to N seconds for the answer, at most 60"),
      query("form", "How the answer is written", FORMS),
      query("position", "`Weir-Position` of the answer, to find it in the long log as well"),
      ...EVERY_CALL,
    ],
    gives: {
      200: { [JSON_TYPE]: Body.PredictionAnswer },
      202: json(Body.Queued),
    },
    errors: ["gone", ...inferErrors, "unknownId", "unreadableFact"],
  },
  feed: {
    name: "feed",
    about: "Stored predictions and failures of a model as server-sent events, in their order",
    parameters: [
      query("version", "Only what this version answered"),
      query("outcome", "Only these", ["predicted", "failed"]),
      query("from", "First position; only what comes from now on when absent"),
      header("Last-Event-ID", "Position of the last event that was seen", "integer"),
      ...EVERY_CALL,
    ],
    gives: { 200: { [EVENT_STREAM_TYPE]: Body.FeedEvent } },
    errors: ["invalid", "unknownModel", "gone", "tooManyReaders", "logUnavailable"],
  },
  health: readiness("health"),
  live: look("live", "Whether this process runs", Body.Live),
  ready: readiness("ready"),
  serverLive: look("serverLive", "Whether this process runs", Body.Live),
  serverReady: readiness("serverReady"),
  server: look("server", "Name, version and extensions", Body.ServerMetadata),
  metrics: {
    name: "metrics",
    about: "Metrics as Prometheus reads them",
    parameters: [],
    gives: { 200: { "text/plain": undefined } },
    errors: [],
  },
  models: look("models", "Every model with its versions", Body.ModelList),
  model: look("model", "Inputs and outputs of a model", Body.ModelMetadata, ofModel),
  modelVersion: look("modelVersion", "The same of a version", Body.ModelMetadata, ofModel),
  v1Predict: v1Predict("v1Predict", "Predicts rows as the V1 protocol has them"),
  v1PredictVersion: v1Predict("v1PredictVersion", "The same with one version"),
  v1Live: look("v1Live", "Whether this process runs, as the V1 protocol has it", Body.V1Live),
  v1Models: look("v1Models", "The names of all models, as the V1 protocol has them", Body.V1Models),
  v1Model: look(
    "v1Model",
    "Whether a model answers, as the V1 protocol has it",
    Body.V1Model,
    ofModel,
  ),
  v1Version: look("v1Version", "Whether a version answers", Body.V1Model, ofModel),
  modelReady: look("modelReady", "Whether a model answers", Body.ModelReady, ofModel),
  versionReady: look("versionReady", "Whether a version answers", Body.ModelReady, ofModel),
  index: {
    name: "index",
    about: "Every version of every model, and whether it is loaded",
    parameters: EVERY_CALL,
    takes: json(Body.IndexRequest),
    gives: { 200: json(Body.RepositoryIndex) },
    errors: ["invalid", "tooLarge", "unsupportedMediaType", "unsupportedEncoding"],
  },
  openapi: {
    name: "openapi",
    about: "This description",
    parameters: [],
    gives: { 200: { [JSON_TYPE]: undefined } },
    errors: [],
  },
  docs: {
    name: "docs",
    about: "This description as a page",
    parameters: [],
    gives: { 200: { "text/html": undefined } },
    errors: [],
  },
} as const satisfies Readonly<Record<string, Operation>>
