// The elements of a tensor as values that JSON.stringify writes with the very digits that are
// wanted: one call for a whole answer costs a fraction of a text for each of its parts. It has
// nothing for what such values cannot say, −0 and whole numbers beyond 2^53, nor for bytes that are
// no text: json-answer.ts writes or refuses those.
import { elementCount, type Tensor } from "#proto/tensor"
import { checkTexts, decodeTexts } from "./string-elements.ts"
import {
  type FloatView,
  isFloat,
  type NumberView,
  viewForNow,
  type WideView,
} from "./typed-views.ts"

type JsonValue = number | boolean | string | JsonList
export type JsonList = ReadonlyArray<JsonValue>

/** The elements from `from` up to `to`; for as long as no other tensor is read. */
type Run = (from: number, to: number) => JsonList

const hasNegativeZero = (values: FloatView, count: number): boolean => {
  for (let index = 0; index < count; index++) {
    const value = values[index] ?? 0
    if (value === 0 && Object.is(value, -0)) return true
  }
  return false
}

/** NaN and infinities among them are what JSON.stringify writes as null. */
const floats = (values: FloatView, count: number): Run | undefined => {
  if (hasNegativeZero(values, count)) return undefined
  return (from, to) => {
    const run = new Array<number>(to - from)
    for (let index = from; index < to; index++) run[index - from] = values[index] ?? 0
    return run
  }
}

const integers =
  (values: NumberView): Run =>
  (from, to) => {
    const run = new Array<number>(to - from)
    for (let index = from; index < to; index++) run[index - from] = values[index] ?? 0
    return run
  }

const booleans =
  (data: Uint8Array): Run =>
  (from, to) => {
    const run = new Array<boolean>(to - from)
    for (let index = from; index < to; index++) run[index - from] = data[index] !== 0
    return run
  }

const texts = (data: Uint8Array, count: number): Run | undefined => {
  if (checkTexts(data, count) !== undefined) return undefined
  const all = decodeTexts(data, count)
  return (from, to) => (from === 0 && to === count ? all : all.slice(from, to))
}

/** Where the high half of a whole number within 2^53 ends. */
const HIGH_END = 2 ** 21

/** From their halves: a bigint for each element would cost more than all the rest. */
const wide = (halves: NumberView | WideView, count: number, signed: boolean): Run | undefined => {
  if (!(halves instanceof Int32Array)) return undefined
  for (let index = 0; index < count; index++) {
    const high = halves[2 * index + 1] ?? 0
    if (high >= HIGH_END || (high < 0 && (!signed || high < -HIGH_END))) return undefined
  }
  return (from, to) => {
    const run = new Array<number>(to - from)
    for (let index = from; index < to; index++) {
      const low = (halves[2 * index] ?? 0) >>> 0
      run[index - from] = (halves[2 * index + 1] ?? 0) * 2 ** 32 + low
    }
    return run
  }
}

const runOf = ({ datatype, data }: Tensor, count: number): Run | undefined => {
  if (datatype === "BYTES") return texts(data, count)
  if (datatype === "BOOL") return booleans(data)
  if (datatype === "INT64" || datatype === "UINT64")
    return wide(viewForNow("INT32", data, 2 * count), count, datatype === "INT64")
  const values = viewForNow(datatype, data, count)
  if (isFloat(values)) return floats(values, count)
  return values instanceof BigInt64Array || values instanceof BigUint64Array
    ? undefined
    : integers(values)
}

/** The elements from `from` on, nested by the dimensions from `axis` on. */
const nested = (run: Run, shape: ReadonlyArray<number>, axis: number, from: number): JsonList => {
  const dimension = shape[axis] ?? 1
  if (axis + 1 >= shape.length) return run(from, from + dimension)
  const stride = elementCount(shape, axis + 1)
  const lists = new Array<JsonList>(dimension)
  for (let index = 0; index < dimension; index++)
    lists[index] = nested(run, shape, axis + 1, from + index * stride)
  return lists
}

/** All elements in one list. */
export const flatValues = (tensor: Tensor): JsonList | undefined => {
  const count = elementCount(tensor.shape)
  return runOf(tensor, count)?.(0, count)
}

/** All elements, nested as the shape says; the element itself where there are no dimensions. */
export const nestedValues = (tensor: Tensor): JsonValue | undefined => {
  const { shape } = tensor
  const run = runOf(tensor, elementCount(shape))
  if (run === undefined) return undefined
  return shape.length === 0 ? run(0, 1)[0] : nested(run, shape, 0, 0)
}

/** A value for each row: a scalar where a row has one element and `keepColumns` is not set. */
export const rowValues = (tensor: Tensor, keepColumns: boolean): JsonList | undefined => {
  const { shape } = tensor
  const count = elementCount(shape)
  const run = runOf(tensor, count)
  if (run === undefined) return undefined
  if (!keepColumns && elementCount(shape, 1) === 1) return run(0, count)
  return nested(run, shape.length > 1 ? shape : [count, 1], 0, 0)
}
