// What the observers of the log found: windows that were tested, drift that began or ended, and
// marks that people set.
// A finding is evidence, not a decision; every number that led to a verdict is in it, no rows are.
import { Schema } from "effect"
import { jsonCodec } from "./event.ts"
import { ModelName, VersionName } from "./names.ts"
import { findingSubject } from "./subjects.ts"

/** Milliseconds since 1970. */
const At = Schema.Finite
/** Sequence in `PREDICTIONS`. */
const Position = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Digest = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u))

/** A range of positions, both ends included, and what the model's facts in it amount to. */
export const WindowRange = Schema.Struct({
  from: Position,
  to: Position,
  rows: Count,
  facts: Count,
  /** Facts without an output: they are no rows. */
  failed: Count,
  /** Rows that were tested, where a window has more than may be held. */
  sampled: Schema.optionalKey(Count),
  /** When the first and the last of its requests were stored. */
  firstAt: Schema.optionalKey(At),
  lastAt: Schema.optionalKey(At),
})
export type WindowRange = typeof WindowRange.Type

export const Slice = Schema.Struct({ feature: Schema.String, value: Schema.String })
export type Slice = typeof Slice.Type

/** One test of one column, over all rows or those of a slice. */
export const TestOutcome = Schema.Struct({
  feature: Schema.String,
  slice: Schema.optionalKey(Slice),
  test: Schema.String,
  /** Rows with a value, in the window and in the reference. */
  rows: Count,
  referenceRows: Count,
  /** Absent where the test has none: an infinite odds ratio, a distance without a law. */
  statistic: Schema.optionalKey(Schema.Finite),
  pvalue: Schema.optionalKey(Schema.Finite),
  /** What p or the statistic was compared with, after the correction over the window's tests. */
  threshold: Schema.optionalKey(Schema.Finite),
  effect: Schema.optionalKey(Schema.Finite),
  effectMin: Schema.optionalKey(Schema.Finite),
  /** Row of the window, from 1, at which a detector over the stream fired first. */
  firedAt: Schema.optionalKey(Count),
  drifted: Schema.Boolean,
  /** Why this test says nothing: all null, too few rows. The others are not affected. */
  problem: Schema.optionalKey(Schema.String),
})
export type TestOutcome = typeof TestOutcome.Type

const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

/** What the rows of a column look like, whatever was tested. */
export const ColumnSummary = Schema.Struct({
  name: Schema.String,
  source: Schema.Literals(["input", "output"]),
  kind: Schema.Literals(["numeric", "categorical"]),
  /** Share of rows without a value. */
  nullRate: Schema.optionalKey(Share),
  referenceNullRate: Schema.optionalKey(Share),
  /** Share of values that the reference never had. */
  unseenRate: Schema.optionalKey(Share),
})
export type ColumnSummary = typeof ColumnSummary.Type

/** How the last verdicts stand after this window, so that one finding is enough to go on from. */
export const Persistence = Schema.Struct({
  /** Per test that drifted lately: one "1" (drifted) or "0" a window, the newest last. */
  recent: Schema.Record(Schema.String, Schema.String.check(Schema.isPattern(/^[01]*$/u))),
  /** Tests whose drift was reported and is not over. */
  drifting: Schema.Array(Schema.String),
  /** Tests whose drift began, and whose drift was over, with this window. */
  began: Schema.Array(Schema.String),
  ended: Schema.Array(Schema.String),
})
export type Persistence = typeof Persistence.Type

/**
 * What detectors over the stream remember after a window: by detector and column the base64 of
 * little-endian float64.
 */
const Remembered = Schema.Record(Schema.String, Schema.String)

export const WindowEvaluated = Schema.TaggedStruct("WindowEvaluated", {
  model: ModelName,
  /** The version that most of the rows came from. */
  version: Schema.optionalKey(VersionName),
  /** Counts the windows of the model from 1. */
  number: Count,
  window: WindowRange,
  /** Digest of the reference's artifact. */
  reference: Digest,
  /** Digest of the configuration that chose window and tests. */
  configuration: Digest,
  /** Of permutations and samples: from model and range, so that a repetition gives the same p. */
  seed: Count,
  columns: Schema.Array(ColumnSummary),
  tests: Schema.Array(TestOutcome),
  /** "insufficient": too few rows for any test. */
  verdict: Schema.Literals(["drift", "none", "insufficient"]),
  persistence: Persistence,
  online: Schema.optionalKey(Remembered),
  at: At,
})
export type WindowEvaluated = typeof WindowEvaluated.Type

/** What windows are compared with from now on. */
export const ReferenceTaken = Schema.TaggedStruct("ReferenceTaken", {
  model: ModelName,
  reference: Digest,
  rows: Count,
  /** Where it came from, in words: "first 1000 rows", "range 1 to 6723", "file flights.csv". */
  origin: Schema.String,
  /** Its range of the log, where it has one. */
  from: Schema.optionalKey(Position),
  to: Schema.optionalKey(Position),
  /** Windows begin after this position; the number of the last window before. */
  position: Position,
  number: Count,
  /** Tests whose drift was reported before and counts as over: a new reference, a new normal. */
  cleared: Schema.Array(Schema.String),
  /**
   * Where rows of a window joined the reference: what was remembered goes on. Absent where the
   * reference is another one and everything begins anew.
   */
  carried: Schema.optionalKey(
    Schema.Struct({
      persistence: Persistence,
      /** Digest of the configuration under which it was remembered. */
      configuration: Digest,
      online: Schema.optionalKey(Remembered),
    }),
  ),
  at: At,
})
export type ReferenceTaken = typeof ReferenceTaken.Type

/** What is on the subject of a model's windows; the last one says where to go on. */
export const WindowFinding = Schema.Union([WindowEvaluated, ReferenceTaken]).pipe(
  Schema.toTaggedUnion("_tag"),
)
export type WindowFinding = typeof WindowFinding.Type

export const DriftedFeature = Schema.Struct({
  name: Schema.String,
  slice: Schema.optionalKey(Slice),
  test: Schema.String,
  statistic: Schema.optionalKey(Schema.Finite),
  pvalue: Schema.optionalKey(Schema.Finite),
  threshold: Schema.optionalKey(Schema.Finite),
  effect: Schema.optionalKey(Schema.Finite),
})
export type DriftedFeature = typeof DriftedFeature.Type

const driftFields = {
  /** The same for the same drift, however often it is written or sent: de-duplicate by it. */
  id: Schema.String,
  model: ModelName,
  version: Schema.optionalKey(VersionName),
  /** The window with which it began or ended, and its number. */
  window: WindowRange,
  number: Count,
  reference: Digest,
  at: At,
}
/** Drift of features that were not drifting before. */
export const DriftDetected = Schema.TaggedStruct("DriftDetected", {
  ...driftFields,
  features: Schema.Array(DriftedFeature),
})
export type DriftDetected = typeof DriftDetected.Type
/** Features that drifted have been as the reference for long enough, or the reference changed. */
export const DriftCleared = Schema.TaggedStruct("DriftCleared", {
  ...driftFields,
  features: Schema.Array(Schema.Struct({ name: Schema.String, slice: Schema.optionalKey(Slice) })),
  reason: Schema.Literals(["recovered", "accepted"]),
})
export type DriftCleared = typeof DriftCleared.Type

export const DriftFinding = Schema.Union([DriftDetected, DriftCleared]).pipe(
  Schema.toTaggedUnion("_tag"),
)
export type DriftFinding = typeof DriftFinding.Type

/** Longest name of a mark. */
export const MARK_NAME_MAX_CHARACTERS = 128
/** A named place between two positions: facts up to `position` lie before it. */
export const MarkSet = Schema.TaggedStruct("MarkSet", {
  model: ModelName,
  name: Schema.NonEmptyString.check(Schema.isMaxLength(MARK_NAME_MAX_CHARACTERS)),
  position: Position,
  at: At,
})
export type MarkSet = typeof MarkSet.Type

export const FINDING_FORMAT = 1
export const windowFindingCodec = jsonCodec("window finding", WindowFinding, FINDING_FORMAT)
export const driftFindingCodec = jsonCodec("drift finding", DriftFinding, FINDING_FORMAT)
export const markCodec = jsonCodec("mark", MarkSet, FINDING_FORMAT)

export const windowSubject = (model: string): string => findingSubject("window", model)
/** Windows over what came true. */
export const truthSubject = (model: string): string => findingSubject("truth", model)
export const driftSubject = (model: string): string => findingSubject("drift", model)
export const markSubject = (model: string): string => findingSubject("mark", model)
export const ALL_WINDOWS = findingSubject("window", "*")
export const ALL_DRIFT = findingSubject("drift", "*")
export const ALL_MARKS = findingSubject("mark", "*")
