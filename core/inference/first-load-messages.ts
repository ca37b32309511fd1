// What the child process of a first load is given and what it answers. It has run code that nobody
// has vouched for, so its answer is decoded by a schema like anything else from outside.
import { Schema } from "effect"
import { DeclaredSignature, Signature } from "#proto/signature"

export const FirstLoadTask = Schema.Struct({
  /** Path of the model file. */
  model: Schema.String,
  declared: Schema.optionalKey(DeclaredSignature),
})
export type FirstLoadTask = typeof FirstLoadTask.Type

export const FirstLoad = Schema.Struct({
  signature: Signature,
  /** One sentence: how `batching` was decided. */
  note: Schema.String,
  /** Elements of all inputs and the fastest run; empty when no generated input was taken. */
  runs: Schema.Array(Schema.Struct({ elements: Schema.Finite, micros: Schema.Finite })),
  irVersion: Schema.Finite,
  opsets: Schema.Record(Schema.String, Schema.Finite),
})
export type FirstLoad = typeof FirstLoad.Type

export const FirstLoadAnswer = Schema.Union([
  Schema.Struct({ loaded: FirstLoad }),
  Schema.Struct({ refused: Schema.String }),
])
export type FirstLoadAnswer = typeof FirstLoadAnswer.Type
