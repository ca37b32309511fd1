// The values inside a tensor whose length is known to be right. Clean floats cost one pass without
// a branch for each element; only a tensor with something odd in it is gone through column by
// column.
import type { Feature } from "#proto/signature"
import { ELEMENT_BYTES, type Tensor } from "#proto/tensor"
import { checkTexts } from "./string-elements.ts"
import { type FloatView, isFloat, type NumberView, viewOf, type WideView } from "./typed-views.ts"

/** What a feature's description says about the values of its column. */
export interface ColumnRule {
  readonly name: string
  readonly type: Feature["type"]
  /** Whether NaN stands for a missing value. */
  readonly missing: boolean
}

export interface ValueFault {
  readonly index: number
  readonly column?: string
  readonly expected: string
  readonly got: string
}

/** Longest data that is copied to where it can be read again and again without new memory. */
const SCRATCH_BYTES = 1 << 20
let scratch: Uint8Array | undefined

/** The same bytes where numbers can be read from them, until this is called again. */
const alignedForNow = (data: Uint8Array, elementBytes: number): Uint8Array => {
  const { byteLength } = data
  if (data.byteOffset % elementBytes === 0 || byteLength > SCRATCH_BYTES) return data
  scratch ??= new Uint8Array(SCRATCH_BYTES)
  scratch.set(data)
  return scratch.subarray(0, byteLength)
}

type Columns = ReadonlyArray<ColumnRule | undefined>

const isClean = (values: FloatView): boolean => {
  let sum = 0
  // x − x is 0 for every finite number and NaN for all others.
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0
    sum += value - value
  }
  return sum === 0
}

/** How many values in a row of the tensor have a column of their own. */
const rowSize = (shape: ReadonlyArray<number>, columns: Columns): number => {
  if (shape.length === 1) return columns.length > 1 ? (shape[0] ?? 1) : 1
  let size = 1
  for (let index = 1; index < shape.length; index++) size *= shape[index] ?? 1
  return size
}

const EXPECTED = {
  number: "a finite number",
  string: "a finite number",
  integer: "an integer",
  boolean: "0 or 1",
} as const

const fits = (value: number, rule: ColumnRule | undefined): boolean => {
  if (Number.isNaN(value)) return rule?.missing ?? false
  if (rule?.type === "integer") return Number.isInteger(value)
  if (rule?.type === "boolean") return value === 0 || value === 1
  return Number.isFinite(value)
}

const faultOf = (index: number, value: number, rule: ColumnRule | undefined): ValueFault => {
  const missing = rule?.missing === true ? " or NaN" : ""
  const expected = EXPECTED[rule?.type ?? "number"] + missing
  return { index, expected, got: `${value}`, ...(rule && { column: rule.name }) }
}

const checkByColumn = (
  values: NumberView | WideView,
  shape: ReadonlyArray<number>,
  columns: Columns,
): ValueFault | undefined => {
  const size = rowSize(shape, columns)
  let column = 0
  for (let index = 0; index < values.length; index++) {
    const value = Number(values[index])
    const rule = columns[column]
    if (!fits(value, rule)) return faultOf(index, value, rule)
    column++
    if (column === size) column = 0
  }
  return undefined
}

const checkBooleans = (data: Uint8Array): ValueFault | undefined => {
  for (let index = 0; index < data.length; index++) {
    const byte = data[index] ?? 0
    if (byte > 1) return { index, expected: "0 or 1", got: `${byte}` }
  }
  return undefined
}

/**
 * The first value of `tensor` that its datatype or its column does not allow. NaN needs a column
 * that allows missing values; infinities are never allowed.
 */
export const checkValues = (
  tensor: Tensor,
  count: number,
  columns: Columns,
): ValueFault | undefined => {
  const { datatype, data } = tensor
  if (datatype === "BYTES") {
    const fault = checkTexts(data, count)
    const rule = fault && columns[fault.index % rowSize(tensor.shape, columns)]
    return fault && rule ? { ...fault, column: rule.name } : fault
  }
  if (datatype === "BOOL") return checkBooleans(data)
  const values = viewOf({ ...tensor, data: alignedForNow(data, ELEMENT_BYTES[datatype]) }, count)
  const float = isFloat(values)
  const narrow = columns.some(
    (rule) => rule?.type === "boolean" || (float && rule?.type === "integer"),
  )
  if (!narrow && (!float || isClean(values))) return undefined
  return checkByColumn(values, tensor.shape, columns)
}
