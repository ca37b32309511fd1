// The elements of an input that a client sent as typed contents, made into the bytes that a tensor
// travels in. Each datatype has one field for them; a value that its datatype cannot hold is
// refused, not cut.
import { BadRequest } from "#core/inference/bad-request"
import { MalformedWire, WIRE, WireReader } from "#core/inference/wire-reader"
import { ELEMENT_BYTES, elementCount, type Datatype } from "#proto/tensor"

/** Names of the fields of InferTensorContents; the first has number 1. */
const FIELDS = [
  "bool_contents",
  "int_contents",
  "int64_contents",
  "uint_contents",
  "uint64_contents",
  "fp32_contents",
  "fp64_contents",
  "bytes_contents",
]

type Whole = number | bigint

interface Form {
  readonly field: number
  readonly least?: Whole
  readonly most?: Whole
  readonly put?: (into: DataView, at: number, value: Whole) => void
}

const FORMS: Readonly<Record<Exclude<Datatype, "FP16">, Form>> = {
  BOOL: { field: 1, put: (into, at, value) => into.setUint8(at, Number(value) === 0 ? 0 : 1) },
  INT8: {
    field: 2,
    least: -(2 ** 7),
    most: 2 ** 7 - 1,
    put: (into, at, value) => into.setInt8(at, Number(value)),
  },
  INT16: {
    field: 2,
    least: -(2 ** 15),
    most: 2 ** 15 - 1,
    put: (into, at, value) => into.setInt16(at, Number(value), true),
  },
  INT32: {
    field: 2,
    least: -(2 ** 31),
    most: 2 ** 31 - 1,
    put: (into, at, value) => into.setInt32(at, Number(value), true),
  },
  INT64: { field: 3, put: (into, at, value) => into.setBigInt64(at, BigInt(value), true) },
  UINT8: {
    field: 4,
    least: 0,
    most: 2 ** 8 - 1,
    put: (into, at, value) => into.setUint8(at, Number(value)),
  },
  UINT16: {
    field: 4,
    least: 0,
    most: 2 ** 16 - 1,
    put: (into, at, value) => into.setUint16(at, Number(value), true),
  },
  UINT32: {
    field: 4,
    least: 0,
    most: 2 ** 32 - 1,
    put: (into, at, value) => into.setUint32(at, Number(value), true),
  },
  UINT64: { field: 5, put: (into, at, value) => into.setBigUint64(at, BigInt(value), true) },
  FP32: { field: 6 },
  FP64: { field: 7 },
  BYTES: { field: 8 },
}

/** So many bytes of seven bits each are a whole number that a double holds exactly. */
const EXACT_VARINT_BYTES = 7

/** The varint of `bytes` from `from` up to `to`, as a signed number of 64 bits. */
const readWhole = (bytes: Uint8Array, from: number, to: number): Whole => {
  if (to - from <= EXACT_VARINT_BYTES) {
    let value = 0
    for (let at = to - 1; at >= from; at--) value = value * 128 + ((bytes[at] ?? 0) & 127)
    return value
  }
  let value = 0n
  for (let at = to - 1; at >= from; at--) value = (value << 7n) | BigInt((bytes[at] ?? 0) & 127)
  return BigInt.asIntN(64, value)
}

/** Where the varint that begins at `from` ends. */
const endOfVarint = (bytes: Uint8Array, from: number): number => {
  for (let at = from; at < bytes.byteLength; at++) if ((bytes[at] ?? 0) < 128) return at + 1
  throw new MalformedWire("contents end inside a number")
}

interface Place {
  readonly path: string
  readonly datatype: Datatype
  readonly count: number
}

const wrongCount = ({ path, count }: Place, got: string): BadRequest =>
  new BadRequest(`${path}.contents`, `${count} element${count === 1 ? "" : "s"}`, got)

const readWholes = (
  place: Place,
  form: Form,
  parts: ReadonlyArray<Uint8Array>,
): Uint8Array | BadRequest => {
  const { path, datatype, count } = place
  const size = ELEMENT_BYTES[datatype]
  const data = new Uint8Array(count * size)
  const into = new DataView(data.buffer)
  const { least, most, put } = form
  let index = 0
  for (const bytes of parts) {
    for (let at = 0; at < bytes.byteLength; index++) {
      if (index === count) return wrongCount(place, "more")
      const end = endOfVarint(bytes, at)
      const value = readWhole(bytes, at, end)
      if ((least !== undefined && value < least) || (most !== undefined && value > most))
        return new BadRequest(`${path}.contents[${index}]`, `${least} to ${most}`, `${value}`)
      put?.(into, index * size, value)
      at = end
    }
  }
  return index === count ? data : wrongCount(place, `${index}`)
}

/** Packed floats are the bytes of the tensor already. */
const readFloats = (place: Place, parts: ReadonlyArray<Uint8Array>): Uint8Array | BadRequest => {
  const size = ELEMENT_BYTES[place.datatype]
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0)
  if (bytes !== place.count * size) return wrongCount(place, `${bytes / size}`)
  return Buffer.concat(parts)
}

const readTexts = (place: Place, parts: ReadonlyArray<Uint8Array>): Uint8Array | BadRequest => {
  if (parts.length !== place.count) return wrongCount(place, `${parts.length}`)
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(part.byteLength)
      return [length, part]
    }),
  )
}

/**
 * The data of an input of a known datatype and shape, from the bytes of its InferTensorContents.
 *
 * @throws MalformedWire
 */
export const readContents = (
  path: string,
  contents: Uint8Array,
  datatype: Datatype,
  shape: ReadonlyArray<number>,
): Uint8Array | BadRequest => {
  if (datatype === "FP16")
    return new BadRequest(`${path}.contents`, "raw_input_contents for FP16", "typed contents")
  const form = FORMS[datatype]
  const parts: Array<Uint8Array> = []
  const reader = new WireReader(contents)
  while (reader.next()) {
    if (reader.field > FIELDS.length) continue
    if (reader.field !== form.field) {
      const wanted = `${FIELDS[form.field - 1]} for ${datatype}`
      return new BadRequest(`${path}.contents`, wanted, `${FIELDS[reader.field - 1]}`)
    }
    if (datatype === "BYTES" && reader.wireType !== WIRE.bytes)
      throw new MalformedWire(`field ${reader.field}: expected bytes`)
    parts.push(reader.view)
  }
  const place = { path, datatype, count: elementCount(shape) }
  if (datatype === "BYTES") return readTexts(place, parts)
  if (datatype === "FP32" || datatype === "FP64") return readFloats(place, parts)
  // Each takes at least a byte: before memory is spent on what a shape claims.
  if (place.count > contents.byteLength) return wrongCount(place, "fewer")
  return readWholes(place, form, parts)
}
