// An answer of the Open Inference Protocol in the form that its caller asked for: JSON, then the
// raw bytes of the outputs that are wanted so, in their order.
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import type { AnswerForm } from "./answer-form.ts"
import { BadRequest } from "./bad-request.ts"
import { classify } from "./classification.ts"
import { type AnswerHead, inferAnswerText, tensorHeadText, tensorText } from "./json-answer.ts"

/** A body of JSON and raw bytes. */
export interface BinaryAnswer {
  /** Bytes of the JSON at the front. */
  readonly headBytes: number
  readonly body: Uint8Array<ArrayBuffer>
}

/** An output as it stands in the JSON when its bytes follow behind. */
const rawTensorText = (tensor: Tensor): string =>
  `{${tensorHeadText(tensor)},"parameters":{"binary_data_size":${tensor.data.byteLength}}}`

/**
 * The body of an answer; text alone where no output is wanted as raw bytes. `signature` is that of
 * the version that answered, for the labels of classes. A BadRequest is of kind "unsupported" where
 * JSON cannot hold an output.
 */
export const formedAnswer = (
  head: AnswerHead,
  outputs: ReadonlyArray<Tensor>,
  form: AnswerForm,
  signature: Signature | undefined,
): string | BinaryAnswer | BadRequest => {
  const raw: Array<Uint8Array> = []
  const text = inferAnswerText(head, outputs, (output) => {
    const { binary = form.binary, classes } = form.outputs.get(output.name) ?? {}
    const given =
      classes === undefined || signature === undefined
        ? output
        : classify(output, classes, signature)
    if (given instanceof BadRequest) return given
    if (!binary) return tensorText(given)
    raw.push(given.data)
    return rawTensorText(given)
  })
  if (typeof text !== "string" || raw.length === 0) return text
  const json = new TextEncoder().encode(text)
  return { headBytes: json.byteLength, body: joined([json, ...raw]) }
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
