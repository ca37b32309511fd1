// Where the values of a row stand in the tensors of a model whose inputs are made of features. It
// reads no request.
import type { Feature, Signature, TensorSpec } from "#proto/signature"
import type { Datatype } from "#proto/tensor"

export interface Column {
  readonly feature: Feature
  readonly tensor: number
  readonly datatype: Datatype
  /** Only true and false, or 0 and 1, whatever the datatype could hold. */
  readonly boolean: boolean
  readonly integer: boolean
}

export interface RowPlan {
  readonly columns: ReadonlyArray<Column>
  readonly names: ReadonlySet<string>
  readonly inputs: ReadonlyArray<{ readonly spec: TensorSpec; readonly width: number }>
  /** How many rows the model takes, where its inputs fix that. */
  readonly rows: number | undefined
}

/** Values in a row of the tensor; 0 when its shape is not rows of columns. */
const widthOf = (spec: TensorSpec, features: ReadonlyArray<Feature>): number => {
  const columns = new Set(features.map((feature) => feature.column))
  const width = columns.size
  const [, second = 1] = spec.shape
  if (spec.shape.length < 1 || spec.shape.length > 2 || width !== features.length) return 0
  if (width === 0 || features.some((feature) => feature.column >= width)) return 0
  return second === -1 || second === width ? width : 0
}

const isFloat = (spec: TensorSpec): boolean => spec.datatype.startsWith("FP")

const columnOf = (feature: Feature, tensor: number, spec: TensorSpec): Column => {
  const isNumber = spec.datatype !== "BYTES" && spec.datatype !== "BOOL"
  const boolean = isNumber && feature.type === "boolean"
  const integer = isFloat(spec) && feature.type === "integer"
  return { feature, tensor, datatype: spec.datatype, boolean, integer }
}

const makePlan = (signature: Signature): RowPlan | undefined => {
  const inputs = signature.inputs.map((spec) => {
    const features = signature.features.filter((feature) => feature.tensor === spec.name)
    return { spec, width: widthOf(spec, features) }
  })
  if (inputs.length === 0 || inputs.some((input) => input.width === 0)) return undefined
  const columns: Array<Column> = []
  for (const feature of signature.features) {
    const tensor = inputs.findIndex((input) => input.spec.name === feature.tensor)
    const spec = inputs[tensor]?.spec
    if (spec === undefined) return undefined
    columns.push(columnOf(feature, tensor, spec))
  }
  const names = new Set(columns.map((column) => column.feature.name))
  const rows = inputs.map(({ spec }) => spec.shape[0] ?? -1).find((first) => first >= 0)
  return { columns, inputs, names, rows }
}

// A signature never changes, so what is worked out from it is kept for as long as it lives.
const plans = new WeakMap<Signature, { readonly plan: RowPlan | undefined }>()

/** Undefined for a model that cannot be asked with rows. */
export const planOf = (signature: Signature): RowPlan | undefined => {
  const known = plans.get(signature)
  if (known !== undefined) return known.plan
  const plan = makePlan(signature)
  plans.set(signature, { plan })
  return plan
}

/** Whether the model can be asked with rows: every column of every input is a feature. */
export const takesRows = (signature: Signature): boolean => planOf(signature) !== undefined
