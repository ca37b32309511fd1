// From a fact to the rows that are tested, by the signature of the version that answered: each
// feature, the label, the probability of the positive class and the confidence. A fact without an
// output gives no rows.
import {
  isFloat,
  viewForNow,
  type FloatView,
  type NumberView,
  type WideView,
} from "#core/inference/typed-views"
import { decodeTexts } from "#core/inference/string-elements"
import type { Prediction } from "#proto/prediction"
import type { Feature, Signature, TensorSpec } from "#proto/signature"
import { ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import { setNumber, setText, type ColumnName, type TableBuilder } from "./table.ts"

export const LABEL = "output.label"
export const PROBABILITY = "output.probability"
export const CONFIDENCE = "output.confidence"
/** The column of an output that is neither label nor probability. */
export const outputName = (output: string): string => `output.${output}`

/** Which features are numbers and which categories, where the signature's guess is overruled. */
export type Kinds = Readonly<Record<string, "numeric" | "categorical">>

/** What is read of a row of a tensor: one element, or the largest of them. */
interface Plan {
  readonly column: ColumnName
  readonly tensor: string
  readonly of: "inputs" | "outputs"
  readonly element: number | "largest"
}

const kindOf = (feature: Feature, kinds: Kinds): ColumnName["kind"] => {
  const asked = kinds[feature.name]
  if (feature.type === "string") return "categorical"
  if (asked !== undefined) return asked
  return feature.type === "boolean" || feature.categories !== undefined ? "categorical" : "numeric"
}

/** What is read of the features. */
export const inputPlans = (signature: Signature, kinds: Kinds): ReadonlyArray<Plan> =>
  signature.features.map((feature) => ({
    column: { name: feature.name, source: "input", kind: kindOf(feature, kinds) },
    tensor: feature.tensor,
    of: "inputs",
    element: feature.column,
  }))

const output = (name: string, kind: ColumnName["kind"], tensor: string, element: Plan["element"]) =>
  ({ column: { name, source: "output", kind }, tensor, of: "outputs", element }) satisfies Plan

const probabilityPlans = (signature: Signature, kinds: Kinds): ReadonlyArray<Plan> => {
  const spec = signature.outputs.find(({ name }) => name === signature.probability)
  if (spec === undefined) return []
  const width = spec.shape[1] ?? 1
  const known = signature.classes?.findIndex((one) => one === signature.positiveClass) ?? -1
  const positive = known >= 0 ? known : width === 2 ? 1 : 0
  const binary = known >= 0 || width <= 2
  const numeric = (name: string) => kinds[name] ?? "numeric"
  return [
    ...(binary
      ? [output(PROBABILITY, numeric(PROBABILITY), spec.name, Math.min(positive, width - 1))]
      : []),
    ...(width === 1 ? [] : [output(CONFIDENCE, numeric(CONFIDENCE), spec.name, "largest")]),
  ]
}

const isPlain = ({ shape }: TensorSpec): boolean =>
  shape.length === 1 || (shape.length === 2 && shape[1] === 1)

const outputPlans = (signature: Signature, kinds: Kinds): ReadonlyArray<Plan> => {
  const { label, probability, task } = signature
  const others = signature.outputs.filter(
    (spec) => spec.name !== probability && spec.name !== label && isPlain(spec),
  )
  const labelled = signature.outputs.find((spec) => spec.name === label)
  const labelKind = task === "regression" ? "numeric" : "categorical"
  const byType = (spec: TensorSpec) =>
    spec.datatype === "BYTES" || spec.datatype === "BOOL" ? "categorical" : "numeric"
  return [
    ...(labelled === undefined ? [] : [output(LABEL, kinds[LABEL] ?? labelKind, labelled.name, 0)]),
    ...probabilityPlans(signature, kinds),
    ...others.map((spec) => {
      const name = outputName(spec.name)
      return output(name, kinds[name] ?? byType(spec), spec.name, 0)
    }),
  ]
}

/** What is tested of a model, in the order of its features. */
export const columnPlans = (signature: Signature, kinds: Kinds = {}): ReadonlyArray<Plan> => [
  ...inputPlans(signature, kinds),
  ...outputPlans(signature, kinds),
]
export type { Plan as ColumnPlan }

/** Elements of a row of the tensor; 0 when it has no rows, or bytes that are not its shape's. */
const widthOf = (tensor: Tensor, rows: number): number => {
  const count = elementCount(tensor.shape)
  const bytes = ELEMENT_BYTES[tensor.datatype]
  if (tensor.shape[0] !== rows || tensor.shape.length > 2) return 0
  if (bytes > 0 && tensor.data.byteLength !== count * bytes) return 0
  return count / rows
}

/** The elements of a tensor, until those of another are read: numbers lie in memory used again. */
interface Elements {
  readonly tensor: Tensor
  readonly width: number
  readonly values: NumberView | WideView | ReadonlyArray<string>
}

const elementsOf = (tensor: Tensor, rows: number): Elements | undefined => {
  const width = widthOf(tensor, rows)
  if (width === 0) return undefined
  const { datatype, data } = tensor
  const count = rows * width
  const values = datatype === "BYTES" ? decodeTexts(data, count) : viewForNow(datatype, data, count)
  return { tensor, width, values }
}

const largest = (values: FloatView, from: number, to: number): number => {
  let most = -Infinity
  for (let at = from; at < to; at++) most = Math.max(most, values[at] ?? NaN)
  return most
}

const valueAt = (
  { width, values }: Elements,
  row: number,
  element: Plan["element"],
): number | string | undefined => {
  if (element === "largest" && ArrayBuffer.isView(values))
    return isFloat(values) ? largest(values, row * width, (row + 1) * width) : undefined
  const column = element === "largest" ? 0 : element
  const value = column < width ? values[row * width + column] : undefined
  return typeof value === "bigint" ? Number(value) : value
}

const textOf = (value: number | string, tensor: Tensor): string | undefined => {
  if (typeof value === "string") return value
  if (Number.isNaN(value)) return undefined
  return tensor.datatype === "BOOL" ? String(value !== 0) : String(value)
}

/** Rows of an answered fact; 0 for a failure, or for one that does not fit the signature. */
export const rowsOf = (fact: Prediction, plans: ReadonlyArray<Plan>): number => {
  const { request, outputs } = fact
  const [first] = plans
  if (request === undefined || outputs === undefined || first === undefined) return 0
  const tensors = first.of === "inputs" ? request.inputs : outputs
  return tensors.find(({ name }) => name === first.tensor)?.shape[0] ?? 0
}

const tensorOf = ({ request, outputs }: Prediction, { of, tensor }: Plan): Tensor | undefined => {
  const tensors = of === "inputs" ? request?.inputs : outputs
  return tensors?.find(({ name }) => name === tensor)
}

/** Adds the rows of a fact to a table, and answers how many there were. */
export const addRows = (
  fact: Prediction,
  plans: ReadonlyArray<Plan>,
  table: TableBuilder,
): number => {
  const rows = rowsOf(fact, plans)
  const places: Array<number> = []
  for (let row = 0; row < rows; row++) places.push(table.place())
  if (rows === 0) return 0
  let elements: Elements | undefined
  for (const plan of plans) {
    const growing = table.column(plan.column)
    // An output that the caller did not ask for has no value in this row.
    const tensor = tensorOf(fact, plan)
    if (tensor === undefined) continue
    // Most columns lie beside each other in one tensor.
    if (elements?.tensor !== tensor) elements = elementsOf(tensor, rows)
    if (elements === undefined) continue
    const numeric = plan.column.kind === "numeric"
    for (let row = 0; row < rows; row++) {
      const place = places[row] ?? -1
      const value = place < 0 ? undefined : valueAt(elements, row, plan.element)
      if (value === undefined) continue
      if (numeric) setNumber(growing, place, Number(value))
      else {
        const text = textOf(value, tensor)
        if (text !== undefined) setText(growing, place, text)
      }
    }
  }
  return rows
}
