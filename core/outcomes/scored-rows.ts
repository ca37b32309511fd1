// What a fact answered, row by row: the predicted class or number, the probabilities, and the
// values by which rows are sliced. A fact that does not fit its signature has no rows.
import { decodeTexts } from "#core/inference/string-elements"
import { viewForNow } from "#core/inference/typed-views"
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

const cellsOf = ({ datatype, shape, data }: Tensor): ReadonlyArray<Cell> | undefined => {
  const count = elementCount(shape)
  const bytes = ELEMENT_BYTES[datatype]
  if (bytes > 0 && data.byteLength !== count * bytes) return undefined
  if (datatype === "BYTES") return decodeTexts(data, count)
  const view = viewForNow(datatype, data, count)
  const isBoolean = datatype === "BOOL"
  const cells: Array<Cell> = []
  for (let at = 0; at < count; at++) {
    const value = Number(view[at] ?? 0)
    cells.push(isBoolean ? value !== 0 : value)
  }
  return cells
}

/** The cells of all rows one behind the other. */
interface Cells {
  readonly cells: ReadonlyArray<Cell>
  readonly width: number
}

/** The cells of a tensor that has so many rows. */
const cellsOfRows = (
  tensors: ReadonlyArray<Tensor> | undefined,
  name: string | undefined,
  rows: number,
): Cells | undefined => {
  const tensor = tensors?.find((one) => one.name === name)
  if (tensor === undefined || tensor.shape[0] !== rows) return undefined
  const cells = cellsOf(tensor)
  return cells === undefined ? undefined : { cells, width: rows === 0 ? 0 : cells.length / rows }
}

const cellAt = (of: Cells | undefined, row: number, column: number): Cell | undefined =>
  of === undefined || column >= of.width ? undefined : of.cells[row * of.width + column]

const numbersAt = ({ cells, width }: Cells, row: number): ReadonlyArray<number> => {
  const numbers: Array<number> = []
  for (let at = row * width; at < (row + 1) * width; at++) numbers.push(Number(cells[at]))
  return numbers
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
  const labels = cellsOfRows(outputs, signature.label, rows)
  const probabilities = cellsOfRows(outputs, signature.probability, rows)
  const slices = sliceFeatures.map((name) => {
    const feature = signature.features.find((one) => one.name === name)
    const cells = cellsOfRows(request?.inputs, feature?.tensor, rows)
    return (row: number) => {
      const cell = cellAt(cells, row, feature?.column ?? 0)
      return cell === undefined || Number.isNaN(cell) ? undefined : String(cell)
    }
  })
  const scored: Array<ScoredRow> = []
  for (let row = 0; row < rows; row++) {
    const chances = probabilities === undefined ? undefined : numbersAt(probabilities, row)
    scored.push({
      predicted: predictedOf(signature, cellAt(labels, row, 0), chances),
      probabilities: chances,
      slices: slices.map((slice) => slice(row)),
    })
  }
  return scored
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
