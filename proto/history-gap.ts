// That the long log misses facts: positions which the hot log dropped before the server had copied
// them.
import { Schema } from "effect"
import { jsonCodec } from "./event.ts"
import { findingSubject } from "./subjects.ts"

const Position = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

export const HistoryGapFound = Schema.TaggedStruct("HistoryGapFound", {
  /** Both ends included. */
  fromPosition: Position,
  toPosition: Position,
  /** Milliseconds since 1970, when it was found. */
  at: Schema.Finite,
})
export type HistoryGapFound = typeof HistoryGapFound.Type

export const HISTORY_GAP_FORMAT = 1
export const historyGapCodec = jsonCodec("history gap", HistoryGapFound, HISTORY_GAP_FORMAT)

/** One subject for all: a gap is in the positions of all models together. */
export const HISTORY_GAP_SUBJECT = findingSubject("gap", "log")
