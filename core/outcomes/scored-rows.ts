// What a fact answered, row by row: the predicted class or number, the probabilities, and the
// values by which rows are sliced. A fact that does not fit its signature has no rows.
import { decodeTexts } from "#core/inference/string-elements"
import { viewOf } from "#core/inference/typed-views"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import { labelOf } from "./labels.ts"

export interface ScoredRow {
  /** A class as text, or a number; undefined where the caller did not ask for it. */
  readonly predicted: string | number | undefined
  /** Of the classes in the order of the signature, or of the positive class alone. */
  readonly probabilities: ReadonlyArray<number> | undefined
  /** In the order of the features that are sliced by; undefined where there is no value. */
  readonly slices: ReadonlyArray<string | undefined>
}

type Cell = string | number | boolean

const cellsOf = (tensor: Tensor): ReadonlyArray<Cell> | undefined => {
  const count = elementCount(tensor.shape)
  const bytes = ELEMENT_BYTES[tensor.datatype]
  if (bytes > 0 && tensor.data.byteLength !== count * bytes) return undefined
  if (tensor.datatype === "BYTES") return decodeTexts(tensor.data, count)
  const view = viewOf(tensor, count)
  const isBoolean = tensor.datatype === "BOOL"
  return Array.from({ length: count }, (_, at) => {
    const value = view[at] ?? 0
    return isBoolean ? Number(value) !== 0 : Number(value)
  })
}

/** Cells by row, where the tensor has so many rows. */
const rowsOf = (
  tensors: ReadonlyArray<Tensor> | undefined,
  name: string | undefined,
  rows: number,
): ReadonlyArray<ReadonlyArray<Cell>> | undefined => {
  const tensor = tensors?.find((one) => one.name === name)
  if (tensor === undefined || tensor.shape[0] !== rows) return undefined
  const cells = cellsOf(tensor)
  if (cells === undefined) return undefined
  const width = rows === 0 ? 0 : cells.length / rows
  return Array.from({ length: rows }, (_, row) => cells.slice(row * width, (row + 1) * width))
}

const predictedOf = (
  signature: Signature,
  label: Cell | undefined,
  probabilities: ReadonlyArray<number> | undefined,
): string | number | undefined => {
  if (label !== undefined) {
    const read = labelOf(signature, label)
    if (typeof read === "string") return undefined
    return "text" in read ? read.text : read.number
  }
  const { classes } = signature
  if (classes === undefined || probabilities?.length !== classes.length) return undefined
  const best = probabilities.indexOf(Math.max(...probabilities))
  return String(classes[best])
}

/** The rows of an answered fact; none for a failure. */
export const scoredRows = (
  fact: Prediction,
  signature: Signature,
  sliceFeatures: ReadonlyArray<string>,
): ReadonlyArray<ScoredRow> => {
  const { outputs, request } = fact
  if (outputs === undefined) return []
  const rows = outputs[0]?.shape[0] ?? 0
  const labels = rowsOf(outputs, signature.label, rows)
  const probabilities = rowsOf(outputs, signature.probability, rows)
  const slices = sliceFeatures.map((name) => {
    const feature = signature.features.find((one) => one.name === name)
    const cells = rowsOf(request?.inputs, feature?.tensor, rows)
    return (row: number) => {
      const cell = cells?.[row]?.[feature?.column ?? 0]
      return cell === undefined || Number.isNaN(cell) ? undefined : String(cell)
    }
  })
  return Array.from({ length: rows }, (_, row) => {
    const chances = probabilities?.[row]?.map(Number)
    return {
      predicted: predictedOf(signature, labels?.[row]?.[0], chances),
      probabilities: chances,
      slices: slices.map((slice) => slice(row)),
    }
  })
}

/** Place of the positive class among the classes; the second one where none is named. */
export const positivePlace = ({ classes, positiveClass }: Signature): number => {
  if (classes?.length !== 2) return -1
  const found = classes.findIndex((one) => one === positiveClass)
  return found >= 0 ? found : 1
}

/** Probability of the positive class; NaN where there is none. */
export const positiveOf = (
  signature: Signature,
  probabilities: ScoredRow["probabilities"],
): number => {
  const place = positivePlace(signature)
  if (probabilities === undefined || place < 0) return Number.NaN
  return probabilities.length === 1 ? (probabilities[0] ?? NaN) : (probabilities[place] ?? NaN)
}
