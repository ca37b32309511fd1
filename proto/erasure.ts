// That somebody's inputs were erased from the log. It says what was where, and nothing of what it
// was; as a decision it is never evicted, so that it can be shown, and done again to a restored
// copy.
import { Schema } from "effect"
import { jsonCodec } from "./event.ts"
import { keyedId } from "./ids.ts"
import { eventSubject } from "./subjects.ts"

const Sequence = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

export const Erased = Schema.TaggedStruct("Erased", {
  /** As they stood in the subject, be they valid names or not. */
  model: Schema.String,
  id: Schema.String,
  /** Of its fact and its outcomes: sequences in `PREDICTIONS`, also of what `HISTORY` held. */
  positions: Schema.Array(Sequence),
  /** Sequences in `DEAD_LETTERS`. */
  deadLetters: Schema.Array(Sequence),
  /**
   * `erasureOwner` of who had asked what was erased, where that is known: the one besides readers
   * of everything who is told that it is gone.
   */
  owner: Schema.optionalKey(Schema.String),
  /** Who asked for it, in their own words. */
  by: Schema.String,
  /** Milliseconds since 1970. */
  at: Schema.Finite,
})
export type Erased = typeof Erased.Type

/** Recognises a caller whose name is known already, and names none. */
export const erasureOwner = (id: string, caller: string): string =>
  keyedId(caller, id, "owner of what was erased")

export const ERASURE_FORMAT = 1
export const erasureCodec = jsonCodec("erasure", Erased, ERASURE_FORMAT)

export const erasureSubject = (model: string): string => eventSubject("erasure", model)
export const ALL_ERASURES = erasureSubject("*")
