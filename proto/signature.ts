// What a model takes and gives: derived from its graph, completed by whoever trained it. Checks,
// drift, quality and accuracy all read this one description.
import { Schema } from "effect"
import { Datatype } from "./tensor.ts"

/** −1 stands for a dimension that varies. */
const SignatureDimension = Schema.Int.check(Schema.isGreaterThanOrEqualTo(-1))

export const TensorSpec = Schema.Struct({
  name: Schema.String,
  datatype: Datatype,
  shape: Schema.Array(SignatureDimension),
})
export type TensorSpec = typeof TensorSpec.Type

export const FeatureType = Schema.Literals(["number", "integer", "boolean", "string"])

export const Feature = Schema.Struct({
  name: Schema.String,
  /**
   * The input tensor that holds it, and its column there (0 where the tensor has one value a row).
   */
  tensor: Schema.String,
  column: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  type: FeatureType,
  /**
   * With "nan", JSON null and NaN mean a missing value; with "refuse" (the default) they are
   * errors.
   */
  missing: Schema.optionalKey(Schema.Literals(["refuse", "nan"])),
  /** Seen in training: lowest and highest value. Not enforced. */
  range: Schema.optionalKey(Schema.Tuple([Schema.Finite, Schema.Finite])),
  /** Seen in training. Not enforced. */
  categories: Schema.optionalKey(
    Schema.Array(Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])),
  ),
})
export type Feature = typeof Feature.Type

export const ClassLabel = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])

/**
 * The part that a person or a training script writes: `signature.json` beside the model, or
 * `weir.signature` in it.
 */
export const DeclaredSignature = Schema.Struct({
  task: Schema.optionalKey(Schema.Literals(["classification", "regression", "other"])),
  /** In the order of the columns of a `/predict` row. */
  features: Schema.optionalKey(Schema.Array(Feature)),
  /** Names of outputs. */
  label: Schema.optionalKey(Schema.String),
  probability: Schema.optionalKey(Schema.String),
  classes: Schema.optionalKey(Schema.Array(ClassLabel)),
  positiveClass: Schema.optionalKey(ClassLabel),
  /** Positions of the log or dates. */
  training: Schema.optionalKey(Schema.Struct({ from: Schema.String, to: Schema.String })),
  referenceProfile: Schema.optionalKey(Schema.String),
  /** False keeps requests apart although the first dimension varies. */
  batching: Schema.optionalKey(Schema.Boolean),
})
export type DeclaredSignature = typeof DeclaredSignature.Type

export const Signature = Schema.Struct({
  ...DeclaredSignature.fields,
  task: Schema.Literals(["classification", "regression", "other"]),
  features: Schema.Array(Feature),
  inputs: Schema.Array(TensorSpec),
  outputs: Schema.Array(TensorSpec),
  /** Whether rows of different requests may share a run: proved at import, see core/inference. */
  batching: Schema.Boolean,
})
export type Signature = typeof Signature.Type
