// Checks a declared signature against the model's graph. Each refusal names the field, what was
// expected and what is there; nothing is repaired.
import type { DeclaredSignature, Feature, TensorSpec } from "#proto/signature"
import type { Datatype } from "#proto/tensor"
import { refuse } from "./model-refused.ts"
import type { OnnxGraph } from "./onnx-graph.ts"

const names = (specs: ReadonlyArray<{ readonly name: string }>): string =>
  specs.map(({ name }) => name).join(", ")

const isFloat = (datatype: Datatype): boolean => datatype.startsWith("FP")

/** Throws ModelRefused naming the first field of the declaration that the graph contradicts. */
export const checkDeclared = (declared: DeclaredSignature, graph: OnnxGraph): void => {
  if (declared.features !== undefined) checkFeatures(declared.features, graph.inputs)
  checkOutputs(declared, graph)
  checkClasses(declared, graph)
  if (declared.batching === true) checkBatching(graph)
}

const checkFeatures = (
  features: ReadonlyArray<Feature>,
  inputs: ReadonlyArray<TensorSpec>,
): void => {
  const seen = new Set<string>()
  const covered = new Map(inputs.map(({ name }) => [name, new Set<number>()]))
  features.forEach((feature, index) => {
    const field = `features[${index}] (${feature.name})`
    const input = inputs.find(({ name }) => name === feature.tensor)
    const columns = covered.get(feature.tensor)
    if (input === undefined || columns === undefined)
      return refuse(
        `${field}.tensor: the model has no input ${feature.tensor}; it has ${names(inputs)}`,
      )
    if (seen.has(feature.name)) return refuse(`${field}.name: two features have this name`)
    seen.add(feature.name)
    if (columns.has(feature.column))
      return refuse(`${field}.column: column ${feature.column} of ${input.name} is given twice`)
    columns.add(feature.column)
    checkColumn(field, feature, input)
    checkValues(field, feature, input)
  })
  for (const input of inputs) checkCovered(input, covered.get(input.name)?.size ?? 0)
}

const columnCount = ({ shape }: TensorSpec): number => (shape.length === 2 ? (shape[1] ?? 0) : 1)

const checkColumn = (field: string, feature: Feature, input: TensorSpec): void => {
  if (input.shape.length > 2)
    return refuse(
      `${field}.tensor: ${input.name} has ${input.shape.length} dimensions; a column needs 1 or 2`,
    )
  const columns = columnCount(input)
  if (columns !== -1 && feature.column >= columns)
    return refuse(
      `${field}.column: ${feature.column} is out of range; ${input.name} has ${columns} column(s)`,
    )
}

const TYPES_OF = (datatype: Datatype): ReadonlyArray<Feature["type"]> => {
  if (datatype === "BYTES") return ["string"]
  if (datatype === "BOOL") return ["boolean"]
  // Trainers often put whole numbers and flags into a tensor of floats.
  return isFloat(datatype) ? ["number", "integer", "boolean"] : ["integer", "boolean"]
}

const checkValues = (field: string, feature: Feature, input: TensorSpec): void => {
  const types = TYPES_OF(input.datatype)
  if (!types.includes(feature.type))
    return refuse(
      `${field}.type: ${feature.type} does not fit ${input.datatype}; ` +
        `expected ${types.join(" or ")}`,
    )
  if (feature.missing === "nan" && !isFloat(input.datatype))
    return refuse(`${field}.missing: ${input.datatype} has no NaN; expected refuse`)
  const [low, high] = feature.range ?? [0, 0]
  if (low > high) return refuse(`${field}.range: ${low} is above ${high}`)
  const kind = feature.type === "integer" ? "number" : feature.type
  const odd = feature.categories?.find((category) => typeof category !== kind)
  if (odd !== undefined)
    return refuse(`${field}.categories: ${JSON.stringify(odd)} is no ${feature.type}`)
}

/** A row of `/predict` fills every input, so the features must name every column of every table. */
const checkCovered = (input: TensorSpec, covered: number): void => {
  if (input.shape.length > 2) return
  const columns = columnCount(input)
  if (columns === -1 ? covered === 0 : covered < columns)
    return refuse(
      `features: ${covered} of ${columns === -1 ? "the" : columns} column(s) of ${input.name} ` +
        "are named; expected all",
    )
}

const checkOutputs = (declared: DeclaredSignature, graph: OnnxGraph): void => {
  for (const role of ["label", "probability"] as const) {
    const name = declared[role]
    if (name === undefined) continue
    const output = graph.outputs.find((candidate) => candidate.name === name)
    if (output === undefined)
      return refuse(`${role}: the model has no output ${name}; it has ${names(graph.outputs)}`)
    if (role === "probability" && !isFloat(output.datatype))
      return refuse(`probability: ${name} is ${output.datatype}; expected FP16, FP32 or FP64`)
  }
  if (declared.label !== undefined && declared.label === declared.probability)
    return refuse(`probability: ${declared.label} is already the label`)
}

const checkClasses = (declared: DeclaredSignature, graph: OnnxGraph): void => {
  const { classes, positiveClass } = declared
  if (classes !== undefined) {
    if (classes.length < 2) return refuse(`classes: expected at least 2, got ${classes.length}`)
    if (new Set(classes).size < classes.length) return refuse("classes: one is listed twice")
    const output = graph.outputs.find(({ name }) => name === declared.probability)
    const columns = output?.shape.length === 2 ? (output.shape[1] ?? -1) : -1
    // One column is the probability of the positive class.
    if (columns > 1 && columns !== classes.length)
      return refuse(
        `classes: ${classes.length} are listed, but ${declared.probability} has ${columns} columns`,
      )
  }
  const known = classes ?? graph.classes
  if (positiveClass !== undefined && known !== undefined && !known.includes(positiveClass))
    return refuse(
      `positiveClass: ${JSON.stringify(positiveClass)} is none of the classes ` +
        JSON.stringify(known),
    )
}

const checkBatching = (graph: OnnxGraph): void => {
  for (const spec of [...graph.inputs, ...graph.outputs]) {
    if (spec.shape[0] !== -1 && !graph.unranked.has(spec.name))
      return refuse(`batching: the first dimension of ${spec.name} does not vary`)
  }
}
