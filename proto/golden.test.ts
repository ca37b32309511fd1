// The bytes of every format that was ever written must be readable for ever, so those in golden/
// are never written again: a change that breaks one of these tests breaks every log that exists.
import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"
import * as headers from "./headers.ts"
import {
  accessRecord,
  deadLetterRecord,
  predictionRecord,
  qualityRecord,
  releaseRecord,
  requestRecord,
  type RecordKind,
} from "./golden-examples.ts"
import { outcomeRecord } from "./golden-outcomes.ts"
import {
  driftFindingRecord,
  markRecord,
  referenceRecord,
  windowFindingRecord,
} from "./golden-findings.ts"
import { qualityFindingRecord, qualityReportRecord } from "./golden-quality.ts"

const folder = join(import.meta.dir, "golden")
const Golden = Schema.Struct({
  record: Schema.String,
  format: Schema.Int,
  what: Schema.String,
  value: Schema.Unknown,
  hex: Schema.String,
})
const readGolden = Schema.decodeUnknownSync(Schema.fromJsonString(Golden))
const files = readdirSync(folder)
  .toSorted()
  .map((file) => ({ file, golden: readGolden(readFileSync(join(folder, file), "utf8")) }))

const plain = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")
const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"))

const describeRecord = <A>(record: RecordKind<A>) =>
  describe(`golden bytes: ${record.name}`, () => {
    const fromJson = Schema.decodeUnknownSync(Schema.toCodecJson(record.schema))
    for (const { file, golden } of files.filter((one) => one.golden.record === record.name))
      test(`${file} is read as the value that was written`, () => {
        expect(record.codec.decode(fromHex(golden.hex))).toEqual(fromJson(golden.value))
      })
    for (const { file, value } of record.examples)
      test(`${file} is written today byte for byte as then`, () => {
        const found = files.find((one) => one.file === `${file}.json`)
        expect(found?.golden.format).toBe(record.format)
        expect(plain(record.codec.encode(value))).toBe(found?.golden.hex ?? "")
      })
  })

describeRecord(requestRecord)
describeRecord(predictionRecord)
describeRecord(deadLetterRecord)
describeRecord(releaseRecord)
describeRecord(accessRecord)
describeRecord(outcomeRecord)
describeRecord(qualityRecord)
describeRecord(windowFindingRecord)
describeRecord(driftFindingRecord)
describeRecord(markRecord)
describeRecord(qualityFindingRecord)
describeRecord(qualityReportRecord)
describeRecord(referenceRecord)

test("every golden file belongs to a record that is read here", () => {
  const names = [
    requestRecord,
    predictionRecord,
    deadLetterRecord,
    releaseRecord,
    accessRecord,
    outcomeRecord,
    qualityRecord,
    windowFindingRecord,
    driftFindingRecord,
    markRecord,
    qualityFindingRecord,
    qualityReportRecord,
    referenceRecord,
  ].map(({ name }) => name)
  expect(files.filter(({ golden }) => !names.includes(golden.record))).toEqual([])
})

test("the headers are spelled as the server and the callers spell them", () => {
  expect({ ...headers }).toEqual({
    EXPECTED_LAST_SUBJECT_SEQUENCE: "Nats-Expected-Last-Subject-Sequence",
    NATS_MESSAGE_ID: "Nats-Msg-Id",
    STREAM_SOURCE: "Nats-Stream-Source",
    NATS_SEQUENCE: "Nats-Sequence",
    NATS_SUBJECT: "Nats-Subject",
    NATS_TIME_STAMP: "Nats-Time-Stamp",
    DIGEST: "Weir-Digest",
    REPLY: "Weir-Reply",
    VERSION: "Weir-Version",
    ID: "Weir-Id",
    POSITION: "Weir-Position",
    TIMEOUT: "Weir-Timeout-Ms",
    CALLER: "Weir-Caller",
    KEYED: "Weir-Keyed",
    RETRY_OF: "Weir-Retry-Of",
    TRACEPARENT: "traceparent",
    REQUEST_ID: "X-Request-Id",
    CONTENT_TYPE: "Content-Type",
    IDEMPOTENCY_KEY: "Idempotency-Key",
    IDEMPOTENT_REPLAYED: "Idempotent-Replayed",
    JSON_TYPE: "application/json",
    MESSAGE_PACK_TYPE: "application/vnd.msgpack",
  })
})
