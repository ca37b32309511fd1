// The datatypes of the Open Inference Protocol: what each is in JavaScript, as bytes and as JSON. A
// further datatype is one entry here.
import { localError } from "./error.ts"
import { bf16FromNumber, bf16ToNumber, fp16FromNumber, fp16ToNumber } from "./half-floats.ts"

/** What a tensor of each datatype holds, row-major. FP16 and BF16 are bits, BOOL is 0 and 1. */
export interface DataOf {
  readonly BOOL: Uint8Array
  readonly UINT8: Uint8Array
  readonly UINT16: Uint16Array
  readonly UINT32: Uint32Array
  readonly UINT64: BigUint64Array
  readonly INT8: Int8Array
  readonly INT16: Int16Array
  readonly INT32: Int32Array
  readonly INT64: BigInt64Array
  readonly FP16: Uint16Array
  readonly BF16: Uint16Array
  readonly FP32: Float32Array
  readonly FP64: Float64Array
  readonly BYTES: ReadonlyArray<Uint8Array>
}
export type Datatype = keyof DataOf

/** What a tensor is made from: its data, or plain values that are checked and converted. */
export type Values = DataOf[Datatype] | ReadonlyArray<number | bigint | boolean | string>

/** A value of JSON text; integers that a number cannot hold are bigint. */
export type JsonElement = number | bigint | boolean | string | null

/** Methods, so that a codec of one kind of buffer serves for every kind. */
export interface DatatypeCodec<Data> {
  /** Throws for values that the datatype cannot hold; its own typed array is not copied. */
  from(values: Values): Data
  fromElements(elements: ReadonlyArray<JsonElement>): Data
  /** Without brackets; throws where JSON has no such value. */
  toJson(data: Data): string
  toBytes(data: Data): Uint8Array
  /** Throws where the bytes are not whole elements. */
  fromBytes(bytes: Uint8Array): Data
  slice(data: Data, from: number, to: number): Data
  concat(parts: ReadonlyArray<Data>): Data
  toNumbers(data: Data): ReadonlyArray<number>
}

const wrong = (expected: string, got: unknown) =>
  localError("invalid", `data: expected ${expected}, got ${String(got).slice(0, 80)}`)

// Raw tensors are little-endian, and so is every platform that has a browser, Node or Bun.
if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1)
  throw localError("invalid", "this platform is big-endian, which binary tensors are not")

type TypedArray = DataOf[Exclude<Datatype, "BYTES">]
interface TypedArrayClass<A extends TypedArray, E> {
  readonly BYTES_PER_ELEMENT: number
  readonly name: string
  new (length: number): A
  new (buffer: ArrayBuffer): A
  from(elements: ArrayLike<E>): A
}

interface Element<E> {
  /** Throws for what the datatype cannot hold. */
  readonly of: (value: JsonElement) => E
  readonly json: (element: E) => string
  readonly number: (element: E) => number
}

const bytesOf = (array: TypedArray): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** The codec of a datatype whose elements are all of one length. */
const fixed = <E extends number | bigint, A extends TypedArray & ArrayLike<E>>(
  type: TypedArrayClass<A, E>,
  element: Element<E>,
): DatatypeCodec<A> => {
  const isOwn = (values: unknown): values is A => values instanceof type
  const fromBytes = (bytes: Uint8Array): A => {
    if (bytes.byteLength % type.BYTES_PER_ELEMENT !== 0)
      throw wrong(`whole elements of ${type.BYTES_PER_ELEMENT} bytes`, `${bytes.byteLength} bytes`)
    // A copy of its own: typed arrays want their bytes aligned, and bodies are not to be kept.
    const copy = new Uint8Array(bytes)
    return new type(copy.buffer)
  }
  const fromElements = (elements: ReadonlyArray<JsonElement>): A =>
    type.from(elements.map(element.of))
  return {
    from: (values) => {
      if (isOwn(values)) return values
      if (!Array.isArray(values)) throw wrong(`${type.name} or plain values`, values)
      return fromElements(values)
    },
    fromElements,
    toJson: (data) => Array.from<E, string>(data, element.json).join(","),
    toBytes: bytesOf,
    fromBytes,
    slice: (data, from, to) =>
      fromBytes(bytesOf(data).subarray(from * type.BYTES_PER_ELEMENT, to * type.BYTES_PER_ELEMENT)),
    concat: (parts) => fromBytes(joined(parts.map(bytesOf))),
    toNumbers: (data) => Array.from<E, number>(data, element.number),
  }
}

/** The parts one after the other. */
export const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

const whole = (min: number, max: number): Element<number> => ({
  of: (value) => {
    const number = typeof value === "bigint" ? Number(value) : value
    if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max)
      return number
    throw wrong(`an integer from ${min} to ${max}`, value)
  },
  json: String,
  number: Number,
})

const big = (min: bigint, max: bigint): Element<bigint> => ({
  of: (value) => {
    if (typeof value === "number" && !Number.isSafeInteger(value))
      throw wrong("a bigint or a safe integer", value)
    if (typeof value !== "number" && typeof value !== "bigint") throw wrong("an integer", value)
    const integer = BigInt(value)
    if (integer >= min && integer <= max) return integer
    throw wrong(`an integer from ${min} to ${max}`, value)
  },
  json: String,
  number: Number,
})

const floatJson = (value: number): string => {
  if (Number.isNaN(value)) return "null"
  if (!Number.isFinite(value)) throw wrong("numbers that JSON can say", value)
  return Object.is(value, -0) ? "-0.0" : String(value)
}
const floatOf = (value: JsonElement): number => {
  if (value === null) return Number.NaN
  if (typeof value === "number" || typeof value === "bigint") return Number(value)
  throw wrong("a number", value)
}
const float: Element<number> = { of: floatOf, json: floatJson, number: Number }
const half = (from: (value: number) => number, to: (bits: number) => number): Element<number> => ({
  of: (value) => from(floatOf(value)),
  json: (bits) => floatJson(to(bits)),
  number: to,
})
const bool: Element<number> = {
  of: (value) => {
    if (value === true || value === 1) return 1
    if (value === false || value === 0) return 0
    throw wrong("true or false", value)
  },
  json: (value) => (value === 0 ? "false" : "true"),
  number: (value) => (value === 0 ? 0 : 1),
}

const encoder = new TextEncoder()
const LENGTH_BYTES = 4

const texts: DatatypeCodec<ReadonlyArray<Uint8Array>> = {
  from: (values) => {
    if (!Array.isArray(values)) throw wrong("a list of texts or bytes", values)
    return values.map((value: unknown) => {
      if (typeof value === "string") return encoder.encode(value)
      if (value instanceof Uint8Array) return value
      throw wrong("texts or bytes", value)
    })
  },
  fromElements: (elements) =>
    elements.map((value) => {
      if (typeof value === "string") return encoder.encode(value)
      throw wrong("texts", value)
    }),
  toJson: (data) => data.map((bytes) => JSON.stringify(strictText(bytes))).join(","),
  toBytes: (data) =>
    joined(
      data.flatMap((bytes) => {
        const length = new Uint8Array(LENGTH_BYTES)
        new DataView(length.buffer).setUint32(0, bytes.byteLength, true)
        return [length, bytes]
      }),
    ),
  fromBytes: (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const elements: Array<Uint8Array> = []
    for (let at = 0; at < bytes.byteLength;) {
      const from = at + LENGTH_BYTES
      const length = from <= bytes.byteLength ? view.getUint32(at, true) : 0
      if (from + length > bytes.byteLength) throw wrong("whole BYTES elements", "fewer bytes")
      elements.push(bytes.slice(from, from + length))
      at = from + length
    }
    return elements
  },
  slice: (data, from, to) => data.slice(from, to),
  concat: (parts) => parts.flat(),
  toNumbers: () => {
    throw wrong("a datatype of numbers", "BYTES")
  },
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const strictText = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    throw wrong("texts in UTF-8, which is all that JSON can say", "other bytes")
  }
}

/** The elements of a BYTES tensor as texts; throws where they are not UTF-8. */
export const textsOf = (data: ReadonlyArray<Uint8Array>): ReadonlyArray<string> =>
  data.map(strictText)

export const CODECS: { readonly [D in Datatype]: DatatypeCodec<DataOf[D]> } = {
  BOOL: fixed(Uint8Array, bool),
  UINT8: fixed(Uint8Array, whole(0, 0xff)),
  UINT16: fixed(Uint16Array, whole(0, 0xffff)),
  UINT32: fixed(Uint32Array, whole(0, 0xffff_ffff)),
  UINT64: fixed(BigUint64Array, big(0n, 2n ** 64n - 1n)),
  INT8: fixed(Int8Array, whole(-0x80, 0x7f)),
  INT16: fixed(Int16Array, whole(-0x8000, 0x7fff)),
  INT32: fixed(Int32Array, whole(-0x8000_0000, 0x7fff_ffff)),
  INT64: fixed(BigInt64Array, big(-(2n ** 63n), 2n ** 63n - 1n)),
  FP16: fixed(Uint16Array, half(fp16FromNumber, fp16ToNumber)),
  BF16: fixed(Uint16Array, half(bf16FromNumber, bf16ToNumber)),
  FP32: fixed(Float32Array, float),
  FP64: fixed(Float64Array, float),
  BYTES: texts,
}

export const isDatatype = (text: string): text is Datatype => Object.hasOwn(CODECS, text)
