// Tensors between their form on the wire (little-endian bytes) and the runtime's. Bytes that come
// in are never changed and may lie anywhere in a larger buffer; bytes that go out are copies that
// belong to the caller.
import { Tensor as RuntimeTensor } from "onnxruntime-node"
import { Schema } from "effect"
import { type Datatype, ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import { checkTexts, decodeTexts, encodeTexts } from "./string-elements.ts"

/** The bytes of a tensor are not what its datatype and shape promise. */
export class TensorUnreadable extends Schema.TaggedError<TensorUnreadable>()("TensorUnreadable", {
  tensor: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `tensor ${this.tensor}: ${this.reason}`
  }
}

type NumericDatatype = Exclude<Datatype, "BYTES">
type Build = (bytes: Uint8Array, count: number, shape: ReadonlyArray<number>) => RuntimeTensor

/** `bytes` lie as the elements need it. */
const BUILD: Readonly<Record<NumericDatatype, Build>> = {
  BOOL: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("bool", new Uint8Array(buffer, byteOffset, count), shape),
  UINT8: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("uint8", new Uint8Array(buffer, byteOffset, count), shape),
  UINT16: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("uint16", new Uint16Array(buffer, byteOffset, count), shape),
  UINT32: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("uint32", new Uint32Array(buffer, byteOffset, count), shape),
  UINT64: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("uint64", new BigUint64Array(buffer, byteOffset, count), shape),
  INT8: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("int8", new Int8Array(buffer, byteOffset, count), shape),
  INT16: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("int16", new Int16Array(buffer, byteOffset, count), shape),
  INT32: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("int32", new Int32Array(buffer, byteOffset, count), shape),
  INT64: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("int64", new BigInt64Array(buffer, byteOffset, count), shape),
  FP16: ({ buffer, byteOffset }, count, shape) => {
    // The binding under Bun sees a Float16Array as empty, and the constructor turns a Uint16Array
    // into one when asked for "float16": so the tensor is made as uint16 and renamed.
    const halves = new RuntimeTensor("uint16", new Uint16Array(buffer, byteOffset, count), shape)
    return Object.defineProperty(halves, "type", { value: "float16" })
  },
  FP32: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("float32", new Float32Array(buffer, byteOffset, count), shape),
  FP64: ({ buffer, byteOffset }, count, shape) =>
    new RuntimeTensor("float64", new Float64Array(buffer, byteOffset, count), shape),
}

/** The runtime's names of the datatypes. */
const DATATYPE_OF: ReadonlyMap<string, Datatype> = new Map([
  ["bool", "BOOL"],
  ["uint8", "UINT8"],
  ["uint16", "UINT16"],
  ["uint32", "UINT32"],
  ["uint64", "UINT64"],
  ["int8", "INT8"],
  ["int16", "INT16"],
  ["int32", "INT32"],
  ["int64", "INT64"],
  ["float16", "FP16"],
  ["float32", "FP32"],
  ["float64", "FP64"],
  ["string", "BYTES"],
])

/** The datatype that the runtime calls `type`, if the wire has it. */
export const datatypeOfRuntime = (type: string): Datatype | undefined => DATATYPE_OF.get(type)

// Buffer.prototype.slice gives a view, Uint8Array's a copy.
const copyOf = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes)

/**
 * A tensor for the runtime. It reads the given bytes in place where their position allows it, else
 * a copy of them that `copy` makes; neither may change until the run has ended. Throws
 * TensorUnreadable.
 */
export const toRuntime = (
  tensor: Tensor,
  copy: (bytes: Uint8Array) => Uint8Array = copyOf,
): RuntimeTensor => {
  const { name, datatype, shape, data } = tensor
  const count = elementCount(shape)
  if (datatype === "BYTES") return new RuntimeTensor("string", readTexts(tensor, count), shape)
  const expected = count * ELEMENT_BYTES[datatype]
  if (data.byteLength !== expected)
    throw new TensorUnreadable({
      tensor: name,
      reason:
        `${datatype} of shape [${shape.join(", ")}] needs ${expected} bytes, ` +
        `got ${data.byteLength}`,
    })
  // To the runtime these bytes are C++ booleans: any other value is undefined behaviour there.
  if (datatype === "BOOL" && data.some((byte) => byte > 1))
    throw new TensorUnreadable({ tensor: name, reason: "a BOOL element is neither 0 nor 1" })
  const inPlace = data.byteOffset % ELEMENT_BYTES[datatype] === 0
  return BUILD[datatype](inPlace ? data : copy(data), count, shape)
}

const readTexts = ({ name, data }: Tensor, count: number): Array<string> => {
  const fault = checkTexts(data, count)
  if (fault !== undefined)
    throw new TensorUnreadable({
      tensor: name,
      reason: `element ${fault.index}: expected ${fault.expected}, got ${fault.got}`,
    })
  const texts = [...decodeTexts(data, count)]
  // The runtime takes texts as C strings and would cut them there in silence.
  const cut = texts.findIndex((text) => text.includes("\0"))
  if (cut >= 0)
    throw new TensorUnreadable({ tensor: name, reason: `element ${cut} holds a NUL character` })
  return texts
}

/**
 * A copy of what the runtime gave. Throws TensorUnreadable for a type that the wire does not have.
 */
export const fromRuntime = (name: string, value: RuntimeTensor): Tensor => {
  const datatype = DATATYPE_OF.get(value.type)
  const shape = value.dims
  const data: unknown = value.data
  if (datatype === "BYTES" && Array.isArray(data))
    return { name, datatype, shape, data: encodeTexts(data.map(String)) }
  if (datatype === undefined || !ArrayBuffer.isView(data))
    throw new TensorUnreadable({ tensor: name, reason: `${value.type} has no form on the wire` })
  const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { name, datatype, shape, data: copyOf(view) }
}
