// Ground truth about a prediction, as anybody may send it: JSON, so that a producer in any language
// can write it by hand. It is checked by whoever reads it, because nobody else stands in between.
import { Schema } from "effect"
import { LogId, VersionName, ModelName } from "./names.ts"
import { findingSubject, historySubject, outcomeSubject } from "./subjects.ts"
import { WindowRange } from "./finding.ts"
import { jsonCodec } from "./event.ts"

export const LABEL_MAX_CHARACTERS = 1_024
/** Rows that one outcome may name. */
export const OUTCOME_ROWS_MAX = 100_000

/** What came true for one row: a class, or a number. */
export const OutcomeValue = Schema.Union([
  Schema.String.check(Schema.isMaxLength(LABEL_MAX_CHARACTERS)),
  Schema.Finite,
  Schema.Boolean,
])
export type OutcomeValue = typeof OutcomeValue.Type

const Row = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const Outcome = Schema.Struct({
  format: Schema.optionalKey(Schema.Literal(1)),
  /** As in the subject, where it is given at all. */
  id: Schema.optionalKey(LogId),
  /** Of the only row, or one for each row of the request in their order. */
  value: Schema.optionalKey(
    Schema.Union([
      OutcomeValue,
      Schema.Array(OutcomeValue).check(Schema.isMaxLength(OUTCOME_ROWS_MAX)),
    ]),
  ),
  /** Or row by row, counted from 0; rows that are not named keep what they have. */
  values: Schema.optionalKey(
    Schema.Array(Schema.Struct({ row: Row, value: OutcomeValue })).check(
      Schema.isMaxLength(OUTCOME_ROWS_MAX),
    ),
  ),
  /** `Weir-Position` of the prediction: joins what the hot log has dropped. */
  position: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  /** When it came true: ISO 8601, or milliseconds since 1970. */
  observed_at: Schema.optionalKey(Schema.Union([Schema.String, Schema.Finite])),
})
export type Outcome = typeof Outcome.Type

export const OUTCOME_FORMAT = 1
/** Readers take an outcome without its format as well; see core/outcomes. */
export const outcomeCodec = jsonCodec("outcome", Outcome, OUTCOME_FORMAT)

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
/** By name: accuracy, auc, log_loss, brier, calibration_error, f1, mae, rmse, r2. */
const Metrics = Schema.Record(Schema.String, Schema.Finite)

/** The quality of some rows of a window: all, those of one version, or those of one slice. */
export const PerformanceGroup = Schema.Struct({
  version: Schema.optionalKey(VersionName),
  slice: Schema.optionalKey(Schema.Struct({ feature: Schema.String, value: Schema.String })),
  rows: Count,
  labelled: Count,
  /** From labels; a metric that these rows do not define is left out. */
  metrics: Metrics,
  /** Without labels, from calibrated probabilities. */
  estimate: Schema.optionalKey(
    Schema.Struct({
      metrics: Metrics,
      /** Standard error of the accuracy, were the calibration exact. */
      accuracyError: Schema.optionalKey(Schema.Finite),
      /** Labelled rows that calibrated it; 0: the probabilities were taken as they are. */
      calibratedOn: Count,
    }),
  ),
})
export type PerformanceGroup = typeof PerformanceGroup.Type

/** The quality of a window as far as labels had come; a later one of it takes its place. */
export const PerformanceMeasured = Schema.TaggedStruct("PerformanceMeasured", {
  model: ModelName,
  number: Count,
  window: WindowRange,
  task: Schema.Literals(["classification", "regression", "other"]),
  groups: Schema.Array(PerformanceGroup),
  /** Milliseconds from the request to its first label: half and 95 % of the labelled rows. */
  delayMedian: Schema.optionalKey(Schema.Finite),
  delayMost: Schema.optionalKey(Schema.Finite),
  /** Position of the last outcome that counts in it; 0 without any. */
  outcomesTo: Count,
  at: Schema.Finite,
})
export type PerformanceMeasured = typeof PerformanceMeasured.Type

export const performanceCodec = jsonCodec("performance finding", PerformanceMeasured, 1)
export const performanceSubject = (model: string): string => findingSubject("performance", model)
export const historyOutcomeSubject = (model: string): string => `${historySubject(model)}.outcome`
export const outcomesOf = (model: string): string => outcomeSubject(model, "*")
