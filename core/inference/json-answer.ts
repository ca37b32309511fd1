// Tensors as JSON text. It writes text instead of values because a JSON number made from a
// JavaScript number cannot hold a 64-bit integer. What JSON cannot say is either null (numbers that
// are not finite) or refused.
import type { Parameters } from "#proto/request"
import { elementCount, type Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"
import { checkTexts, decodeTexts } from "./string-elements.ts"
import { type FloatView, isFloat, viewOf } from "./typed-views.ts"

/** The elements from `from` up to `to`, as JSON values with commas between them. */
export type ElementsText = (from: number, to: number) => string

const numberText = (value: number): string =>
  Number.isFinite(value) ? (Object.is(value, -0) ? "-0.0" : `${value}`) : "null"

/** Whether JSON writes the digits that are wanted: no NaN, no infinity, no −0. */
const isPlain = (values: FloatView): boolean => {
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0
    if (value - value !== 0 || (value === 0 && Object.is(value, -0))) return false
  }
  return true
}

/** The elements of a float tensor, where JSON writes each as it is to be written. */
export const plainFloats = (tensor: Tensor): FloatView | undefined => {
  if (tensor.datatype === "BYTES" || tensor.datatype === "BOOL") return undefined
  const values = viewOf(tensor, elementCount(tensor.shape))
  return isFloat(values) && isPlain(values) ? values : undefined
}

/** As an ordinary array, which the runtime writes in half the time that a typed one is joined. */
export const numbersOf = (values: FloatView, from: number, to: number): ReadonlyArray<number> => {
  const numbers: Array<number> = []
  for (let index = from; index < to; index++) numbers.push(values[index] ?? 0)
  return numbers
}

const floatsText = (values: FloatView): ElementsText => {
  if (isPlain(values)) return (from, to) => JSON.stringify(numbersOf(values, from, to)).slice(1, -1)
  return (from, to) => {
    let text = ""
    for (let index = from; index < to; index++) {
      text += (index === from ? "" : ",") + numberText(values[index] ?? 0)
    }
    return text
  }
}

const booleansText =
  (values: Uint8Array): ElementsText =>
  (from, to) => {
    let text = ""
    for (let index = from; index < to; index++) {
      text += (index === from ? "" : ",") + (values[index] === 0 ? "false" : "true")
    }
    return text
  }

const textsText = (tensor: Tensor, count: number): ElementsText | BadRequest => {
  const fault = checkTexts(tensor.data, count)
  if (fault !== undefined) {
    const field = `outputs.${tensor.name}`
    return new BadRequest(field, "text to answer in JSON", "other bytes", "unsupported")
  }
  const texts = decodeTexts(tensor.data, count)
  return (from, to) => JSON.stringify(texts.slice(from, to)).slice(1, -1)
}

/**
 * The elements of a tensor as JSON. Floats are written with the digits of their double, which read
 * back as the same float; −0 as -0.0; NaN and infinities as null. Texts that are not UTF-8 are
 * refused as unsupported.
 */
export const elementsText = (tensor: Tensor): ElementsText | BadRequest => {
  const count = elementCount(tensor.shape)
  if (tensor.datatype === "BYTES") return textsText(tensor, count)
  if (tensor.datatype === "BOOL") return booleansText(tensor.data)
  const values = viewOf(tensor, count)
  if (isFloat(values)) return floatsText(values)
  return (from, to) => values.subarray(from, to).join(",")
}

/** Name, shape and datatype, as members of an object. */
export const tensorHeadText = ({ name, datatype, shape }: Tensor): string =>
  `"name":${JSON.stringify(name)},"shape":[${shape.join(",")}],"datatype":"${datatype}"`

/** One tensor as a member of `outputs`, with flat data. */
export const tensorText = (tensor: Tensor): string | BadRequest => {
  const elements = elementsText(tensor)
  if (elements instanceof BadRequest) return elements
  const data = elements(0, elementCount(tensor.shape))
  return `{${tensorHeadText(tensor)},"data":[${data}]}`
}

export interface AnswerHead {
  readonly id: string
  readonly model: string
  readonly version: string
  readonly parameters?: Parameters
}

/**
 * The body of an answer of the Open Inference Protocol, each output as `textOf` writes it. An
 * output that JSON cannot hold makes it a BadRequest of kind "unsupported": the caller can ask for
 * other outputs, or for binary data.
 */
export const inferAnswerText = (
  head: AnswerHead,
  outputs: ReadonlyArray<Tensor>,
  textOf: (output: Tensor) => string | BadRequest = tensorText,
): string | BadRequest => {
  let texts = ""
  for (const output of outputs) {
    const text = textOf(output)
    if (text instanceof BadRequest) return text
    texts += texts === "" ? text : `,${text}`
  }
  const parameters = head.parameters ? `,"parameters":${JSON.stringify(head.parameters)}` : ""
  const model = `"model_name":${JSON.stringify(head.model)}`
  const version = `"model_version":${JSON.stringify(head.version)}`
  return `{"id":${JSON.stringify(head.id)},${model},${version}${parameters},"outputs":[${texts}]}`
}
