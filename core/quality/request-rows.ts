// The cells of tensors as expectations look at them: by feature and row, read only when they are
// asked for. The tensors are known to suit the signature.
import { decodeTexts } from "#core/inference/string-elements"
import { viewOf } from "#core/inference/typed-views"
import type { Feature } from "#proto/signature"
import { elementCount, type Datatype, type Tensor } from "#proto/tensor"
import type { ReadCell } from "./gate.ts"
import type { Cell } from "./table.ts"

/** Decimal digits that some, and at most so many, tell every number of the width apart. */
const DIGITS: Partial<Record<Datatype, readonly [least: number, most: number]>> = {
  FP16: [3, 5],
  FP32: [6, 9],
}

const roundTo = { FP16: Math.f16round, FP32: Math.fround } as const

/**
 * The shortest decimal that the narrow number stands for: somebody who sent 0.1 as FP32 means 0.1,
 * which a suite compares with, and not 0.10000000149.
 */
export const shortestDecimal = (value: number, datatype: Datatype): number => {
  const digits = DIGITS[datatype]
  if (digits === undefined || Number.isSafeInteger(value) || !Number.isFinite(value)) return value
  const round = datatype === "FP16" ? roundTo.FP16 : roundTo.FP32
  for (let some = digits[0]; some < digits[1]; some++) {
    const shorter = Number(value.toPrecision(some))
    if (round(shorter) === value) return shorter
  }
  return value
}

type Place = Pick<Feature, "tensor" | "column" | "type">
type Read = (row: number) => Cell

/** How many elements of a tensor belong to a row. */
const widthOf = ({ shape }: Tensor, features: ReadonlyArray<Place>, name: string): number => {
  if (shape.length !== 1) return elementCount(shape.slice(1))
  // A tensor of one dimension is a column, or the only row of several features.
  return features.filter(({ tensor }) => tensor === name).length > 1 ? (shape[0] ?? 1) : 1
}

const none: Read = () => null

const reader = (
  { column, type }: Place,
  tensor: Tensor,
  width: number,
): { readonly rows: number; readonly read: Read } => {
  const { datatype, data, shape } = tensor
  const count = elementCount(shape)
  const rows = width === 0 ? 0 : count / width
  if (column >= width) return { rows, read: none }
  if (datatype === "BYTES") {
    const texts = decodeTexts(data, count)
    return { rows, read: (row) => texts[row * width + column] ?? null }
  }
  const view = viewOf(tensor, count)
  if (type === "boolean") {
    const read = (row: number) => {
      const value = Number(view[row * width + column])
      return Number.isNaN(value) ? null : value !== 0
    }
    return { rows, read }
  }
  return { rows, read: (row) => shortestDecimal(Number(view[row * width + column]), datatype) }
}

export interface RequestRows {
  readonly rows: number
  /** NaN where a value is missing. */
  readonly read: ReadCell
}

/** The rows of tensors by features; 0 where a feature's tensor is not among them. */
export const requestRows = (
  features: ReadonlyArray<Place>,
  tensors: ReadonlyArray<Tensor>,
): RequestRows => {
  const readers: Array<Read | undefined> = []
  const open = (index: number) => {
    const feature = features[index]
    const tensor = tensors.find(({ name }) => name === feature?.tensor)
    if (feature === undefined || tensor === undefined) return { rows: 0, read: none }
    return reader(feature, tensor, widthOf(tensor, features, feature.tensor))
  }
  const { rows, read: first } = open(0)
  readers[0] = first
  return {
    rows,
    read: (feature, row) => (readers[feature] ??= open(feature).read)(row),
  }
}
