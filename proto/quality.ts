// Which suite of expectations stands at the door of a model, and which one is held against the
// windows of its traffic. The suite travels as the text of its file, so that whoever follows these
// facts needs no other store. What the expectations mean is not known here.
import { Schema } from "effect"
import { jsonCodec } from "./event.ts"
import { ModelName } from "./names.ts"

/** Longest suite that is kept, in UTF-8 bytes: a thousand expectations take about so much. */
export const SUITE_MAX_BYTES = 262_144

/** Milliseconds since 1970. */
const At = Schema.Finite

/** reject: what fails is not predicted. flag: it is, and its fact says so. */
export const GateMode = Schema.Literals(["reject", "flag"])
export type GateMode = typeof GateMode.Type

/** Who decided: a file beside the model gives way to what a person said. */
export const GateSource = Schema.Literals(["directory", "command"])
export type GateSource = typeof GateSource.Type

const decided = { model: ModelName, source: GateSource, at: At }
/** The text of a suite's file, Great Expectations 0.x or 1.x. */
const SuiteText = Schema.String.check(Schema.isMaxLength(SUITE_MAX_BYTES))

export const GateSet = Schema.TaggedStruct("GateSet", {
  ...decided,
  mode: GateMode,
  suite: SuiteText,
})
export const GateRemoved = Schema.TaggedStruct("GateRemoved", decided)
export const WindowSuiteSet = Schema.TaggedStruct("WindowSuiteSet", {
  ...decided,
  suite: SuiteText,
})
export const WindowSuiteRemoved = Schema.TaggedStruct("WindowSuiteRemoved", decided)

export const QualityFact = Schema.Union([
  GateSet,
  GateRemoved,
  WindowSuiteSet,
  WindowSuiteRemoved,
]).pipe(Schema.toTaggedUnion("_tag"))
export type QualityFact = typeof QualityFact.Type

export const QUALITY_FORMAT = 1
export const qualityCodec = jsonCodec("quality fact", QualityFact, QUALITY_FORMAT)
