// Tensors to ask with: small values that a model of the signature should take, and their raw form.
import type { Datatype, Model, TensorSpec } from "./models.ts"
import { Unsupported } from "./verdict.ts"

export type Value = number | bigint | string | boolean

export interface Tensor {
  readonly name: string
  readonly datatype: Datatype
  readonly shape: ReadonlyArray<number>
  /** Row-major. */
  readonly data: ReadonlyArray<Value>
}

/** Of a dimension that varies and is not the first. */
const VARYING = 2

export const sizeOf = (shape: ReadonlyArray<number>): number =>
  shape.reduce((size, dimension) => size * dimension, 1)

const valueOf = (datatype: Datatype, at: number): Value => {
  if (datatype === "BOOL") return at % 2 === 1
  if (datatype === "BYTES") return ["a", "bc", ""][at % 3] ?? ""
  // Halves are exact in every format; indices of small tables stay in range.
  return datatype.startsWith("FP") ? (at % 5) / 2 : at % 2
}

/** `rows` for the first dimension where it varies; another `seed`, other values. */
export const tensorOf = ({ name, datatype, shape }: TensorSpec, rows = 1, seed = 0): Tensor => {
  const whole = shape.map((one, at) => (one >= 0 ? one : at === 0 ? rows : VARYING))
  const data = Array.from({ length: sizeOf(whole) }, (_, at) => valueOf(datatype, at + seed))
  return { name, datatype, shape: whole, data }
}

export const tensorsOf = ({ inputs }: Model, rows = 1, seed = 0): ReadonlyArray<Tensor> =>
  inputs.map((spec) => tensorOf(spec, rows, seed))

export const hasRows = ({ inputs, outputs }: Model): boolean =>
  [...inputs, ...outputs].every(({ shape }) => shape[0] === -1)

/** The tensor of several of the same spec, one after the other in the first dimension. */
export const joined = (parts: ReadonlyArray<Tensor>): Tensor => {
  const [first] = parts
  if (first === undefined) throw new Unsupported("nothing to join")
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0)
  const data = parts.flatMap((part) => part.data)
  return { ...first, shape: [rows, ...first.shape.slice(1)], data }
}

/** The data in arrays of arrays, as the shape has it. */
export const nested = (data: ReadonlyArray<Value>, shape: ReadonlyArray<number>): unknown => {
  const [rows, ...rest] = shape
  if (rows === undefined) return data[0]
  if (rest.length === 0) return data
  const size = sizeOf(rest)
  return Array.from({ length: rows }, (_, row) =>
    nested(data.slice(row * size, (row + 1) * size), rest),
  )
}

const BYTES_OF: Readonly<Record<Exclude<Datatype, "BYTES">, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
}
const LENGTH_BYTES = 4

const write = (view: DataView, at: number, datatype: Datatype, value: Value): void => {
  const number = Number(value)
  if (datatype === "FP64") view.setFloat64(at, number, true)
  else if (datatype === "FP32") view.setFloat32(at, number, true)
  else if (datatype === "FP16") view.setFloat16(at, number, true)
  else {
    const bytes = datatype === "BYTES" ? 0 : BYTES_OF[datatype]
    // The lowest bytes are the same with and without a sign.
    const whole = BigInt.asUintN(64, typeof value === "bigint" ? value : BigInt(number))
    for (let byte = 0; byte < bytes; byte++)
      view.setUint8(at + byte, Number((whole >> BigInt(8 * byte)) & 0xffn))
  }
}

const textBytes = (data: ReadonlyArray<Value>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    Buffer.concat(
      data.map((value) => {
        const text = Buffer.from(String(value))
        const length = Buffer.alloc(LENGTH_BYTES)
        length.writeUInt32LE(text.byteLength)
        return Buffer.concat([length, text])
      }),
    ),
  )

/** Little-endian, row-major; each element of BYTES with its length in front. */
export const rawBytes = ({ datatype, data }: Tensor): Uint8Array<ArrayBuffer> => {
  if (datatype === "BYTES") return textBytes(data)
  const size = BYTES_OF[datatype]
  const bytes = new Uint8Array(size * data.length)
  const view = new DataView(bytes.buffer)
  for (const [at, value] of data.entries()) write(view, at * size, datatype, value)
  return bytes
}

const INTEGER = /^U?INT\d+$/u

const read = (view: DataView, at: number, datatype: Exclude<Datatype, "BYTES">): Value => {
  if (datatype === "FP64") return view.getFloat64(at, true)
  if (datatype === "FP32") return view.getFloat32(at, true)
  if (datatype === "FP16") return view.getFloat16(at, true)
  if (datatype === "BOOL") return view.getUint8(at) !== 0
  const size = BYTES_OF[datatype]
  let whole = 0n
  for (let byte = size - 1; byte >= 0; byte--)
    whole = (whole << 8n) | BigInt(view.getUint8(at + byte))
  const value = datatype.startsWith("U") ? whole : BigInt.asIntN(8 * size, whole)
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

const readTexts = (bytes: Uint8Array): ReadonlyArray<string> | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: Array<string> = []
  let at = 0
  while (at < bytes.byteLength) {
    if (at + LENGTH_BYTES > bytes.byteLength) return undefined
    const end = at + LENGTH_BYTES + view.getUint32(at, true)
    if (end > bytes.byteLength) return undefined
    texts.push(new TextDecoder().decode(bytes.subarray(at + LENGTH_BYTES, end)))
    at = end
  }
  return texts
}

/** Undefined where the bytes are no whole elements. */
export const readRaw = (
  datatype: Datatype,
  bytes: Uint8Array,
): ReadonlyArray<Value> | undefined => {
  if (datatype === "BYTES") return readTexts(bytes)
  const size = BYTES_OF[datatype]
  if (bytes.byteLength % size !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / size }, (_, at) => read(view, at * size, datatype))
}

export const isInteger = (datatype: Datatype): boolean => INTEGER.test(datatype)

/** The values at the edges of a datatype, all of which it can hold. */
export const edgesOf = (datatype: Datatype): ReadonlyArray<Value> => {
  if (datatype === "BOOL") return [true, false]
  if (datatype === "BYTES") return ["", "ü", '"\\\n', "日本語", "a b"]
  if (datatype === "FP16") return [-65_504, 65_504, 0.000_060_975_551_605_224_61, -0.5]
  if (datatype === "FP32") return [-3.402_823_466_385_288_6e38, 1.401_298_464_324_817e-45, 0.5]
  if (datatype === "FP64") return [-1.797_693_134_862_315_7e308, 5e-324, 0.1]
  const bits = BigInt(datatype.replace(/\D/gu, ""))
  const [least, most] = datatype.startsWith("U")
    ? [0n, 2n ** bits - 1n]
    : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
  return [least, most].map((one) => (Number.isSafeInteger(Number(one)) ? Number(one) : one))
}
