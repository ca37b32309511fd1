// Whether a request suits a model: the one checker for HTTP, for what producers publish directly,
// and for predictors. It never changes a request and never looks at ranges or categories, which
// only describe what was seen in training.
import { type InferenceRequest, TENSORS_MAX } from "#proto/request"
import type { ServingConfig } from "#proto/serving-config"
import type { Signature, TensorSpec } from "#proto/signature"
import { ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import { BadRequest, listed, shown } from "./bad-request.ts"
import { checkValues, type ColumnRule } from "./check-values.ts"

/**
 * Most elements of one request, all inputs together: 128 MiB of FP64, far above what a message can
 * carry.
 */
export const ELEMENTS_MAX = 16_777_216

interface InputPlan {
  readonly spec: TensorSpec
  readonly columns: ReadonlyArray<ColumnRule | undefined>
}

interface Plan {
  readonly inputs: ReadonlyMap<string, InputPlan>
  readonly outputs: ReadonlySet<string>
}

const columnsOf = (signature: Signature, tensor: string): ReadonlyArray<ColumnRule | undefined> => {
  const columns: Array<ColumnRule | undefined> = []
  for (const feature of signature.features) {
    if (feature.tensor !== tensor) continue
    const { name, type } = feature
    columns[feature.column] = { name, type, missing: feature.missing === "nan" }
  }
  return columns
}

// A signature never changes, so what is worked out from it is kept for as long as it lives.
const plans = new WeakMap<Signature, Plan>()

const planOf = (signature: Signature): Plan => {
  const known = plans.get(signature)
  if (known !== undefined) return known
  const inputs = new Map<string, InputPlan>()
  for (const spec of signature.inputs) {
    inputs.set(spec.name, { spec, columns: columnsOf(signature, spec.name) })
  }
  const plan = { inputs, outputs: new Set(signature.outputs.map((output) => output.name)) }
  plans.set(signature, plan)
  return plan
}

const shapeText = (shape: ReadonlyArray<number>): string => `[${shape.join(",")}]`

/** Of input `index`; written only for a fault. */
const pathOf = (index: number): string => `inputs[${index}]`

const checkShape = (index: number, spec: TensorSpec, tensor: Tensor): BadRequest | undefined => {
  const { shape } = tensor
  const rank = spec.shape.length
  if (shape.length !== rank) {
    const expected = `${rank} dimension${rank === 1 ? "" : "s"} ${shapeText(spec.shape)}`
    return new BadRequest(`${pathOf(index)}.shape`, expected, shapeText(shape))
  }
  for (let axis = 0; axis < rank; axis++) {
    const wanted = spec.shape[axis] ?? -1
    const given = shape[axis] ?? 0
    if (wanted >= 0 ? given !== wanted : given < 1) {
      const expected = wanted >= 0 ? `${wanted}` : "at least 1"
      return new BadRequest(`${pathOf(index)}.shape[${axis}]`, expected, `${given}`)
    }
  }
  return undefined
}

const checkLength = (index: number, tensor: Tensor, count: number): BadRequest | undefined => {
  if (tensor.datatype === "BYTES") return undefined
  const bytes = count * ELEMENT_BYTES[tensor.datatype]
  if (tensor.data.byteLength === bytes) return undefined
  const expected = `${bytes} bytes for ${tensor.datatype} ${shapeText(tensor.shape)}`
  return new BadRequest(`${pathOf(index)}.data`, expected, `${tensor.data.byteLength}`)
}

const isRepeated = (inputs: ReadonlyArray<Tensor>, index: number): boolean => {
  const name = inputs[index]?.name
  for (let before = 0; before < index; before++) if (inputs[before]?.name === name) return true
  return false
}

const absentNames = (plan: Plan, inputs: ReadonlyArray<Tensor>): BadRequest => {
  const given = inputs.map((input) => input.name)
  const absent = [...plan.inputs.keys()].filter((name) => !given.includes(name))
  const got = given.length === 0 ? "none" : `only ${listed(given)}`
  return new BadRequest("inputs", `also ${listed(absent)}`, got)
}

const checkNames = (plan: Plan, request: InferenceRequest): BadRequest | undefined => {
  const { inputs } = request
  for (let index = 0; index < inputs.length; index++) {
    const name = inputs[index]?.name ?? ""
    if (plan.inputs.has(name) && !isRepeated(inputs, index)) continue
    const path = `${pathOf(index)}.name`
    return plan.inputs.has(name)
      ? new BadRequest(path, "each name once", `${shown(name)} again`)
      : new BadRequest(path, `one of ${listed([...plan.inputs.keys()])}`, shown(name))
  }
  // All of them are the model's, and none comes twice.
  return inputs.length === plan.inputs.size ? undefined : absentNames(plan, inputs)
}

const checkOutputs = (
  plan: Plan,
  requested: ReadonlyArray<string> | undefined,
): BadRequest | undefined => {
  if (requested === undefined) return undefined
  const seen = new Set<string>()
  for (const [index, name] of requested.entries()) {
    const path = `outputs[${index}].name`
    if (!plan.outputs.has(name)) {
      return new BadRequest(path, `one of ${listed([...plan.outputs])}`, shown(name))
    }
    if (seen.has(name)) return new BadRequest(path, "each name once", `${shown(name)} again`)
    seen.add(name)
  }
  return undefined
}

const checkTensor = (
  { spec, columns }: InputPlan,
  tensor: Tensor,
  index: number,
  count: number,
): BadRequest | undefined => {
  if (tensor.datatype !== spec.datatype) {
    return new BadRequest(`${pathOf(index)}.datatype`, spec.datatype, shown(tensor.datatype))
  }
  const fault = checkShape(index, spec, tensor) ?? checkLength(index, tensor, count)
  if (fault !== undefined) return fault
  const wrong = checkValues(tensor, count, columns)
  if (wrong === undefined) return undefined
  const name = wrong.column === undefined ? "" : ` (${wrong.column})`
  return new BadRequest(`${pathOf(index)}.data[${wrong.index}]${name}`, wrong.expected, wrong.got)
}

const checkTensors = (
  signature: Signature,
  plan: Plan,
  inputs: ReadonlyArray<Tensor>,
): BadRequest | undefined => {
  let elements = 0
  let rows: number | undefined
  for (let index = 0; index < inputs.length; index++) {
    const tensor = inputs[index]
    const input = tensor && plan.inputs.get(tensor.name)
    if (tensor === undefined || input === undefined) continue
    const count = elementCount(tensor.shape)
    elements += count
    if (elements > ELEMENTS_MAX) {
      const expected = `at most ${ELEMENTS_MAX} elements in all inputs`
      return new BadRequest(`${pathOf(index)}.shape`, expected, shapeText(tensor.shape))
    }
    const fault = checkTensor(input, tensor, index, count)
    if (fault !== undefined) return fault
    if (!signature.batching) continue
    rows ??= tensor.shape[0]
    if (rows !== tensor.shape[0]) {
      const expected = `${rows} rows as in the inputs before`
      return new BadRequest(`${pathOf(index)}.shape[0]`, expected, `${tensor.shape[0]}`)
    }
  }
  return undefined
}

/** Rows of a batch are counted only where the model takes batches. */
const checkRows = (
  { batching }: Signature,
  { inputs }: InferenceRequest,
  config: ServingConfig | undefined,
): BadRequest | undefined => {
  const maxBatchSize = config?.maxBatchSize ?? 0
  const rows = inputs[0]?.shape[0] ?? 0
  if (!batching || maxBatchSize === 0 || rows <= maxBatchSize) return undefined
  return new BadRequest("inputs", `at most ${maxBatchSize} rows (max_batch_size)`, `${rows}`)
}

/**
 * The first thing that keeps `request` from being run by a model of this signature: names,
 * datatypes, ranks, fixed and empty dimensions, rows that disagree, lengths of data, NaN where none
 * is allowed, infinities, values that a feature's type excludes, BOOL bytes other than 0 and 1,
 * texts that are not UTF-8, outputs that do not exist; and more rows than it is configured to take.
 */
export const checkRequest = (
  signature: Signature,
  request: InferenceRequest,
  config?: ServingConfig,
): BadRequest | undefined => {
  if (request.inputs.length > TENSORS_MAX) {
    return new BadRequest("inputs", `at most ${TENSORS_MAX} tensors`, `${request.inputs.length}`)
  }
  const plan = planOf(signature)
  return (
    checkNames(plan, request) ??
    checkOutputs(plan, request.outputs) ??
    checkTensors(signature, plan, request.inputs) ??
    checkRows(signature, request, config)
  )
}
