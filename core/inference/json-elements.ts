// JSON values into the elements of a tensor, one way for each datatype. What does not fit is named
// by its index; the sentence about it is made only then, so that the loops stay as fast as
// JSON.parse itself.
import { type Datatype, ELEMENT_BYTES } from "#proto/tensor"
import { encodeTexts } from "./string-elements.ts"

/**
 * Puts JSON values from element `at` on; returns the index of the first that does not fit, or −1.
 */
type Fill = (values: ReadonlyArray<unknown>, at: number) => number

export interface ElementStore {
  readonly fill: Fill
  /** The tensor's bytes; call it when all elements are filled. */
  readonly finish: () => Uint8Array
  /**
   * Set for 64-bit integers: whether a value was beyond 2^53, where JSON.parse rounds, and the view
   * to fill again from the text (integer-scan.ts).
   */
  readonly wide?: {
    readonly into: BigInt64Array | BigUint64Array
    readonly rounded: () => boolean
  }
}

const INTEGER_RANGES = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
} as const

/** What a value of the datatype is in JSON, for a sentence. */
const KIND: Readonly<Record<Datatype, string>> = {
  BOOL: "true or false",
  UINT8: "an integer",
  UINT16: "an integer",
  UINT32: "an integer",
  UINT64: "an integer",
  INT8: "an integer",
  INT16: "an integer",
  INT32: "an integer",
  INT64: "an integer",
  FP16: "a finite number",
  FP32: "a finite number",
  FP64: "a finite number",
  BYTES: "a string",
}

const between = (range: readonly [number, number]): string => ` from ${range[0]} to ${range[1]}`

/** What more a value of the right kind has to be. */
const LIMIT: Readonly<Record<Datatype, string>> = {
  BOOL: "",
  UINT8: between(INTEGER_RANGES.UINT8),
  UINT16: between(INTEGER_RANGES.UINT16),
  UINT32: between(INTEGER_RANGES.UINT32),
  UINT64: " from 0 to 18446744073709551615, with all digits",
  INT8: between(INTEGER_RANGES.INT8),
  INT16: between(INTEGER_RANGES.INT16),
  INT32: between(INTEGER_RANGES.INT32),
  INT64: " from -9223372036854775808 to 9223372036854775807, with all digits",
  FP16: " within the range of FP16",
  FP32: " within the range of FP32",
  FP64: " within the range of FP64",
  BYTES: " without lone surrogates or NUL characters",
}

/** What an element should have been, given that it was `value`. */
export const expectedElement = (datatype: Datatype, value: unknown): string => {
  const kind = KIND[datatype]
  const rightKind =
    datatype === "BYTES"
      ? typeof value === "string"
      : kind === "an integer"
        ? typeof value === "bigint" || (typeof value === "number" && Math.trunc(value) === value)
        : typeof value === "number"
  return rightKind ? kind + LIMIT[datatype] : kind
}

const fillBooleans =
  (into: Uint8Array): Fill =>
  (values, at) => {
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      if (value !== true && value !== false) return index
      into[at + index] = value ? 1 : 0
    }
    return -1
  }

const fillIntegers =
  (into: { [index: number]: number }, range: readonly [number, number]): Fill =>
  (values, at) => {
    const [low, high] = range
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      if (typeof value !== "number" || !(value >= low && value <= high)) return index
      if (Math.trunc(value) !== value) return index
      into[at + index] = value
    }
    return -1
  }

const fillFloats =
  (into: Float32Array | Float64Array | Float16Array): Fill =>
  (values, at) => {
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      if (typeof value === "number") {
        into[at + index] = value
        // Read back: what is finite in JSON may be too large for the tensor.
        const kept = into[at + index] ?? 0
        if (kept - kept !== 0) return index
      } else if (value === null) into[at + index] = Number.NaN
      else return index
    }
    return -1
  }

const wideStore = (datatype: "INT64" | "UINT64", count: number): ElementStore => {
  const halves = new Uint32Array(count * 2)
  const low = datatype === "INT64" ? Number.NEGATIVE_INFINITY : 0
  let rounded = false
  const fill: Fill = (values, at) => {
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      // Infinity is a number too large for a double: not whole here, and refused when the text is
      // read.
      if (typeof value !== "number" || value < low) return index
      if (Math.trunc(value) !== value) return index
      if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) rounded = true
      // Two stores of 32 bits are several times cheaper than making a bigint.
      const element = (at + index) * 2
      halves[element] = value
      halves[element + 1] = Math.floor(value / 2 ** 32)
    }
    return -1
  }
  const into =
    datatype === "INT64" ? new BigInt64Array(halves.buffer) : new BigUint64Array(halves.buffer)
  const finish = () => new Uint8Array(halves.buffer)
  return { fill, finish, wide: { into, rounded: () => rounded } }
}

const textStore = (count: number): ElementStore => {
  const texts = new Array<string>(count)
  const fill: Fill = (values, at) => {
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      if (typeof value !== "string" || !value.isWellFormed() || value.includes("\0")) return index
      texts[at + index] = value
    }
    return -1
  }
  return { fill, finish: () => encodeTexts(texts) }
}

/**
 * Room for `count` elements, to be filled with JSON values. JSON null becomes NaN in floats, where
 * the checker judges it.
 */
export const elementStore = (datatype: Datatype, count: number): ElementStore => {
  if (datatype === "BYTES") return textStore(count)
  if (datatype === "INT64" || datatype === "UINT64") return wideStore(datatype, count)
  return numberStore(datatype, count)
}

const numberStore = (
  datatype: Exclude<Datatype, "BYTES" | "INT64" | "UINT64">,
  count: number,
): ElementStore => {
  const data = new Uint8Array(count * ELEMENT_BYTES[datatype])
  const finish = () => data
  switch (datatype) {
    case "BOOL":
      return { fill: fillBooleans(data), finish }
    case "UINT8":
      return { fill: fillIntegers(data, INTEGER_RANGES.UINT8), finish }
    case "UINT16":
      return { fill: fillIntegers(new Uint16Array(data.buffer), INTEGER_RANGES.UINT16), finish }
    case "UINT32":
      return { fill: fillIntegers(new Uint32Array(data.buffer), INTEGER_RANGES.UINT32), finish }
    case "INT8":
      return { fill: fillIntegers(new Int8Array(data.buffer), INTEGER_RANGES.INT8), finish }
    case "INT16":
      return { fill: fillIntegers(new Int16Array(data.buffer), INTEGER_RANGES.INT16), finish }
    case "INT32":
      return { fill: fillIntegers(new Int32Array(data.buffer), INTEGER_RANGES.INT32), finish }
    case "FP16":
      return { fill: fillFloats(new Float16Array(data.buffer)), finish }
    case "FP32":
      return { fill: fillFloats(new Float32Array(data.buffer)), finish }
    case "FP64":
      return { fill: fillFloats(new Float64Array(data.buffer)), finish }
  }
}
