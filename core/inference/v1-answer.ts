// Answers of the V1 protocol: `predictions`, one for each row, or `outputs`, all rows of each
// tensor together. Text, for the same reason as json-answer.ts.
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"
import { elementsText } from "./json-answer.ts"
import { nestedValues } from "./json-values.ts"
import { nestedText, rowsAnswer, rowTexts } from "./rows-answer.ts"

const columnText = (output: Tensor): string | BadRequest => {
  const values = nestedValues(output)
  if (values !== undefined) return JSON.stringify(values)
  const elements = elementsText(output)
  if (elements instanceof BadRequest) return elements
  const { shape } = output
  return shape.length === 0 ? elements(0, 1) : nestedText(elements, shape, 0)
}

/** One output is its values alone, several are an object by their names. */
const columnsText = (outputs: ReadonlyArray<Tensor>): string | BadRequest => {
  const members: Array<string> = []
  for (const output of outputs) {
    const text = columnText(output)
    if (text instanceof BadRequest || outputs.length === 1) return text
    members.push(`${JSON.stringify(output.name)}:${text}`)
  }
  return `{${members.join(",")}}`
}

/** For each row an object of the outputs by their names. */
const namedRows = (outputs: ReadonlyArray<Tensor>): string | BadRequest => {
  const rows = outputs[0]?.shape[0] ?? 0
  const objects = Array.from({ length: rows }, () => "")
  for (const output of outputs) {
    const texts = rowTexts(output, false)
    if (texts instanceof BadRequest) return texts
    if (texts.length !== rows) {
      const expected = `${rows} rows as in the others, or a request with "inputs"`
      return new BadRequest(`outputs.${output.name}`, expected, `${texts.length}`, "unsupported")
    }
    const name = JSON.stringify(output.name)
    for (const [row, text] of texts.entries())
      objects[row] += `${objects[row] === "" ? "" : ","}${name}:${text}`
  }
  return `[${objects.map((object) => `{${object}}`).join(",")}]`
}

/** The body of an answer to `inputs`. */
export const v1ColumnsText = (outputs: ReadonlyArray<Tensor>): string | BadRequest => {
  const text = columnsText(outputs)
  return typeof text === "string" ? `{"outputs":${text}}` : text
}

/**
 * The body of an answer to `instances`: where the signature names a label its value for each row,
 * with the probabilities beside them; else the only output, or an object of all.
 */
export const v1PredictionsText = (
  signature: Signature | undefined,
  outputs: ReadonlyArray<Tensor>,
): string | BadRequest => {
  const hasLabel = outputs.some(({ name }) => name === signature?.label)
  if (signature === undefined || (!hasLabel && outputs.length > 1)) {
    const text = namedRows(outputs)
    return typeof text === "string" ? `{"predictions":${text}}` : text
  }
  const answer = rowsAnswer(signature, outputs)
  if (answer instanceof BadRequest) return answer
  const { predictions, probabilities } = answer
  const rest = probabilities === undefined ? "" : `,"probabilities":${probabilities}`
  return `{"predictions":${predictions}${rest}}`
}
