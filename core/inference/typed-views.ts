// A tensor's bytes as numbers. Decoded messages are views at any offset, and a typed array refuses
// an unaligned one, so such bytes are copied first. Little-endian machines only, like the form
// itself.
import { ELEMENT_BYTES, type Tensor } from "#proto/tensor"

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

/** The elements of any datatype but BYTES, whose data is `count` elements long; BOOL as bytes. */
export const viewOf = (tensor: Tensor, count: number): NumberView | WideView => {
  const { datatype } = tensor
  const bytes = aligned(tensor.data, ELEMENT_BYTES[datatype] || 1)
  const { buffer, byteOffset } = bytes
  switch (datatype) {
    case "BOOL":
    case "UINT8":
    case "BYTES":
      return bytes
    case "INT8":
      return new Int8Array(buffer, byteOffset, count)
    case "UINT16":
      return new Uint16Array(buffer, byteOffset, count)
    case "INT16":
      return new Int16Array(buffer, byteOffset, count)
    case "UINT32":
      return new Uint32Array(buffer, byteOffset, count)
    case "INT32":
      return new Int32Array(buffer, byteOffset, count)
    case "UINT64":
      return new BigUint64Array(buffer, byteOffset, count)
    case "INT64":
      return new BigInt64Array(buffer, byteOffset, count)
    case "FP16":
      return new Float16Array(buffer, byteOffset, count)
    case "FP32":
      return new Float32Array(buffer, byteOffset, count)
    case "FP64":
      return new Float64Array(buffer, byteOffset, count)
  }
}

export type FloatView = Float16Array | Float32Array | Float64Array

export const isFloat = (view: NumberView | WideView): view is FloatView =>
  view instanceof Float32Array || view instanceof Float64Array || view instanceof Float16Array
