// What a suite of expectations said about the windows of a model's traffic, and the reports about
// expectations that are no longer met, or are met again.
import { Schema } from "effect"
import { jsonCodec } from "./event.ts"
import { WindowRange } from "./finding.ts"
import { ModelName, VersionName } from "./names.ts"
import { findingSubject } from "./subjects.ts"

/** Milliseconds since 1970. */
const At = Schema.Finite
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Percent = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 100 }))

/** One expectation over one window. */
export const ExpectationOutcome = Schema.Struct({
  /** The same for the same expectation of a suite in every window. */
  key: Schema.String,
  type: Schema.String,
  columns: Schema.Array(Schema.String),
  severity: Schema.optionalKey(Schema.String),
  success: Schema.Boolean,
  /** Of the values that are there. */
  unexpectedPercent: Schema.optionalKey(Percent),
  /** A mean, a count: where it is a number. */
  observed: Schema.optionalKey(Schema.Finite),
  /** Why it could not be computed. */
  problem: Schema.optionalKey(Schema.String),
})
export type ExpectationOutcome = typeof ExpectationOutcome.Type

const common = {
  model: ModelName,
  version: Schema.optionalKey(VersionName),
  /** Counts the windows that were judged from 1. */
  number: Count,
  window: WindowRange,
  /** Name of the suite, and the SHA-256 of its text. */
  suite: Schema.String,
  suiteDigest: Schema.String,
  at: At,
}

export const QualityEvaluated = Schema.TaggedStruct("QualityEvaluated", {
  ...common,
  /** Sequence in `FINDINGS` of the window that was judged. */
  source: Count,
  /** Rows that were judged: fewer than the window has where it has more than may be held. */
  rows: Count,
  outcomes: Schema.Array(ExpectationOutcome),
  /** "empty": no row of the window could be read. */
  verdict: Schema.Literals(["met", "failed", "empty"]),
  /** Keys of what is not met and was reported. */
  failing: Schema.Array(Schema.String),
  /** Keys of what began to fail, and of what is met again, with this window. */
  began: Schema.Array(Schema.String),
  ended: Schema.Array(Schema.String),
})
export type QualityEvaluated = typeof QualityEvaluated.Type

const report = {
  /** The same for the same report, however often it is written or sent: de-duplicate by it. */
  id: Schema.String,
  ...common,
  expectations: Schema.Array(ExpectationOutcome),
}
export const QualityFailed = Schema.TaggedStruct("QualityFailed", report)
export const QualityRecovered = Schema.TaggedStruct("QualityRecovered", report)
export const QualityReport = Schema.Union([QualityFailed, QualityRecovered]).pipe(
  Schema.toTaggedUnion("_tag"),
)
export type QualityReport = typeof QualityReport.Type

export const QUALITY_FINDING_FORMAT = 1
export const qualityEvaluatedCodec = jsonCodec(
  "quality finding",
  QualityEvaluated,
  QUALITY_FINDING_FORMAT,
)
export const qualityReportCodec = jsonCodec("quality report", QualityReport, QUALITY_FINDING_FORMAT)

export const qualitySubject = (model: string): string => findingSubject("quality", model)
export const qualityReportSubject = (model: string): string =>
  findingSubject("quality-report", model)
export const ALL_QUALITY_REPORTS = findingSubject("quality-report", "*")
