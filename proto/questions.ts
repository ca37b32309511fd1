// What is asked of all predictors at once, beside the log: what they have served, and to hold a
// version. The answers are of the moment, kept nowhere, and may be missing.
import { Schema } from "effect"
import { jsonCodec } from "./event.ts"
import { ModelName, VersionName } from "./names.ts"

const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Nanos = Schema.Finite

/** How often something was done, and how long that took in all. */
export const Duration = Schema.Struct({ count: Whole, nanos: Nanos })
export type Duration = typeof Duration.Type

/** Runs of one number of rows. */
export const BatchStatistics = Schema.Struct({
  rows: Whole,
  count: Whole,
  inputNanos: Nanos,
  inferNanos: Nanos,
  outputNanos: Nanos,
})
export type BatchStatistics = typeof BatchStatistics.Type

/**
 * What a version has served. The durations of a request that succeeded are `queue`, `input`,
 * `infer` and `output`; together they are `success`.
 */
export const VersionStatistics = Schema.Struct({
  model: ModelName,
  version: VersionName,
  /** Milliseconds since 1970. */
  lastInference: Schema.Finite,
  /** Rows that were predicted, and runs that did it. */
  inferences: Whole,
  executions: Whole,
  success: Duration,
  fail: Duration,
  /** From when the log stored the request to when its run was put together. */
  queue: Duration,
  input: Duration,
  infer: Duration,
  output: Duration,
  batches: Schema.Array(BatchStatistics),
})
export type VersionStatistics = typeof VersionStatistics.Type

export const StatisticsQuestion = Schema.Struct({ model: Schema.optionalKey(ModelName) })
export const StatisticsAnswer = Schema.Struct({
  /** Another one after each start of a process. */
  predictor: Schema.String,
  /** From when on it has counted, milliseconds since 1970. */
  since: Schema.Finite,
  versions: Schema.Array(VersionStatistics),
})
export type StatisticsAnswer = typeof StatisticsAnswer.Type

export const HoldQuestion = Schema.Struct({
  model: ModelName,
  /** The champion when absent. */
  version: Schema.optionalKey(VersionName),
})
/** Given when the version can run there, or cannot. */
export const HoldAnswer = Schema.Struct({
  predictor: Schema.String,
  /** Why it cannot run. */
  refused: Schema.optionalKey(Schema.String),
})
export type HoldAnswer = typeof HoldAnswer.Type

const QUESTION_FORMAT = 1
export const statisticsQuestion = jsonCodec(
  "statistics question",
  StatisticsQuestion,
  QUESTION_FORMAT,
)
export const statisticsAnswer = jsonCodec("statistics answer", StatisticsAnswer, QUESTION_FORMAT)
export const holdQuestion = jsonCodec("hold question", HoldQuestion, QUESTION_FORMAT)
export const holdAnswer = jsonCodec("hold answer", HoldAnswer, QUESTION_FORMAT)
