// JSON values into the elements of a tensor, one way for each datatype. What does not fit is named
// by its index; the sentence about it is made only then, so that the loops stay as fast as
// JSON.parse itself.
import { type Datatype, ELEMENT_BYTES } from "#proto/tensor"
import { encodeTexts } from "./string-elements.ts"
import { ElementRoom, type NumberView, type WideView } from "./typed-views.ts"

/** The elements of one tensor while they are filled in. */
export interface ElementStore {
  /** Puts a JSON value as element `at`; whether it fits. */
  put(value: unknown, at: number): boolean
  /**
   * Puts JSON values from element `at` on; returns the index of the first that does not fit, or −1.
   */
  fill(values: ReadonlyArray<unknown>, at: number): number
  /** The tensor's bytes; call it when all elements are filled. */
  finish(): Uint8Array
  /** Set for 64-bit integers. */
  readonly wide?: WideElements | undefined
}

export interface WideElements {
  /** Whether a value was beyond 2^53, where JSON.parse rounds. */
  readonly rounded: boolean
  /** The elements, to be filled again from the text (integer-scan.ts). */
  exact(): WideView
}

export const INTEGER_RANGES = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
} as const

/** Small tensors share memory: a buffer for each would cost more than they do. */
const SHARED_BYTES = 64 * 1024
const SHARED_TENSOR_MAX_BYTES = 4 * 1024
const ALIGNMENT_BYTES = 8

let shared = new ElementRoom(0)
let sharedUsed = 0

/** Where the elements of one tensor lie; nothing else is ever put there. */
abstract class Place implements ElementStore {
  protected readonly room: ElementRoom
  protected readonly from: number
  protected readonly byteLength: number

  constructor(byteLength: number) {
    this.byteLength = byteLength
    if (byteLength > SHARED_TENSOR_MAX_BYTES) {
      this.room = new ElementRoom(byteLength)
      this.from = 0
      return
    }
    if (sharedUsed + byteLength > shared.bytes.byteLength) {
      shared = new ElementRoom(SHARED_BYTES)
      sharedUsed = 0
    }
    this.room = shared
    this.from = sharedUsed
    sharedUsed += Math.ceil(byteLength / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
  }

  abstract put(value: unknown, at: number): boolean

  fill(values: ReadonlyArray<unknown>, at: number): number {
    for (let index = 0; index < values.length; index++)
      if (!this.put(values[index], at + index)) return index
    return -1
  }

  finish(): Uint8Array {
    return this.room.bytes.subarray(this.from, this.from + this.byteLength)
  }
}

class BooleanStore extends Place {
  put(value: unknown, at: number): boolean {
    if (value !== true && value !== false) return false
    this.room.bytes[this.from + at] = value ? 1 : 0
    return true
  }
}

const putInteger = (
  into: NumberView,
  element: number,
  low: number,
  high: number,
  value: unknown,
): boolean => {
  if (typeof value !== "number" || !(value >= low && value <= high)) return false
  if (Math.trunc(value) !== value) return false
  into[element] = value
  return true
}

class IntegerStore extends Place {
  readonly #into: NumberView
  readonly #base: number
  readonly #low: number
  readonly #high: number

  constructor(datatype: keyof typeof INTEGER_RANGES, count: number) {
    super(count * ELEMENT_BYTES[datatype])
    const [low, high] = INTEGER_RANGES[datatype]
    this.#into = this.room.as(datatype)
    this.#base = this.from / ELEMENT_BYTES[datatype]
    this.#low = low
    this.#high = high
  }

  put(value: unknown, at: number): boolean {
    return putInteger(this.#into, this.#base + at, this.#low, this.#high, value)
  }

  override fill(values: ReadonlyArray<unknown>, at: number): number {
    const [into, from, low, high] = [this.#into, this.#base + at, this.#low, this.#high]
    for (let index = 0; index < values.length; index++)
      if (!putInteger(into, from + index, low, high, values[index])) return index
    return -1
  }
}

const putFloat = (into: NumberView, element: number, value: unknown): boolean => {
  if (typeof value !== "number") return false
  into[element] = value
  // Read back: what is finite in JSON may be too large for the tensor.
  const kept = into[element] ?? 0
  return kept - kept === 0
}

// What a tensor holds is the same, NaN, whatever it was written as.
const madeOfNulls = new WeakSet<Uint8Array>()

/** Whether `data`, as `finish` gave it, has NaN where the caller wrote null. */
export const hasNulls = (data: Uint8Array): boolean => madeOfNulls.has(data)

class FloatStore extends Place {
  readonly #into: NumberView
  readonly #base: number
  #nulls = false

  constructor(datatype: "FP16" | "FP32" | "FP64", count: number) {
    super(count * ELEMENT_BYTES[datatype])
    this.#into = this.room.as(datatype)
    this.#base = this.from / ELEMENT_BYTES[datatype]
  }

  put(value: unknown, at: number): boolean {
    return putFloat(this.#into, this.#base + at, value) || this.#putNull(value, at)
  }

  override fill(values: ReadonlyArray<unknown>, at: number): number {
    const into = this.#into
    const from = this.#base + at
    for (let index = 0; index < values.length; index++)
      if (!putFloat(into, from + index, values[index]) && !this.#putNull(values[index], at + index))
        return index
    return -1
  }

  override finish(): Uint8Array {
    const data = super.finish()
    if (this.#nulls) madeOfNulls.add(data)
    return data
  }

  #putNull(value: unknown, at: number): boolean {
    if (value !== null) return false
    this.#into[this.#base + at] = Number.NaN
    this.#nulls = true
    return true
  }
}

// Infinity is a number too large for a double: whole here, and refused when the text is read.
const isWhole = (value: unknown, low: number): value is number =>
  typeof value === "number" && value >= low && Math.trunc(value) === value

/** Two stores of 32 bits are several times cheaper than making a bigint. */
const putHalves = (halves: NumberView, element: number, value: number): void => {
  halves[element] = value
  halves[element + 1] = Math.floor(value / 2 ** 32)
}

class WideStore extends Place implements WideElements {
  rounded = false
  readonly #halves: NumberView
  readonly #base: number
  readonly #low: number
  #exact: WideView | undefined

  constructor(datatype: "INT64" | "UINT64", count: number) {
    super(count * ELEMENT_BYTES[datatype])
    this.#halves = this.room.as("UINT32")
    this.#base = this.from / ELEMENT_BYTES.UINT32
    this.#low = datatype === "INT64" ? Number.NEGATIVE_INFINITY : 0
  }

  get wide(): WideElements {
    return this
  }

  put(value: unknown, at: number): boolean {
    if (!isWhole(value, this.#low)) return false
    this.rounded ||= !Number.isSafeInteger(value)
    putHalves(this.#halves, this.#base + at * 2, value)
    return true
  }

  override fill(values: ReadonlyArray<unknown>, at: number): number {
    const halves = this.#halves
    const from = this.#base + at * 2
    const low = this.#low
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      if (!isWhole(value, low)) return index
      if (!Number.isSafeInteger(value)) this.rounded = true
      putHalves(halves, from + index * 2, value)
    }
    return -1
  }

  exact(): WideView {
    const { buffer } = this.room.bytes
    const count = this.byteLength / ELEMENT_BYTES.INT64
    return (this.#exact ??=
      this.#low === 0
        ? new BigUint64Array(buffer, this.from, count)
        : new BigInt64Array(buffer, this.from, count))
  }
}

class TextStore implements ElementStore {
  readonly #texts: Array<string>

  constructor(count: number) {
    this.#texts = new Array<string>(count)
  }

  put(value: unknown, at: number): boolean {
    if (typeof value !== "string" || !value.isWellFormed() || value.includes("\0")) return false
    this.#texts[at] = value
    return true
  }

  fill(values: ReadonlyArray<unknown>, at: number): number {
    for (let index = 0; index < values.length; index++)
      if (!this.put(values[index], at + index)) return index
    return -1
  }

  finish(): Uint8Array {
    return encodeTexts(this.#texts)
  }
}

/**
 * Room for `count` elements, to be filled with JSON values. JSON null becomes NaN in floats, where
 * the checker judges it.
 */
export const elementStore = (datatype: Datatype, count: number): ElementStore => {
  switch (datatype) {
    case "BYTES":
      return new TextStore(count)
    case "INT64":
    case "UINT64":
      return new WideStore(datatype, count)
    case "BOOL":
      return new BooleanStore(count)
    case "FP16":
    case "FP32":
    case "FP64":
      return new FloatStore(datatype, count)
    default:
      return new IntegerStore(datatype, count)
  }
}
