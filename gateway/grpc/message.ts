// Protobuf messages as tables of typed fields. A loader of .proto files gives values of no certain
// type; a table is checked by the compiler, bounds its lists while it reads, and says which field
// is wrong. It knows what our messages need: no groups, no extensions, maps as lists of entries.
import { isUtf8 } from "node:buffer"
import { MalformedWire, WIRE, WireReader } from "#core/inference/wire-reader"
import { WIRE_TYPE, WireWriter } from "./wire-writer.ts"

/** A varint of 64 bits. */
const VARINT_BYTES_MAX = 10

/** One field of a message. Methods, so that a field of any type is a field of something unknown. */
export interface Field<A> {
  readonly number: number
  /** The value of a field that is not there. */
  absent(): A
  /** Reads the occurrence at which `reader` stands; `before` is what came before it. */
  read(reader: WireReader, before: A): A
  write(writer: WireWriter, value: A): void
}
export type Fields = Readonly<Record<string, Field<unknown>>>
export type ValueOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer A> ? A : never
}

export interface Message<A> {
  /** @throws MalformedWire */
  readonly decode: (bytes: Uint8Array) => A
  /** @throws MalformedWire */
  readonly read: (reader: WireReader) => A
  readonly encode: (value: A) => Buffer
}

const expectType = (reader: WireReader, wireType: number): void => {
  if (reader.wireType !== wireType)
    throw new MalformedWire(
      `field ${reader.field}: expected wire type ${wireType}, got ${reader.wireType}`,
    )
}

const readText = (reader: WireReader): string => {
  expectType(reader, WIRE.bytes)
  const { view, field } = reader
  if (!isUtf8(view)) throw new MalformedWire(`field ${field}: expected UTF-8, got other bytes`)
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("utf8")
}

const readBytes = (reader: WireReader): Uint8Array => {
  expectType(reader, WIRE.bytes)
  return reader.view
}

/** Wider than a number holds exactly: as the nearest, which no check of ours lets pass. */
const readInteger = (reader: WireReader): number => {
  expectType(reader, WIRE.varint)
  return Number(reader.integer)
}

export const text = (number: number): Field<string> => ({
  number,
  absent: () => "",
  read: readText,
  write: (writer, value) => {
    if (value === "") return
    writer.key(number, WIRE_TYPE.bytes)
    writer.text(value)
  },
})

export const flag = (number: number): Field<boolean> => ({
  number,
  absent: () => false,
  read: (reader) => readInteger(reader) !== 0,
  write: (writer, value) => {
    if (!value) return
    writer.key(number, WIRE_TYPE.varint)
    writer.varint(1)
  },
})

/** int32, int64, uint64 or an enumeration whose values a number holds exactly. */
export const integer = (number: number): Field<number> => ({
  number,
  absent: () => 0,
  read: readInteger,
  write: (writer, value) => {
    if (value === 0) return
    writer.key(number, WIRE_TYPE.varint)
    writer.varint(value)
  },
})

/** A field whose absence differs from its zero: a member of a oneof. */
const choice = <A>(
  number: number,
  wireType: 0 | 1 | 2,
  read: (reader: WireReader) => A,
  write: (writer: WireWriter, value: A) => void,
): Field<A | undefined> => ({
  number,
  absent: () => undefined,
  read: (reader) => {
    expectType(reader, wireType)
    return read(reader)
  },
  write: (writer, value) => {
    if (value === undefined) return
    writer.key(number, wireType)
    write(writer, value)
  },
})

export const flagChoice = (number: number): Field<boolean | undefined> =>
  choice<boolean>(
    number,
    WIRE_TYPE.varint,
    (reader) => reader.integer !== 0n,
    (writer, value) => writer.varint(value ? 1 : 0),
  )

export const int64Choice = (number: number): Field<bigint | undefined> =>
  choice<bigint>(
    number,
    WIRE_TYPE.varint,
    (reader) => reader.integer,
    (writer, value) => writer.wideVarint(value),
  )

export const uint64Choice = (number: number): Field<bigint | undefined> =>
  choice<bigint>(
    number,
    WIRE_TYPE.varint,
    (reader) => BigInt.asUintN(64, reader.integer),
    (writer, value) => writer.wideVarint(value),
  )

export const textChoice = (number: number): Field<string | undefined> =>
  choice<string>(number, WIRE_TYPE.bytes, readText, (writer, value) => writer.text(value))

export const bytesChoice = (number: number): Field<Uint8Array | undefined> =>
  choice<Uint8Array>(number, WIRE_TYPE.bytes, readBytes, (writer, value) => writer.bytes(value))

export const doubleChoice = (number: number): Field<number | undefined> =>
  choice<number>(
    number,
    WIRE_TYPE.fixed64,
    ({ view }) => Buffer.from(view.buffer, view.byteOffset, 8).readDoubleLE(),
    (writer, value) => writer.double(value),
  )

/** A message inside a message. */
export const inner = <A>(number: number, message: Message<A>): Field<A | undefined> =>
  choice<A>(
    number,
    WIRE_TYPE.bytes,
    (reader) => message.read(reader.message()),
    (writer, value) => writer.bytes(message.encode(value)),
  )

const tooMany = (number: number, max: number): MalformedWire =>
  new MalformedWire(`field ${number}: expected at most ${max} entries, got more`)

const list = <A>(
  number: number,
  max: number,
  read: (reader: WireReader) => A,
  write: (writer: WireWriter, value: A) => void,
): Field<ReadonlyArray<A>> => ({
  number,
  absent: () => [],
  // The lists are short: a copy for each entry costs less than telling our lists from others.
  read: (reader, before) => {
    if (before.length >= max) throw tooMany(number, max)
    return [...before, read(reader)]
  },
  write: (writer, values) => {
    for (const value of values) {
      writer.key(number, WIRE_TYPE.bytes)
      write(writer, value)
    }
  },
})

export const texts = (number: number, max: number): Field<ReadonlyArray<string>> =>
  list(number, max, readText, (writer, value) => writer.text(value))

/** Views of the message that was read. */
export const chunks = (number: number, max: number): Field<ReadonlyArray<Uint8Array>> =>
  list(number, max, readBytes, (writer, value) => writer.bytes(value))

export const messages = <A>(
  number: number,
  max: number,
  message: Message<A>,
): Field<ReadonlyArray<A>> =>
  list<A>(
    number,
    max,
    (reader) => {
      expectType(reader, WIRE.bytes)
      return message.read(reader.message())
    },
    (writer, value) => writer.bytes(message.encode(value)),
  )

/** int64 values that a number holds exactly, packed or not: the dimensions of a shape. */
export const integers = (number: number, max: number): Field<ReadonlyArray<number>> => ({
  number,
  absent: () => [],
  read: (reader, before) => {
    const packed = reader.wireType === WIRE.bytes
    // Each takes at least a byte: before memory is spent on what is refused anyway.
    if (packed && reader.to - reader.from > max * VARINT_BYTES_MAX) throw tooMany(number, max)
    const more = packed ? [...reader.packedIntegers()].map(Number) : [readInteger(reader)]
    const all = [...before, ...more]
    if (all.length > max) throw tooMany(number, max)
    return all
  },
  write: (writer, values) => {
    if (values.length === 0) return
    const packed = new WireWriter()
    for (const value of values) packed.varint(value)
    writer.key(number, WIRE_TYPE.bytes)
    writer.bytes(packed.end())
  },
})

export const message = <F extends Fields>(fields: F): Message<ValueOf<F>> => {
  const entries = Object.entries(fields)
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]))
  const read = (reader: WireReader): ValueOf<F> => {
    const value: Record<string, unknown> = {}
    for (const [name, field] of entries) value[name] = field.absent()
    while (reader.next()) {
      const known = byNumber.get(reader.field)
      if (known === undefined) continue
      value[known.name] = known.field.read(reader, value[known.name])
    }
    // Built name by name from the same fields that the type is computed from.
    return value as ValueOf<F>
  }
  return {
    read,
    decode: (bytes) => read(new WireReader(bytes)),
    encode: (value) => {
      const writer = new WireWriter()
      for (const [name, field] of entries) field.write(writer, value[name])
      return writer.end()
    },
  }
}

/** An enumeration by the names of its values; one that is not among them is written as 0. */
export const enumeration = (number: number, values: ReadonlyArray<string>): Field<string> => {
  const whole = integer(number)
  return {
    number,
    absent: () => values[0] ?? "",
    read: (reader) => values[whole.read(reader, 0)] ?? "",
    write: (writer, value) => whole.write(writer, Math.max(0, values.indexOf(value))),
  }
}
