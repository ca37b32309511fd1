// A tensor's bytes as numbers. Decoded messages are views at any offset, and a typed array refuses
// an unaligned one, so such bytes are copied first. Little-endian machines only, like the form
// itself.
import { type Datatype, ELEMENT_BYTES, type Tensor } from "#proto/tensor"

export type NumberView =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float16Array
  | Float32Array
  | Float64Array

export type WideView = BigInt64Array | BigUint64Array

// A Buffer's own `slice` copies nothing, and what comes from NATS is one.
const aligned = (data: Uint8Array, bytes: number): Uint8Array =>
  data.byteOffset % bytes === 0 ? data : new Uint8Array(data)

const viewAs = (
  datatype: Datatype,
  buffer: ArrayBufferLike,
  from: number,
  count: number,
): NumberView | WideView => {
  switch (datatype) {
    case "BOOL":
    case "UINT8":
    case "BYTES":
      return new Uint8Array(buffer, from, count)
    case "INT8":
      return new Int8Array(buffer, from, count)
    case "UINT16":
      return new Uint16Array(buffer, from, count)
    case "INT16":
      return new Int16Array(buffer, from, count)
    case "UINT32":
      return new Uint32Array(buffer, from, count)
    case "INT32":
      return new Int32Array(buffer, from, count)
    case "UINT64":
      return new BigUint64Array(buffer, from, count)
    case "INT64":
      return new BigInt64Array(buffer, from, count)
    case "FP16":
      return new Float16Array(buffer, from, count)
    case "FP32":
      return new Float32Array(buffer, from, count)
    case "FP64":
      return new Float64Array(buffer, from, count)
  }
}

const viewOfData = (datatype: Datatype, data: Uint8Array, count: number): NumberView | WideView => {
  if (ELEMENT_BYTES[datatype] <= 1 && datatype !== "INT8") return data
  const bytes = aligned(data, ELEMENT_BYTES[datatype])
  return viewAs(datatype, bytes.buffer, bytes.byteOffset, count)
}

/** The elements of any datatype but BYTES, whose data is `count` elements long; BOOL as bytes. */
export const viewOf = (tensor: Tensor, count: number): NumberView | WideView =>
  viewOfData(tensor.datatype, tensor.data, count)

/** Memory for elements, with one view for each datatype however many tensors lie in it. */
export class ElementRoom {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly #views = new Map<Datatype, NumberView | WideView>()

  /** `byteLength` is a multiple of eight, or of what its only tensor needs. */
  constructor(byteLength: number) {
    this.bytes = new Uint8Array(byteLength)
  }

  /** All of it. */
  as(datatype: "INT64" | "UINT64"): WideView
  as(datatype: Exclude<Datatype, "INT64" | "UINT64">): NumberView
  as(datatype: Datatype): NumberView | WideView
  as(datatype: Datatype): NumberView | WideView {
    const known = this.#views.get(datatype)
    if (known !== undefined) return known
    const { buffer, byteLength } = this.bytes
    const view = viewAs(datatype, buffer, 0, byteLength / (ELEMENT_BYTES[datatype] || 1))
    this.#views.set(datatype, view)
    return view
  }
}

/** Longest data that is copied to where it can be read again and again without new memory. */
const SCRATCH_BYTES = 1 << 20
/** Up to here a copy costs less than a view, which costs a small array of its own a buffer too. */
const COPY_MAX_BYTES = 16 * 1024

const scratch = new ElementRoom(SCRATCH_BYTES)

/**
 * The same elements, read as those of `datatype`, until this is called again. Those of small or
 * unaligned data are a copy, behind which other bytes may stand: read no more than `count`.
 */
export const viewForNow = (
  datatype: Datatype,
  data: Uint8Array,
  count: number,
): NumberView | WideView => {
  const { byteLength } = data
  const elementBytes = ELEMENT_BYTES[datatype] || 1
  // Bytes as they are; and the check of the length is the view's.
  if (elementBytes === 1 || byteLength !== count * elementBytes)
    return viewOfData(datatype, data, count)
  const isCopied = byteLength <= COPY_MAX_BYTES || data.byteOffset % elementBytes !== 0
  if (!isCopied || byteLength > SCRATCH_BYTES) return viewOfData(datatype, data, count)
  scratch.bytes.set(data)
  return scratch.as(datatype)
}

export type FloatView = Float16Array | Float32Array | Float64Array

export const isFloat = (view: NumberView | WideView): view is FloatView =>
  view instanceof Float32Array || view instanceof Float64Array || view instanceof Float16Array
