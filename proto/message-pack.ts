// MessagePack as positional arrays: half the bytes of maps. A record's wire form is `[format,
// field, field, …]` with the fields in the order of its layout; what comes in is rebuilt by layout
// and then checked whole by its schema.
import { Decoder, Encoder } from "@msgpack/msgpack"
import { Schema } from "effect"
import { checkExtent } from "./message-pack-scan.ts"

/** Longest text and longest run of bytes that a message may claim before it is refused. */
const TEXT_MAX_BYTES = 1 << 20
const BINARY_MAX_BYTES = 64 << 20
/** What was found can be as long as the message; a reason travels in answers and facts. */
const REASON_MAX_CHARACTERS = 400

// A reused encoder costs a third of `encode()`. It returns a copy: the client keeps a reference to
// published bytes.
const encoder = new Encoder({ ignoreUndefined: true })
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
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null
const isList = (nested: Nested): nested is readonly [Layout] => Array.isArray(nested)

// A reader that guards itself refuses a map with this key, and with it the whole record.
const UNREADABLE_KEY = "__proto__"
const readable = (part: unknown): unknown =>
  isRecord(part) && Object.hasOwn(part, UNREADABLE_KEY)
    ? Object.fromEntries(Object.entries(part).filter(([key]) => key !== UNREADABLE_KEY))
    : part

const toWire = (layout: Layout, value: unknown): unknown => {
  if (!isRecord(value)) return null
  return layout.fields.map((field) => {
    const nested = layout.nested?.[field]
    const part = value[field]
    if (part === undefined || part === null) return null
    if (nested === undefined) return readable(part)
    if (!isList(nested)) return toWire(nested, part)
    return Array.isArray(part) ? part.map((item) => toWire(nested[0], item)) : null
  })
}

const fromWire = (layout: Layout, wire: unknown): unknown => {
  // A map with the right names is no second way to write a record: its fields could not be upcast.
  if (!Array.isArray(wire)) throw new Error(`expected the array of ${layout.fields.join(", ")}`)
  const record: Record<string, unknown> = {}
  for (const [index, field] of layout.fields.entries()) {
    const part: unknown = wire[index]
    // Absent and null are one: optional fields are left out of the record.
    if (part === null || part === undefined) continue
    const nested = layout.nested?.[field]
    if (nested === undefined) record[field] = part
    else if (!isList(nested)) record[field] = fromWire(nested, part)
    else record[field] = Array.isArray(part) ? part.map((item) => fromWire(nested[0], item)) : part
  }
  return record
}

/**
 * Turns the wire form of one older format into the next newer one; the format number itself is not
 * in it.
 */
export type Upcast = (fields: ReadonlyArray<unknown>) => ReadonlyArray<unknown>

export interface RecordCodec<A> {
  readonly encode: (value: A) => Uint8Array
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
    encode: (value) => {
      const fields = toWire(layout, value)
      return encoder.encode([format, ...(Array.isArray(fields) ? fields : [])])
    },
    decode: (bytes) => {
      try {
        return check(fromWire(layout, fieldsOf(bytes)))
      } catch (cause) {
        throw new UnreadableRecord({ record: name, reason: reasonOf(cause) })
      }
    },
  }
}
