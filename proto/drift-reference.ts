// The rows that windows are compared with, as an artifact: columns of numbers, or of codes into a
// list of texts. Whoever has its digest can repeat every verdict.
import { Schema } from "effect"
import { recordCodec } from "./message-pack.ts"
import { ModelName } from "./names.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const ReferenceColumn = Schema.Struct({
  name: Schema.String,
  source: Schema.Literals(["input", "output"]),
  kind: Schema.Literals(["numeric", "categorical"]),
  /** Little-endian float64, NaN where there is no value; or int32 into `texts`, −1 there. */
  values: Schema.Uint8Array,
  texts: Schema.Array(Schema.String),
})
export type ReferenceColumn = typeof ReferenceColumn.Type

export const DriftReference = Schema.Struct({
  model: ModelName,
  /** Where it came from, in words. */
  origin: Schema.String,
  /** The part of the configuration that asked for it, as canonical JSON. */
  asked: Schema.String,
  from: Schema.optionalKey(Count),
  to: Schema.optionalKey(Count),
  /** Rows that it was drawn from; what is kept may be a sample. */
  rows: Count,
  kept: Count,
  columns: Schema.Array(ReferenceColumn),
})
export type DriftReference = typeof DriftReference.Type

const LAYOUT = {
  fields: ["model", "origin", "asked", "from", "to", "rows", "kept", "columns"],
  nested: { columns: [{ fields: ["name", "source", "kind", "values", "texts"] }] },
} as const

export const REFERENCE_FORMAT = 1
export const referenceCodec = recordCodec(
  "drift reference",
  DriftReference,
  LAYOUT,
  REFERENCE_FORMAT,
)
