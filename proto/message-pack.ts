// MessagePack as positional arrays: half the bytes of maps. A record's wire form is `[format,
// field, field, …]` with the fields in the order of its layout; what comes in is rebuilt by layout
// and then checked whole by its schema.
import { Decoder } from "@msgpack/msgpack"
import { Schema } from "effect"
import { asBuffer } from "./as-buffer.ts"
import { HexadecimalField } from "./hexadecimal.ts"
import { checkExtent } from "./message-pack-scan.ts"
import { MessagePackWriter } from "./message-pack-writer.ts"

/** Longest text and longest run of bytes that a message may claim before it is refused. */
const TEXT_MAX_BYTES = 1 << 20
const BINARY_MAX_BYTES = 64 << 20
/** What was found can be as long as the message; a reason travels in answers and facts. */
const REASON_MAX_CHARACTERS = 400

// Reused; what it hands out is a copy, since the client keeps a reference to published bytes.
const writer = new MessagePackWriter()
const decoder = new Decoder({
  maxStrLength: TEXT_MAX_BYTES,
  maxBinLength: BINARY_MAX_BYTES,
  maxExtLength: 0,
})

/**
 * Bytes that are no valid record: truncated, of an unknown format, or with a field of the wrong
 * kind.
 */
export class UnreadableRecord extends Schema.TaggedError<UnreadableRecord>()("UnreadableRecord", {
  record: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `not a readable ${this.record}: ${this.reason}`
  }
}

export type Nested = Layout | readonly [Layout]
/**
 * Field order of a record, and the layout of those fields that are records or lists of records
 * themselves.
 */
export interface Layout {
  readonly fields: ReadonlyArray<string>
  readonly nested?: Readonly<Record<string, Nested>>
  /** Fields whose hexadecimal text is stored as bytes, and as how many. */
  readonly hex?: Readonly<Record<string, number>>
  /**
   * How many of the last fields came later: absent ones are left out there, so that a record that
   * needs none of them has the bytes that it always had. Only of a whole record.
   */
  readonly later?: number
}

/** A layout made ready: the facts of a busy log pass through it twice each. */
interface Step {
  readonly field: string
  /** Layout of a record, or of each record of a list. */
  readonly one: ReadonlyArray<Step> | undefined
  readonly each: ReadonlyArray<Step> | undefined
  readonly hex: HexadecimalField | undefined
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null
const isAbsent = (value: unknown): boolean => value === undefined || value === null
const isList = (nested: Nested): nested is readonly [Layout] => Array.isArray(nested)

const stepsOf = (layout: Layout): ReadonlyArray<Step> =>
  layout.fields.map((field) => {
    const nested = layout.nested?.[field]
    const bytes = layout.hex?.[field]
    const hex = bytes === undefined ? undefined : new HexadecimalField(bytes)
    if (nested === undefined) return { field, one: undefined, each: undefined, hex }
    return isList(nested)
      ? { field, one: undefined, each: stepsOf(nested[0]), hex: undefined }
      : { field, one: stepsOf(nested), each: undefined, hex: undefined }
  })

// A reader that guards itself refuses a map with this key, and with it the whole record.
const UNREADABLE_KEY = "__proto__"
const readable = (part: unknown): unknown =>
  isRecord(part) &&
  !(part instanceof Uint8Array) &&
  !Array.isArray(part) &&
  Object.hasOwn(part, UNREADABLE_KEY)
    ? Object.fromEntries(Object.entries(part).filter(([key]) => key !== UNREADABLE_KEY))
    : part

/** Writes the fields of a record into a list that was begun for them. */
const writeFields = (
  steps: ReadonlyArray<Step>,
  value: Readonly<Record<string, unknown>>,
): void => {
  for (const { field, one, each, hex } of steps) {
    const part = value[field]
    if (isAbsent(part)) writer.nil()
    else if (hex !== undefined) writeHex(field, hex, part)
    else if (one !== undefined) writeRecord(one, part)
    else if (each === undefined) writer.value(readable(part))
    else if (Array.isArray(part)) {
      writer.listOf(part.length)
      for (const item of part) writeRecord(each, item)
    } else writer.nil()
  }
}

const writeHex = (field: string, hex: HexadecimalField, part: unknown): void => {
  const bytes = hex.bytesOf(part)
  if (bytes === undefined)
    throw new Error(`${field}: expected ${2 * hex.byteLength} lower-case hexadecimal digits`)
  writer.binary(bytes)
}

const writeRecord = (steps: ReadonlyArray<Step>, value: unknown): void => {
  if (isRecord(value)) {
    writer.listOf(steps.length)
    writeFields(steps, value)
  } else writer.nil()
}

const readHex = (field: string, bytes: number, part: unknown): string => {
  if (part instanceof Uint8Array && part.byteLength === bytes) return asBuffer(part).toString("hex")
  throw new Error(`${field}: expected ${bytes} bytes`)
}

const fromWire = (steps: ReadonlyArray<Step>, wire: unknown): unknown => {
  // A map with the right names is no second way to write a record: its fields could not be upcast.
  if (!Array.isArray(wire)) {
    const names = steps.map(({ field }) => field).join(", ")
    throw new Error(`expected the array of ${names}`)
  }
  const record: Record<string, unknown> = {}
  for (let index = 0; index < steps.length; index++) {
    const part: unknown = wire[index]
    const step = steps[index]
    // Absent and null are one: optional fields are left out of the record.
    if (part === null || part === undefined || step === undefined) continue
    const { field, one, each, hex } = step
    if (hex !== undefined) record[field] = readHex(field, hex.byteLength, part)
    else if (one !== undefined) record[field] = fromWire(one, part)
    else if (each === undefined) record[field] = part
    else record[field] = Array.isArray(part) ? part.map((item) => fromWire(each, item)) : part
  }
  return record
}

/**
 * Turns the wire form of one older format into the next newer one; the format number itself is not
 * in it.
 */
export type Upcast = (fields: ReadonlyArray<unknown>) => ReadonlyArray<unknown>

export interface RecordCodec<A> {
  /** `tensorBytes`: how many bytes of tensors are in it, where its caller knows; saves a copy. */
  readonly encode: (value: A, tensorBytes?: number) => Uint8Array
  /** Throws `UnreadableRecord`. Binary fields are views of `bytes`, not copies. */
  readonly decode: (bytes: Uint8Array) => A
}

/** What went wrong, in a length that can travel. */
export const reasonOf = (cause: unknown): string => {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return reason.length <= REASON_MAX_CHARACTERS
    ? reason
    : `${reason.slice(0, REASON_MAX_CHARACTERS).toWellFormed()}…`
}

/** Formats are whole numbers from 1 up to the one that is written now. */
export const isFormat = (found: unknown, format: number): found is number =>
  typeof found === "number" && Number.isInteger(found) && found >= 1 && found <= format
export const unknownFormat = (found: unknown, format: number): string =>
  `format ${reasonOf(found)} is unknown, 1 to ${format} can be read`

/**
 * The codec of a record. `upcasts` are keyed by the format that they read, and lead from each older
 * format to the current one; a format that is newer than the current one is refused.
 */
export const recordCodec = <A, I>(
  name: string,
  schema: Schema.Codec<A, I>,
  layout: Layout,
  format: number,
  upcasts: Readonly<Record<number, Upcast>> = {},
): RecordCodec<A> => {
  const check = Schema.decodeUnknownSync(schema)
  const steps = stepsOf(layout)
  const leastLength = steps.length - (layout.later ?? 0)
  const stepsOfLength = Array.from({ length: steps.length - leastLength + 1 }, (_, more) =>
    steps.slice(0, leastLength + more),
  )
  /** Fields of the newest readers are left out where they are absent. */
  const stepsIn = (record: Readonly<Record<string, unknown>>): ReadonlyArray<Step> => {
    let length = steps.length
    while (length > leastLength && isAbsent(record[steps[length - 1]?.field ?? ""])) length--
    return stepsOfLength[length - leastLength] ?? steps
  }
  const fieldsOf = (bytes: Uint8Array): ReadonlyArray<unknown> => {
    checkExtent(bytes)
    const wire = decoder.decode(bytes)
    if (!Array.isArray(wire))
      throw new Error("expected an array that begins with the format number")
    const [found, ...fields]: ReadonlyArray<unknown> = wire
    if (!isFormat(found, format)) throw new Error(unknownFormat(found, format))
    let current = fields
    for (let from = found; from < format; from++) {
      const upcast = upcasts[from]
      if (upcast === undefined) throw new Error(`format ${found} is no longer read`)
      current = [...upcast(current)]
    }
    return current
  }
  return {
    encode: (value, tensorBytes = 0) => {
      const record: unknown = value
      const present = isRecord(record) ? stepsIn(record) : []
      writer.begin(tensorBytes)
      writer.listOf(1 + present.length)
      writer.value(format)
      if (isRecord(record)) writeFields(present, record)
      return writer.written()
    },
    decode: (bytes) => {
      try {
        return check(fromWire(steps, fieldsOf(bytes)))
      } catch (cause) {
        throw new UnreadableRecord({ record: name, reason: reasonOf(cause) })
      }
    },
  }
}
