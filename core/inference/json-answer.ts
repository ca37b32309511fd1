// Tensors as JSON text. It writes text instead of values because a JSON number made from a
// JavaScript number cannot hold a 64-bit integer. What JSON cannot say is either null (numbers that
// are not finite) or refused.
import type { Parameters } from "#proto/request"
import { elementCount, type Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"
import { flatValues } from "./json-values.ts"
import { checkTexts, decodeTexts } from "./string-elements.ts"
import { type FloatView, isFloat, viewOf } from "./typed-views.ts"

/** The elements from `from` up to `to`, as JSON values with commas between them. */
export type ElementsText = (from: number, to: number) => string

const numberText = (value: number): string =>
  Number.isFinite(value) ? (Object.is(value, -0) ? "-0.0" : `${value}`) : "null"

const floatsText =
  (values: FloatView): ElementsText =>
  (from, to) => {
    let text = ""
    for (let index = from; index < to; index++) {
      text += (index === from ? "" : ",") + numberText(values[index] ?? 0)
    }
    return text
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

/** The tensor as a member of `outputs`, with flat data; undefined where it is no plain JSON. */
const tensorValue = (tensor: Tensor) => {
  const data = flatValues(tensor)
  if (data === undefined) return undefined
  const { name, shape, datatype } = tensor
  return { name, shape, datatype, data }
}

/** One tensor as a member of `outputs`, with flat data. */
export const tensorText = (tensor: Tensor): string | BadRequest => {
  const value = tensorValue(tensor)
  if (value !== undefined) return JSON.stringify(value)
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

const plainAnswer = (head: AnswerHead, outputs: ReadonlyArray<Tensor>): string | undefined => {
  const values: Array<object> = []
  for (const output of outputs) {
    const value = tensorValue(output)
    if (value === undefined) return undefined
    values.push(value)
  }
  const { id, model, version, parameters } = head
  return JSON.stringify({
    id,
    model_name: model,
    model_version: version,
    parameters,
    outputs: values,
  })
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
  const plain = textOf === tensorText ? plainAnswer(head, outputs) : undefined
  if (plain !== undefined) return plain
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
