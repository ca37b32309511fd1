// One example of each kind of record, as the golden bytes and the written reference show it. The
// numbers are made up, the shapes are those of real traffic.
import { accessCodec, AccessFact, ACCESS_FORMAT } from "./access.ts"
import { releaseCodec, RELEASE_FORMAT, type JsonCodec } from "./event.ts"
import {
  DeadLetter,
  deadLetterCodec,
  DEAD_LETTER_FORMAT,
  DEAD_LETTER_LAYOUT,
} from "./dead-letter.ts"
import { Prediction, predictionCodec, PREDICTION_FORMAT, PREDICTION_LAYOUT } from "./prediction.ts"
import { QualityFact, qualityCodec, QUALITY_FORMAT } from "./quality.ts"
import { ReleaseFact } from "./release.ts"
import { InferenceRequest, requestCodec, REQUEST_FORMAT, REQUEST_LAYOUT } from "./request.ts"
import type { Layout } from "./message-pack.ts"
import type { Schema } from "effect"

export interface Example<A> {
  /** File in `golden/`, without its ending. */
  readonly file: string
  readonly what: string
  readonly value: A
}

export interface RecordKind<A> {
  readonly name: string
  readonly format: number
  readonly schema: Schema.Codec<A, unknown>
  readonly codec: JsonCodec<A>
  /** Order of the fields on the wire; records without one travel as JSON. */
  readonly layout?: Layout
  readonly examples: ReadonlyArray<Example<A>>
}

const bytes = (...numbers: ReadonlyArray<number>) => Uint8Array.from(numbers)
const text = (value: string) => new TextEncoder().encode(value)

const request: InferenceRequest = {
  inputs: [
    { name: "distance", datatype: "FP32", shape: [2, 1], data: bytes(0, 0, 22, 68, 0, 0, 56, 68) },
    {
      name: "origin",
      datatype: "BYTES",
      shape: [2, 1],
      data: bytes(3, 0, 0, 0, ...text("ABQ"), 3, 0, 0, 0, ...text("SFO")),
    },
  ],
  outputs: ["delayed"],
  clientId: "order 7",
  parameters: { priority: 2, urgent: true, note: "first" },
}

const id = "06irdlq6ad7i53k2s9jp0a1b2c"
const modelDigest = "a3".repeat(32)
const times = { stored: 1_760_000_000_123, taken: 1_760_000_000_125.5 }

const answered: Prediction = {
  id,
  model: "flights",
  version: "1",
  modelDigest,
  signatureDigest: "b4".repeat(32),
  request,
  digest: "c5".repeat(32),
  pinned: "1",
  outputs: [
    { name: "delayed", datatype: "INT64", shape: [2], data: bytes(1, ...Array(15).fill(0)) },
  ],
  batch: { id: "06irdlq6b0", rows: 5, offset: 3, size: 2, members: "d6".repeat(16), ran: "inline" },
  runtime: "onnxruntime 1.30.0 linux x64 avx2",
  times: { ...times, begun: 1_760_000_000_126, ended: 1_760_000_000_127.25 },
  deliveries: 1,
  caller: "alice",
  keyed: true,
  requestId: "req-1",
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  retryOf: "06irdlq6ad7i53k2s9jp0a1b00",
}

const failed: Prediction = {
  id,
  model: "flights",
  failure: { reason: "invalid", message: "input distance: expected FP32, got BYTES" },
  times,
  deliveries: 5,
}

const { pinned: _pinned, retryOf: _retryOf, ...once } = answered
const flagged: Prediction = {
  ...once,
  quality: {
    suite: "flights at the door",
    expectation: "expect_column_values_to_be_between",
    columns: ["distance"],
    row: 1,
    message:
      "row 1 does not meet expect_column_values_to_be_between (expectation 0): distance = 736",
  },
}

const dead: DeadLetter = {
  model: "flights",
  id,
  reason: "invalid",
  message: "not a readable inference request: ends after 2 bytes",
  storedAt: 1_760_000_000_123,
  diedAt: 1_760_000_000_130,
  deliveries: 1,
  headers: { "Content-Type": "application/vnd.msgpack", "Weir-Caller": "alice" },
  payload: bytes(0x95, 0x01),
}

const at = 1_760_000_000_000

export const requestRecord: RecordKind<InferenceRequest> = {
  name: "inference request",
  format: REQUEST_FORMAT,
  schema: InferenceRequest,
  codec: requestCodec,
  layout: REQUEST_LAYOUT,
  examples: [{ file: "request-1", what: "two columns, one a string", value: request }],
}

export const predictionRecord: RecordKind<Prediction> = {
  name: "prediction",
  format: PREDICTION_FORMAT,
  schema: Prediction,
  codec: predictionCodec,
  layout: PREDICTION_LAYOUT,
  examples: [
    { file: "prediction-1", what: "an answer with every field", value: answered },
    { file: "prediction-1-failed", what: "a failure of an unreadable request", value: failed },
    { file: "prediction-1-flagged", what: "an answer that a gate flagged", value: flagged },
  ],
}

export const deadLetterRecord: RecordKind<DeadLetter> = {
  name: "dead letter",
  format: DEAD_LETTER_FORMAT,
  schema: DeadLetter,
  codec: deadLetterCodec,
  layout: DEAD_LETTER_LAYOUT,
  examples: [{ file: "dead-letter-1", what: "a request cut off after two bytes", value: dead }],
}

export const releaseRecord: RecordKind<ReleaseFact> = {
  name: "release fact",
  format: RELEASE_FORMAT,
  schema: ReleaseFact,
  codec: releaseCodec,
  examples: [
    {
      file: "release-1-registered",
      what: "a version that was registered",
      value: {
        _tag: "VersionRegistered",
        model: "flights",
        version: "1",
        digest: modelDigest,
        bytes: 20_480,
        signature: {
          task: "classification",
          features: [
            { name: "distance", tensor: "distance", column: 0, type: "number", range: [31, 4502] },
            { name: "origin", tensor: "origin", column: 0, type: "string", missing: "refuse" },
          ],
          inputs: [{ name: "distance", datatype: "FP32", shape: [-1, 1] }],
          outputs: [{ name: "delayed", datatype: "INT64", shape: [-1] }],
          label: "delayed",
          classes: [0, 1],
          positiveClass: 1,
          batching: true,
        },
        signatureDigest: "b4".repeat(32),
        source: "directory",
        at,
      },
    },
    {
      file: "release-1-promoted",
      what: "a version that became the live one",
      value: { _tag: "Promoted", model: "flights", version: "1", evidence: "directory", at },
    },
    {
      file: "release-1-unloaded",
      what: "a version that is no longer served",
      value: { _tag: "VersionUnloaded", model: "flights", version: "1", at },
    },
    {
      file: "release-1-loaded",
      what: "a version that is served again",
      value: { _tag: "VersionLoaded", model: "flights", version: "1", at },
    },
    {
      file: "release-1-configured",
      what: "how a model is served from now on",
      value: {
        _tag: "ModelConfigured",
        model: "flights",
        config: {
          maxBatchSize: 64,
          preferredBatchSizes: [16, 32],
          queueDelayMicros: 500,
          timeoutMicros: 2_000_000,
          priorityLevels: 2,
          defaultPriority: 2,
        },
        source: "directory",
        at,
      },
    },
  ],
}

const suite = JSON.stringify({
  name: "flights at the door",
  expectations: [
    {
      type: "expect_column_values_to_be_between",
      kwargs: { column: "distance", min_value: 31, max_value: 4502 },
    },
  ],
})

export const qualityRecord: RecordKind<QualityFact> = {
  name: "quality fact",
  format: QUALITY_FORMAT,
  schema: QualityFact,
  codec: qualityCodec,
  examples: [
    {
      file: "quality-1-gate-set",
      what: "a suite that stands at the door",
      value: {
        _tag: "GateSet",
        model: "flights",
        mode: "reject",
        suite,
        source: "command",
        at,
      },
    },
    {
      file: "quality-1-gate-removed",
      what: "a door without a suite",
      value: { _tag: "GateRemoved", model: "flights", source: "command", at },
    },
    {
      file: "quality-1-window-suite-set",
      what: "a suite for the windows of the traffic",
      value: { _tag: "WindowSuiteSet", model: "flights", suite, source: "directory", at },
    },
    {
      file: "quality-1-window-suite-removed",
      what: "windows without a suite",
      value: { _tag: "WindowSuiteRemoved", model: "flights", source: "command", at },
    },
  ],
}

export const accessRecord: RecordKind<AccessFact> = {
  name: "access fact",
  format: ACCESS_FORMAT,
  schema: AccessFact,
  codec: accessCodec,
  examples: [
    {
      file: "access-1-created",
      what: "a key that was made",
      value: {
        _tag: "KeyCreated",
        name: "alice",
        digest: "e7".repeat(32),
        pepper: "f8".repeat(8),
        scopes: ["predict", "read"],
        ratePerSecond: 50,
        at,
      },
    },
    {
      file: "access-1-revoked",
      what: "a key that is no longer valid",
      value: { _tag: "KeyRevoked", name: "alice", digest: "e7".repeat(32), at },
    },
  ],
}
