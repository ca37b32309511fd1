// The answer to `/predict`: one prediction for each row, and the probabilities where the signature
// names them. Text, for the same reason as json-answer.ts.
import type { Signature } from "#proto/signature"
import { elementCount, type Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"
import { type ElementsText, elementsText } from "./json-answer.ts"
import { rowValues } from "./json-values.ts"

/** A row of several dimensions as nested arrays. */
export const nestedText = (
  elements: ElementsText,
  shape: ReadonlyArray<number>,
  from: number,
): string => {
  const [dimension = 1, ...inner] = shape
  if (inner.length === 0) return `[${elements(from, from + dimension)}]`
  const stride = elementCount(inner)
  const parts: Array<string> = []
  for (let index = 0; index < dimension; index++) {
    parts.push(nestedText(elements, inner, from + index * stride))
  }
  return `[${parts.join(",")}]`
}

/** The rows of a tensor whose elements are no plain JSON values, each as text. */
const writtenRows = (tensor: Tensor, keepColumns: boolean): ReadonlyArray<string> | BadRequest => {
  const elements = elementsText(tensor)
  if (elements instanceof BadRequest) return elements
  const [rows = 1, ...inner] = tensor.shape
  const size = elementCount(inner)
  const isScalar = size === 1 && !keepColumns
  const shape = inner.length === 0 ? [1] : inner
  const parts: Array<string> = []
  for (let row = 0; row < rows; row++)
    parts.push(isScalar ? elements(row, row + 1) : nestedText(elements, shape, row * size))
  return parts
}

/** Each row as text: a scalar where a row has one value and `keepColumns` is not set. */
export const rowTexts = (
  tensor: Tensor,
  keepColumns: boolean,
): ReadonlyArray<string> | BadRequest =>
  rowValues(tensor, keepColumns)?.map((value) => JSON.stringify(value)) ??
  writtenRows(tensor, keepColumns)

const rowsText = (tensor: Tensor, keepColumns: boolean): string | BadRequest => {
  const values = rowValues(tensor, keepColumns)
  if (values !== undefined) return JSON.stringify(values)
  const parts = writtenRows(tensor, keepColumns)
  return parts instanceof BadRequest ? parts : `[${parts.join(",")}]`
}

export interface RowsAnswer {
  /**
   * JSON text of an array with one value for each row: a scalar where a row has one value, else
   * nested arrays.
   */
  readonly predictions: string
  /** JSON text of an array with an array for each row. */
  readonly probabilities?: string
}

const withName = (outputs: ReadonlyArray<Tensor>, name: string | undefined): Tensor | undefined => {
  for (const output of outputs) if (output.name === name) return output
  return undefined
}

/** The signature's label output, or the first output when it names none. */
const labelOf = (signature: Signature, outputs: ReadonlyArray<Tensor>): Tensor | undefined =>
  withName(outputs, signature.label) ?? outputs[0]

/**
 * Predictions are the signature's label output, or the first output when it names none. A
 * BadRequest of kind "unsupported" when one of them cannot be written in JSON.
 */
export const rowsAnswer = (
  signature: Signature,
  outputs: ReadonlyArray<Tensor>,
): RowsAnswer | BadRequest => {
  const label = labelOf(signature, outputs)
  const probability = withName(outputs, signature.probability)
  const predictions = label === undefined ? "[]" : rowsText(label, false)
  if (predictions instanceof BadRequest) return predictions
  if (probability === undefined) return { predictions }
  const probabilities = rowsText(probability, true)
  if (probabilities instanceof BadRequest) return probabilities
  return { predictions, probabilities }
}

/** The whole body: `{"id","model","version","predictions":[…],"probabilities"?:[[…]]}`. */
export const predictAnswerText = (
  head: { readonly id: string; readonly model: string; readonly version: string },
  signature: Signature,
  outputs: ReadonlyArray<Tensor>,
): string | BadRequest => {
  const { id, model, version } = head
  const label = labelOf(signature, outputs)
  const probability = withName(outputs, signature.probability)
  const values = label === undefined ? [] : rowValues(label, false)
  const columns = probability && rowValues(probability, true)
  if (values !== undefined && (columns !== undefined || probability === undefined))
    return JSON.stringify({ id, model, version, predictions: values, probabilities: columns })
  const answer = rowsAnswer(signature, outputs)
  if (answer instanceof BadRequest) return answer
  // Names of models and versions have no character that JSON would escape.
  const start = `{"id":${JSON.stringify(id)},"model":"${model}","version":"${version}"`
  const { predictions, probabilities } = answer
  const rest = probabilities === undefined ? "" : `,"probabilities":${probabilities}`
  return `${start},"predictions":${predictions}${rest}}`
}
