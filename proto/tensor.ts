// A tensor as it travels: name, datatype, shape, and its elements as little-endian bytes,
// row-major, in the form of the Open Inference Protocol (BOOL is one byte; each BYTES element is a
// u32 length and its bytes). It checks no values.
import { Schema } from "effect"

export const DATATYPES = [
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "BYTES",
] as const

export const Datatype = Schema.Literals(DATATYPES)
export type Datatype = typeof Datatype.Type

/** Bytes of one element; 0 for BYTES, whose elements differ in length. */
export const ELEMENT_BYTES: Readonly<Record<Datatype, number>> = {
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
  BYTES: 0,
}

/** Most dimensions of a tensor. */
export const DIMENSIONS_MAX = 16
/** Most characters in the name of a tensor. */
export const TENSOR_NAME_MAX_CHARACTERS = 256

export const Dimension = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
export const Shape = Schema.Array(Dimension).check(Schema.isMaxLength(DIMENSIONS_MAX))

export const Tensor = Schema.Struct({
  name: Schema.String.check(Schema.isMaxLength(TENSOR_NAME_MAX_CHARACTERS)),
  datatype: Datatype,
  shape: Shape,
  data: Schema.Uint8Array,
})
export type Tensor = typeof Tensor.Type
export const TENSOR_FIELDS = ["name", "datatype", "shape", "data"] as const

/**
 * Number of elements of a shape, or of its dimensions from `axis` on; 1 for a scalar. May pass 2^53
 * for hostile shapes: compare, do not allocate.
 */
export const elementCount = (shape: ReadonlyArray<number>, axis = 0): number => {
  let count = 1
  for (let index = axis; index < shape.length; index++) count *= shape[index] ?? 1
  return count
}

/** Bytes of the data of all of them. */
export const tensorBytes = (tensors: ReadonlyArray<Tensor>): number => {
  let bytes = 0
  for (const tensor of tensors) bytes += tensor.data.byteLength
  return bytes
}
