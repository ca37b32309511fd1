// Tensors of a fact as JSON and as short text. Whole numbers keep all their digits, which a
// JavaScript number cannot.
import { BadRequest } from "#core/inference/bad-request"
import { tensorText } from "#core/inference/json-answer"
import type { Tensor } from "#proto/tensor"
import { shorten } from "./table.ts"

const SHOWN_CHARACTERS = 100

// Boundary: the types of the language do not know this function of it yet.
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

const VALUES = ',"data":'

/** The text of the flat data, with its brackets; undefined where it has no form in JSON. */
const valuesText = (tensor: Tensor): string | undefined => {
  // Without its name nothing but digits and a datatype stands before the data.
  const text = tensorText({ ...tensor, name: "" })
  if (text instanceof BadRequest) return undefined
  return text.slice(text.indexOf(VALUES) + VALUES.length, -1)
}

const isWide = ({ datatype }: Tensor): boolean => datatype === "INT64" || datatype === "UINT64"

const valuesOf = (tensor: Tensor, text: string): unknown => {
  if (!isWide(tensor)) return JSON.parse(text)
  const digits = text.slice(1, -1)
  return digits === "" ? [] : digits.split(",").map((one) => rawJSON(one))
}

/** For `JSON.stringify`: values where JSON has them, else the bytes. */
export const tensorJson = (tensor: Tensor): unknown => {
  const { name, shape, datatype, data } = tensor
  const text = valuesText(tensor)
  const values =
    text === undefined
      ? { bytes: Buffer.from(data).toString("base64") }
      : { data: valuesOf(tensor, text) }
  return { name, datatype, shape, ...values }
}

/** Name, datatype, shape and the first values. */
export const tensorLine = (tensor: Tensor): readonly [name: string, text: string] => {
  const { name, datatype, shape, data } = tensor
  const values = valuesText(tensor) ?? `${data.byteLength} bytes`
  return [name, `${datatype} [${shape.join(", ")}] ${shorten(values, SHOWN_CHARACTERS)}`]
}
