// MessagePack as positional arrays: half the bytes of maps. A record's wire form is `[format, field, field, …]` with the
// fields in the order of its layout; what comes in is rebuilt by layout and then checked whole by its schema.
import { Decoder, Encoder } from "@msgpack/msgpack"
import { Schema } from "effect"

/** Longest text, longest run of bytes, and most entries that a message may claim before it is refused. */
const TEXT_MAX_BYTES = 1 << 20
const BINARY_MAX_BYTES = 64 << 20
const ENTRIES_MAX = 1 << 20

// A reused encoder costs a third of `encode()`. It returns a copy: the client keeps a reference to published bytes.
const encoder = new Encoder({ ignoreUndefined: true })
const decoder = new Decoder({
  maxStrLength: TEXT_MAX_BYTES,
  maxBinLength: BINARY_MAX_BYTES,
  maxArrayLength: ENTRIES_MAX,
  maxMapLength: ENTRIES_MAX,
  maxExtLength: 0,
})

/** Bytes that are no valid record: truncated, of an unknown format, or with a field of the wrong kind. */
export class UnreadableRecord extends Schema.TaggedError<UnreadableRecord>()("UnreadableRecord", {
  record: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `not a readable ${this.record}: ${this.reason}`
  }
}

export type Nested = Layout | readonly [Layout]
/** Field order of a record, and the layout of those fields that are records or lists of records themselves. */
export interface Layout {
  readonly fields: ReadonlyArray<string>
  readonly nested?: Readonly<Record<string, Nested>>
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null
const isList = (nested: Nested): nested is readonly [Layout] => Array.isArray(nested)

const toWire = (layout: Layout, value: unknown): unknown => {
  if (!isRecord(value)) return null
  return layout.fields.map((field) => {
    const nested = layout.nested?.[field]
    const part = value[field]
    if (nested === undefined || part === undefined || part === null) return part ?? null
    if (!isList(nested)) return toWire(nested, part)
    return Array.isArray(part) ? part.map((item) => toWire(nested[0], item)) : null
  })
}

const fromWire = (layout: Layout, wire: unknown): unknown => {
  if (!Array.isArray(wire)) return wire
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

/** Turns the wire form of one older format into the next newer one; the format number itself is not in it. */
export type Upcast = (fields: ReadonlyArray<unknown>) => ReadonlyArray<unknown>

export interface RecordCodec<A> {
  readonly encode: (value: A) => Uint8Array
  /** Throws `UnreadableRecord`. Binary fields are views of `bytes`, not copies. */
  readonly decode: (bytes: Uint8Array) => A
}

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause)

/**
 * The codec of a record. `upcasts` are keyed by the format that they read, and lead from each older format to the
 * current one; a format that is newer than the current one is refused.
 */
export const recordCodec = <A, I>(
  name: string,
  schema: Schema.Codec<A, I>,
  layout: Layout,
  format: number,
  upcasts: Readonly<Record<number, Upcast>> = {},
): RecordCodec<A> => {
  const check = Schema.decodeUnknownSync(schema)
  const refuse = (reason: string) => new UnreadableRecord({ record: name, reason })
  const fieldsOf = (bytes: Uint8Array): ReadonlyArray<unknown> => {
    let wire: unknown
    try {
      wire = decoder.decode(bytes)
    } catch (cause) {
      throw refuse(reasonOf(cause))
    }
    if (!Array.isArray(wire)) throw refuse("expected an array that begins with the format number")
    const [found, ...fields]: ReadonlyArray<unknown> = wire
    if (typeof found !== "number" || found > format || found < 1)
      throw refuse(`format ${String(found)} is unknown, 1 to ${format} can be read`)
    let current = fields
    for (let from = found; from < format; from++) {
      const upcast = upcasts[from]
      if (upcast === undefined) throw refuse(`format ${found} is no longer read`)
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
      const record = fromWire(layout, fieldsOf(bytes))
      try {
        return check(record)
      } catch (cause) {
        throw refuse(reasonOf(cause))
      }
    },
  }
}
