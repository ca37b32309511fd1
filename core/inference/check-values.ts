// The values inside a tensor whose length is known to be right. Clean floats cost one pass without
// a branch for each element; only a tensor with something odd in it is gone through column by
// column.
import type { Feature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { hasNulls } from "./element-store.ts"
import { checkTexts } from "./string-elements.ts"
import {
  type FloatView,
  isFloat,
  type NumberView,
  viewForNow,
  type WideView,
} from "./typed-views.ts"

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

type Columns = ReadonlyArray<ColumnRule | undefined>

const isClean = (values: FloatView, count: number): boolean => {
  let sum = 0
  // x − x is 0 for every finite number and NaN for all others.
  for (let index = 0; index < count; index++) {
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

const faultOf = (
  { data }: Tensor,
  index: number,
  value: number,
  rule: ColumnRule | undefined,
): ValueFault => {
  const missing = rule?.missing === true ? " or NaN" : ""
  const expected = EXPECTED[rule?.type ?? "number"] + missing
  const got = Number.isNaN(value) && hasNulls(data) ? "null" : `${value}`
  return { index, expected, got, ...(rule && { column: rule.name }) }
}

const checkByColumn = (
  values: NumberView | WideView,
  count: number,
  tensor: Tensor,
  columns: Columns,
): ValueFault | undefined => {
  const size = rowSize(tensor.shape, columns)
  let column = 0
  for (let index = 0; index < count; index++) {
    const value = Number(values[index])
    const rule = columns[column]
    if (!fits(value, rule)) return faultOf(tensor, index, value, rule)
    column++
    if (column === size) column = 0
  }
  return undefined
}

/** Whether a column excludes finite values that the datatype can hold. */
const isNarrow = (columns: Columns, float: boolean): boolean => {
  for (const rule of columns)
    if (rule?.type === "boolean" || (float && rule?.type === "integer")) return true
  return false
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
  const values = viewForNow(datatype, data, count)
  const float = isFloat(values)
  if (!isNarrow(columns, float) && (!float || isClean(values, count))) return undefined
  return checkByColumn(values, count, tensor, columns)
}
