// The rows of `/predict` as tensors: the short form of a request for people who think in features.
// A model whose inputs are not made of features has no rows; it is asked with tensors.
import type { InferenceRequest } from "#proto/request"
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { BadRequest, listed, shown } from "./bad-request.ts"
import { exactInteger, isUnderflown, mayUnderflow } from "./integer-scan.ts"
import * as Body from "./json-body.ts"
import { type ElementStore, elementStore } from "./element-store.ts"
import { expectedElement } from "./json-elements.ts"
import { ELEMENTS_MAX } from "./check.ts"
import { type Column, planOf, type RowPlan } from "./feature-rows.ts"

const expectedValue = (column: Column, value: unknown): string => {
  const missing = column.datatype.startsWith("FP") && column.feature.missing === "nan"
  const kind = column.boolean
    ? "true or false"
    : column.integer && !Number.isInteger(value)
      ? "an integer"
      : expectedElement(column.datatype, value)
  return missing ? `${kind} or null` : kind
}

/** Where the rows stand in the body, and whether a row of one value may be that value alone. */
export interface RowsMember {
  readonly member: string
  readonly scalars: boolean
}
const PREDICT: RowsMember = { member: "data", scalars: false }

const rowPath = (from: RowsMember, row: number): string => `${from.member}[${row}]`

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
  const into = wide.exact()
  into[at] = value
  return into[at] === value
}

const writeCell = (column: Column, store: ElementStore, value: unknown, at: number): boolean => {
  const isWide = store.wide !== undefined
  const given = typeof value === "bigint" && !isWide ? Number(value) : value
  const element = elementOf(column, given)
  if (typeof element === "bigint") return writeWide(store, element, at)
  return element !== undefined && store.put(element, at)
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

const unknownName = (row: Body.JsonObject, names: ReadonlySet<string>): string | undefined => {
  for (const name in row) if (!names.has(name)) return name
  return undefined
}

const rowFault = ({ from, plan }: Filling, row: number, given: unknown): BadRequest | undefined => {
  const { length } = plan.columns
  if (Array.isArray(given)) {
    if (given.length === length) return undefined
    const expected = `${length} values (${listed([...plan.names])})`
    return new BadRequest(rowPath(from, row), expected, `${given.length}`)
  }
  if (!Body.isObject(given)) {
    const expected = "a row: an array or an object, also when it is the only one"
    return new BadRequest(rowPath(from, row), expected, shown(given))
  }
  const unknown = unknownName(given, plan.names)
  if (unknown === undefined) return undefined
  const expected = `only features (${listed([...plan.names])})`
  return new BadRequest(rowPath(from, row), expected, shown(unknown))
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
    const field = inWords(column, index, rowPath(filling.from, row), values === undefined)
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
  const stores: Array<ElementStore> = []
  for (const { spec, width } of plan.inputs)
    stores.push(elementStore(spec.datatype, rows.length * width))
  const filling = { from, plan, stores, rows, exact }
  for (let row = 0; row < rows.length; row++) {
    const fault = fillRow(filling, row)
    if (fault !== undefined) return fault
  }
  return stores
}

const areRounded = (stores: ReadonlyArray<ElementStore>): boolean => {
  for (const store of stores) if (store.wide?.rounded === true) return true
  return false
}

const tensorsOf = (
  { inputs }: RowPlan,
  stores: ReadonlyArray<ElementStore>,
  rows: number,
): ReadonlyArray<Tensor> => {
  const tensors: Array<Tensor> = []
  for (let index = 0; index < inputs.length; index++) {
    const input = inputs[index]
    const store = stores[index]
    if (input === undefined || store === undefined) continue
    const { name, datatype, shape } = input.spec
    const rowsOf = shape.length === 1 ? [rows] : [rows, input.width]
    tensors.push({ name, datatype, shape: rowsOf, data: store.finish() })
  }
  return tensors
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
  if (plan.rows !== undefined && plan.rows !== rows.length) {
    const expected = `${plan.rows} row${plan.rows === 1 ? "" : "s"}, as the model takes`
    return new BadRequest(member, expected, `${rows.length}`)
  }
  let stores = fillRows(from, plan, rows, false)
  if (!(stores instanceof BadRequest) && (mayUnderflow(text) || areRounded(stores))) {
    const exact = exactRows(text, member)
    stores = exact instanceof BadRequest ? exact : fillRows(from, plan, exact, true)
  }
  return stores instanceof BadRequest ? stores : tensorsOf(plan, stores, rows.length)
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
  return Body.requestOf(inputs, undefined, clientId, parameters)
}
