// One input or output of an ONNX graph (ValueInfoProto) as a TensorSpec. It refuses what has no
// form on the wire: sequences, maps, optional and sparse values, and element types that the
// protocol does not have.
import type { TensorSpec } from "#proto/signature"
import { type Datatype, DIMENSIONS_MAX, TENSOR_NAME_MAX_CHARACTERS } from "#proto/tensor"
import { refuse } from "./model-refused.ts"
import type { WireReader } from "./wire-reader.ts"

/** Names inside a graph can be long paths; nobody but the runtime reads them. */
const TEXT_MAX_BYTES = 1 << 16

/** Field numbers of onnx.proto. */
const VALUE = { name: 1, type: 2 }
const TYPE = { tensor: 1, sequence: 4, map: 5, opaque: 7, sparse: 8, optional: 9 }
const TENSOR_TYPE = { element: 1, shape: 2 }
const SEQUENCE_ELEMENT = 1
const SHAPE_DIMENSION = 1
const DIMENSION_VALUE = 1

/** onnx.TensorProto.DataType; the others have no form in the Open Inference Protocol. */
const DATATYPE_OF_ELEMENT = new Map<number, Datatype>([
  [1, "FP32"],
  [2, "UINT8"],
  [3, "INT8"],
  [4, "UINT16"],
  [5, "INT16"],
  [6, "INT32"],
  [7, "INT64"],
  [8, "BYTES"],
  [9, "BOOL"],
  [10, "FP16"],
  [11, "FP64"],
  [12, "UINT32"],
  [13, "UINT64"],
])
const OTHER_ELEMENTS = new Map<number, string>([
  [14, "COMPLEX64"],
  [15, "COMPLEX128"],
  [16, "BFLOAT16"],
  [17, "FLOAT8E4M3FN"],
  [18, "FLOAT8E4M3FNUZ"],
  [19, "FLOAT8E5M2"],
  [20, "FLOAT8E5M2FNUZ"],
  [21, "UINT4"],
  [22, "INT4"],
  [23, "FLOAT4E2M1"],
  [24, "FLOAT8E8M0"],
])

export interface OnnxValue {
  readonly name: string
  /** Throws ModelRefused: only a value that the caller sees has to have a form on the wire. */
  readonly read: () => { readonly spec: TensorSpec; readonly ranked: boolean }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The current field as text. Throws ModelRefused when it is longer than `maxBytes` or no UTF-8. */
export const readText = (reader: WireReader, what: string, maxBytes = TEXT_MAX_BYTES): string => {
  if (reader.to - reader.from > maxBytes) return refuse(`${what} is longer than ${maxBytes} bytes`)
  try {
    return decoder.decode(reader.view)
  } catch {
    return refuse(`${what} is not UTF-8`)
  }
}

/** A ValueInfoProto; `role` is "input" or "output". */
export const readValue = (reader: WireReader, role: string): OnnxValue => {
  let name = ""
  const types: Array<WireReader> = []
  while (reader.next()) {
    if (reader.field === VALUE.name) name = readText(reader, `the name of an ${role}`)
    else if (reader.field === VALUE.type) types.push(reader.message())
  }
  const what = `${role} ${name}`
  return {
    name,
    read: () => {
      checkName(name, role)
      const type = types[0]
      if (type === undefined || types.length > 1) return refuse(`${what} has no single type`)
      return readType(type, name, what)
    },
  }
}

const checkName = (name: string, role: string): void => {
  if (name.length > TENSOR_NAME_MAX_CHARACTERS)
    return refuse(
      `the name of an ${role} has ${name.length} characters; ` +
        `the limit is ${TENSOR_NAME_MAX_CHARACTERS}`,
    )
}

const readType = (type: WireReader, name: string, what: string): ReturnType<OnnxValue["read"]> => {
  let tensor: WireReader | undefined
  while (type.next()) {
    switch (type.field) {
      case TYPE.tensor:
        if (tensor !== undefined) return refuse(`${what} has no single type`)
        tensor = type.message()
        break
      case TYPE.sequence:
        return refuseSequence(type.message(), what)
      case TYPE.map:
        return refuse(`${what} is a map: export the model without ZipMap (zipmap=False)`)
      case TYPE.optional:
        return refuse(`${what} is an optional value, which has no form on the wire`)
      case TYPE.sparse:
        return refuse(`${what} is a sparse tensor, which has no form on the wire`)
      case TYPE.opaque:
        return refuse(`${what} is an opaque value, which has no form on the wire`)
    }
  }
  if (tensor === undefined) return refuse(`${what} has no type`)
  return readTensorType(tensor, name, what)
}

const refuseSequence = (sequence: WireReader, what: string): never => {
  while (sequence.next()) {
    if (sequence.field !== SEQUENCE_ELEMENT) continue
    const element = sequence.message()
    while (element.next()) {
      if (element.field === TYPE.map)
        return refuse(
          `${what} is a sequence<map>: export the model without ZipMap ` +
            '(skl2onnx: options={"zipmap": False})',
        )
    }
  }
  return refuse(`${what} is a sequence, which has no form on the wire: export it as a tensor`)
}

const readTensorType = (
  type: WireReader,
  name: string,
  what: string,
): ReturnType<OnnxValue["read"]> => {
  let element = 0
  let shape: Array<number> | undefined
  while (type.next()) {
    if (type.field === TENSOR_TYPE.element) element = Number(type.integer)
    else if (type.field === TENSOR_TYPE.shape) {
      shape ??= []
      readShape(type.message(), shape, what)
    }
  }
  const datatype = DATATYPE_OF_ELEMENT.get(element)
  if (datatype === undefined) {
    const kind = OTHER_ELEMENTS.get(element) ?? `unknown type ${element}`
    return refuse(`${what} has elements of ${kind}, which have no form on the wire: add a Cast`)
  }
  return { spec: { name, datatype, shape: shape ?? [] }, ranked: shape !== undefined }
}

const readShape = (reader: WireReader, shape: Array<number>, what: string): void => {
  while (reader.next()) {
    if (reader.field !== SHAPE_DIMENSION) continue
    if (shape.length === DIMENSIONS_MAX)
      return refuse(`${what} has more than ${DIMENSIONS_MAX} dimensions`)
    const dimension = reader.message()
    let size = -1
    while (dimension.next()) {
      if (dimension.field === DIMENSION_VALUE) size = Number(dimension.integer)
    }
    if (!Number.isSafeInteger(size)) return refuse(`${what} has a dimension of ${size}`)
    // The runtime, too, reads a negative size as "varies".
    shape.push(Math.max(size, -1))
  }
}
