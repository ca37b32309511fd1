// The rows of `/predict` as tensors: the short form of a request for people who think in features.
// A model whose inputs are not made of features has no rows; it is asked with tensors.
import type { InferenceRequest } from "#proto/request"
import type { Feature, Signature, TensorSpec } from "#proto/signature"
import type { Datatype, Tensor } from "#proto/tensor"
import { BadRequest, listed, shown } from "./bad-request.ts"
import { exactInteger, isUnderflown, mayUnderflow } from "./integer-scan.ts"
import * as Body from "./json-body.ts"
import { type ElementStore, elementStore, expectedElement } from "./json-elements.ts"
import { ELEMENTS_MAX } from "./check.ts"

interface Column {
  readonly feature: Feature
  readonly tensor: number
  readonly datatype: Datatype
  /** Only true and false, or 0 and 1, whatever the datatype could hold. */
  readonly boolean: boolean
  readonly integer: boolean
}

interface RowPlan {
  readonly columns: ReadonlyArray<Column>
  readonly names: ReadonlySet<string>
  readonly inputs: ReadonlyArray<{ readonly spec: TensorSpec; readonly width: number }>
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

const expectedValue = (column: Column, value: unknown): string => {
  const missing = column.datatype.startsWith("FP") && column.feature.missing === "nan"
  const kind = column.boolean
    ? "true or false"
    : column.integer && !Number.isInteger(value)
      ? "an integer"
      : expectedElement(column.datatype, value)
  return missing ? `${kind} or null` : kind
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
  return { columns, inputs, names: new Set(columns.map((column) => column.feature.name)) }
}

// A signature never changes, so what is worked out from it is kept for as long as it lives.
const plans = new WeakMap<Signature, { readonly plan: RowPlan | undefined }>()

const planOf = (signature: Signature): RowPlan | undefined => {
  const known = plans.get(signature)
  if (known !== undefined) return known.plan
  const plan = makePlan(signature)
  plans.set(signature, { plan })
  return plan
}

/** Whether the model can be asked with rows: every column of every input is a feature. */
export const takesRows = (signature: Signature): boolean => planOf(signature) !== undefined

/** Where the rows stand in the body, and whether a row of one value may be that value alone. */
export interface RowsMember {
  readonly member: string
  readonly scalars: boolean
}
const PREDICT: RowsMember = { member: "data", scalars: false }

const inWords = (column: Column, index: number, row: string, named: boolean): string => {
  const { name } = column.feature
  return named ? `${row}.${name}` : `${row}[${index}] (${name})`
}

/** The value as the tensor takes it; undefined when the feature does not allow it. */
const elementOf = (column: Column, value: unknown): unknown => {
  if (value === null || value === undefined) {
    return column.feature.missing === "nan" ? null : undefined
  }
  if (column.boolean) {
    if (typeof value === "boolean") return value ? 1 : 0
    return value === 0 || value === 1 ? value : undefined
  }
  if (column.integer && !Number.isInteger(value)) return undefined
  return value
}

const writeWide = (store: ElementStore, value: bigint, at: number): boolean => {
  const wide = store.wide
  if (wide === undefined) return false
  wide.into[at] = value
  return wide.into[at] === value
}

const writeCell = (column: Column, store: ElementStore, value: unknown, at: number): boolean => {
  const isWide = store.wide !== undefined
  const given = typeof value === "bigint" && !isWide ? Number(value) : value
  const element = elementOf(column, given)
  if (typeof element === "bigint") return writeWide(store, element, at)
  return element !== undefined && store.fill([element], at) === -1
}

interface Filling {
  readonly from: RowsMember
  readonly plan: RowPlan
  readonly stores: ReadonlyArray<ElementStore>
  readonly rows: ReadonlyArray<unknown>
  /**
   * Set once the rows hold bigints: a rounded number in a wide tensor is then one that has no exact
   * value.
   */
  readonly exact: boolean
}

const rowFault = ({ from, plan }: Filling, row: number, given: unknown): BadRequest | undefined => {
  const field = `${from.member}[${row}]`
  const { length } = plan.columns
  if (Array.isArray(given)) {
    if (given.length === length) return undefined
    const features = listed([...plan.names])
    return new BadRequest(field, `${length} values (${features})`, `${given.length}`)
  }
  if (!Body.isObject(given)) {
    const expected = "a row: an array or an object, also when it is the only one"
    return new BadRequest(field, expected, shown(given))
  }
  const unknown = Object.keys(given).find((name) => !plan.names.has(name))
  if (unknown === undefined) return undefined
  const expected = `only features (${listed([...plan.names])})`
  return new BadRequest(field, expected, shown(unknown))
}

const isRounded = (value: unknown): boolean =>
  typeof value === "number" && !Number.isSafeInteger(value)

const fillRow = (filling: Filling, row: number): BadRequest | undefined => {
  const held = filling.rows[row]
  const isScalar = filling.from.scalars && (typeof held !== "object" || held === null)
  const given = isScalar && filling.plan.columns.length === 1 ? [held] : held
  const fault = rowFault(filling, row, given)
  if (fault !== undefined) return fault
  const { columns, inputs } = filling.plan
  const values: ReadonlyArray<unknown> | undefined = Array.isArray(given) ? given : undefined
  const members = Body.isObject(given) ? given : undefined
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index]
    const store = column && filling.stores[column.tensor]
    if (column === undefined || store === undefined) continue
    const { name } = column.feature
    const isNamed = members !== undefined && Object.hasOwn(members, name)
    const value = values ? values[index] : isNamed ? members[name] : undefined
    const width = inputs[column.tensor]?.width ?? 1
    const inexact = filling.exact && store.wide !== undefined && isRounded(value)
    const at = row * width + column.feature.column
    if (!inexact && writeCell(column, store, value, at)) continue
    const field = inWords(column, index, `${filling.from.member}[${row}]`, values === undefined)
    return new BadRequest(field, expectedValue(column, value), shown(value))
  }
  return undefined
}

/**
 * The same body again with whole numbers beyond 2^53 as bigints, and with what JSON.parse made 0
 * as the least number that is none: ten times slower, and only for such bodies.
 */
const exactRows = (text: string, member: string): ReadonlyArray<unknown> | BadRequest => {
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }) =>
    value === 0 && isUnderflown(context?.source ?? "")
      ? Number.MIN_VALUE
      : typeof value === "number" && !Number.isSafeInteger(value) && Number.isInteger(value)
        ? (exactInteger(context?.source ?? "") ?? value)
        : value
  try {
    const body: unknown = JSON.parse(text, revive)
    const rows: unknown = Body.isObject(body) ? body[member] : undefined
    return Array.isArray(rows) ? rows : []
  } catch {
    return new BadRequest("body", "JSON", "text that is nested too deeply")
  }
}

const fillRows = (
  from: RowsMember,
  plan: RowPlan,
  rows: ReadonlyArray<unknown>,
  exact: boolean,
): ReadonlyArray<ElementStore> | BadRequest => {
  const stores = plan.inputs.map(({ spec, width }) =>
    elementStore(spec.datatype, rows.length * width),
  )
  const filling = { from, plan, stores, rows, exact }
  for (let row = 0; row < rows.length; row++) {
    const fault = fillRow(filling, row)
    if (fault !== undefined) return fault
  }
  return stores
}

const readRows = (
  text: string,
  from: RowsMember,
  plan: RowPlan,
  body: Body.JsonObject,
): ReadonlyArray<Tensor> | BadRequest => {
  const { member } = from
  const given = body[member]
  if (!Array.isArray(given)) return new BadRequest(member, "an array of rows", shown(given))
  const rows: ReadonlyArray<unknown> = given
  const most = Math.floor(ELEMENTS_MAX / plan.columns.length)
  if (rows.length === 0) return new BadRequest(member, "at least one row", "none")
  if (rows.length > most) return new BadRequest(member, `at most ${most} rows`, `${rows.length}`)
  const fixed = plan.inputs.find(({ spec }) => (spec.shape[0] ?? -1) >= 0)?.spec.shape[0]
  if (fixed !== undefined && fixed !== rows.length) {
    const expected = `${fixed} row${fixed === 1 ? "" : "s"}, as the model takes`
    return new BadRequest(member, expected, `${rows.length}`)
  }
  let stores = fillRows(from, plan, rows, false)
  if (
    !(stores instanceof BadRequest) &&
    (mayUnderflow(text) || stores.some((store) => store.wide?.rounded()))
  ) {
    const exact = exactRows(text, member)
    stores = exact instanceof BadRequest ? exact : fillRows(from, plan, exact, true)
  }
  if (stores instanceof BadRequest) return stores
  const filled = stores
  return plan.inputs.map(({ spec, width }, index) => ({
    name: spec.name,
    datatype: spec.datatype,
    shape: spec.shape.length === 1 ? [rows.length] : [rows.length, width],
    data: filled[index]?.finish() ?? new Uint8Array(),
  }))
}

const keysOf = (body: Body.JsonObject, member: string): number => {
  let keys = Body.keyCount(body) + Body.keyCount(body["parameters"])
  const given = body[member]
  const rows: ReadonlyArray<unknown> = Array.isArray(given) ? given : []
  for (const row of rows) keys += Body.keyCount(row)
  return keys
}

/**
 * Reads `{"data": [[…], …], "id"?, "parameters"?}`: each row an array of the features in the
 * signature's order, or an object by their names. Whole numbers of 64 bits keep all their digits;
 * null, or a name left out, is NaN where the feature allows missing values. Unknown fields of the
 * body are ignored, unknown features refused. `from` says where other bodies have their rows.
 */
export const parsePredictRequest = (
  signature: Signature,
  text: string,
  from: RowsMember = PREDICT,
): InferenceRequest | BadRequest => {
  const plan = planOf(signature)
  if (plan === undefined) {
    const expected = "tensors, as not every input of this model is made of features"
    return new BadRequest(from.member, expected, "rows", "unsupported")
  }
  const body = Body.parseBody(text)
  if (body instanceof BadRequest) return body
  const repeated = Body.refuseRepeatedKeys(text, keysOf(body, from.member))
  if (repeated !== undefined) return repeated
  const clientId = Body.readClientId(body)
  if (clientId instanceof BadRequest) return clientId
  const parameters = Body.readParameters(body, "")
  if (parameters instanceof BadRequest) return parameters
  const inputs = readRows(text, from, plan, body)
  if (inputs instanceof BadRequest) return inputs
  return {
    inputs,
    ...(clientId === undefined ? {} : { clientId }),
    ...(parameters === undefined ? {} : { parameters }),
  }
}
