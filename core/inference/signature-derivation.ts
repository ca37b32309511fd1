// The signature of a model: derived from its graph, completed by what its maker declared. What is
// declared is checked against the graph and refused by the name of the field; whether rows may
// share a run is proved elsewhere.
import { createHash } from "node:crypto"
import { Schema } from "effect"
import { DeclaredSignature, type Feature, type Signature, type TensorSpec } from "#proto/signature"
import type { Datatype } from "#proto/tensor"
import { checkDeclared } from "./declared-signature.ts"
import { refuse } from "./model-refused.ts"
import type { OnnxGraph } from "./onnx-graph.ts"

/** The key of metadata_props under which a model carries its declared signature, as JSON. */
export const SIGNATURE_METADATA_KEY = "weir.signature"
/** Wider tensors (embeddings, pictures) are no columns of a table: they get no derived features. */
const DERIVED_COLUMNS_MAX = 1_024

/** A signature before it is known whether rows of different requests may share a run. */
export type DerivedSignature = Omit<Signature, "batching"> & { readonly batching?: boolean }

const decodeDeclared = Schema.decodeUnknownSync(Schema.fromJsonString(DeclaredSignature), {
  onExcessProperty: "error",
})

/** Reads `signature.json` or the metadata entry. Throws ModelRefused naming the field. */
export const parseDeclaredSignature = (json: string): DeclaredSignature => {
  try {
    return decodeDeclared(json)
  } catch (cause) {
    return refuse(
      `the declared signature is not valid: ${cause instanceof Error ? cause.message : cause}`,
    )
  }
}

/**
 * Inputs, outputs, features and task of a model. `declared` (the file beside the model) replaces
 * what the model carries in its metadata; what neither says is derived. Throws ModelRefused where
 * the declaration does not fit the graph.
 */
export const deriveSignature = (
  graph: OnnxGraph,
  declared: DeclaredSignature | undefined = carriedDeclaration(graph),
): DerivedSignature => {
  const given = declared ?? {}
  checkDeclared(given, graph)
  const guess = guessTask(graph)
  const task = given.task ?? guess.task
  const roles = task === guess.task ? guess : { label: undefined, probability: undefined }
  const label = given.label ?? roles.label
  const probability = given.probability ?? roles.probability
  const classes = given.classes ?? (task === "classification" ? graph.classes : undefined)
  return {
    ...given,
    task,
    features: given.features ?? deriveFeatures(graph.inputs),
    inputs: graph.inputs,
    outputs: graph.outputs,
    ...(label === undefined ? {} : { label }),
    ...(probability === undefined ? {} : { probability }),
    ...(classes === undefined ? {} : { classes }),
  }
}

const carriedDeclaration = (graph: OnnxGraph): DeclaredSignature | undefined => {
  const json = graph.metadata.get(SIGNATURE_METADATA_KEY)
  return json === undefined ? undefined : parseDeclaredSignature(json)
}

const isFloat = (datatype: Datatype): boolean => datatype.startsWith("FP")

/** Text in a table is a string, whole numbers are integers, every other number is a number. */
const featureType = (datatype: Datatype): Feature["type"] => {
  if (datatype === "BYTES") return "string"
  if (datatype === "BOOL") return "boolean"
  return isFloat(datatype) ? "number" : "integer"
}

/** Columns of a table that an input has: one for [N], F for [N, F]; none where it is no table. */
const columnsOf = ({ shape }: TensorSpec): number => {
  const [rows = 0, columns = -1] = shape
  if (shape.length === 1) return rows === -1 || rows === 1 ? 1 : 0
  return shape.length === 2 && columns <= DERIVED_COLUMNS_MAX ? Math.max(columns, 0) : 0
}

const deriveFeatures = (inputs: ReadonlyArray<TensorSpec>): ReadonlyArray<Feature> => {
  const named = (name: (tensor: string, column: number) => string) =>
    inputs.flatMap((input) => {
      const columns = columnsOf(input)
      return Array.from({ length: columns }, (_, column): Feature => ({
        name: columns === 1 ? input.name : name(input.name, column),
        tensor: input.name,
        column,
        type: featureType(input.datatype),
      }))
    })
  const features = named((tensor, column) => `${tensor}_${column}`)
  const distinct = new Set(features.map(({ name }) => name)).size === features.length
  return distinct ? features : named((tensor, column) => `${tensor}[${column}]`)
}

interface Guess {
  readonly task: Signature["task"]
  readonly label: string | undefined
  readonly probability: string | undefined
}

const OTHER: Guess = { task: "other", label: undefined, probability: undefined }

/** One value a row: [N] or [N, 1]. */
const isColumn = ({ shape }: TensorSpec): boolean =>
  shape.length === 1 || (shape.length === 2 && shape[1] === 1)

const guessTask = (graph: OnnxGraph): Guess => {
  const labels = graph.outputs.filter(
    (output) => isColumn(output) && !isFloat(output.datatype) && output.datatype !== "BOOL",
  )
  const probabilities = graph.outputs.filter(
    (output) => isFloat(output.datatype) && output.shape.length === 2 && output.shape[1] !== 1,
  )
  const label = labels.find(({ name }) => /label|class|predict/i.test(name))
  const probability =
    probabilities.find(({ name }) => /prob|score/i.test(name)) ??
    (probabilities.length === 1 ? probabilities[0] : undefined)
  if (label !== undefined && probability !== undefined)
    return { task: "classification", label: label.name, probability: probability.name }
  const only = graph.outputs[0]
  if (only === undefined || graph.outputs.length > 1 || graph.unranked.has(only.name)) return OTHER
  if (!isFloat(only.datatype) || !isColumn(only)) return OTHER
  return { task: "regression", label: only.name, probability: undefined }
}

/** Keys in code-unit order at every depth, undefined left out: equal values give equal text. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, part]) => [key, canonical(part)]))
}

/** SHA-256, hexadecimal, of the signature's canonical JSON. */
export const signatureDigest = (signature: Signature): string =>
  createHash("sha256")
    .update(JSON.stringify(canonical(signature)))
    .digest("hex")
