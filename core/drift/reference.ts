// A reference between its table and its artifact: the bytes are a function of rows and origin, so
// that whoever builds the same reference again gets the same digest. It reads no log and no files.
import { createHash } from "node:crypto"
import { UnreadableRecord } from "#proto/message-pack"
import { referenceCodec, type DriftReference, type ReferenceColumn } from "#proto/drift-reference"
import { categoryOf, type Column, type Table } from "./table.ts"

export interface ReferenceOrigin {
  readonly model: string
  /** In words. */
  readonly origin: string
  /** The part of the configuration that asked for it, as canonical JSON. */
  readonly asked: string
  readonly from?: number
  readonly to?: number
}

export interface ReferenceArtifact {
  readonly bytes: Uint8Array
  /** SHA-256 of the bytes, hexadecimal. */
  readonly digest: string
}

const NAN_BITS = 0x7ff8000000000000n

/** The bytes as they are stored; NaN has many, so one of them stands for all. */
const bytesOf = (array: Float64Array | Int32Array): Uint8Array => {
  const copy = array.slice()
  if (copy instanceof Float64Array) {
    const bits = new BigUint64Array(copy.buffer)
    for (let i = 0; i < copy.length; i++) if (Number.isNaN(copy[i])) bits[i] = NAN_BITS
  }
  return new Uint8Array(copy.buffer)
}

const toColumn = (column: Column): ReferenceColumn => ({
  name: column.name,
  source: column.source,
  kind: column.kind,
  values: bytesOf(column.kind === "numeric" ? column.values : column.codes),
  texts: column.kind === "numeric" ? [] : column.texts,
})

const fromColumn = (column: ReferenceColumn, rows: number): Column => {
  const { name, source } = column
  const { BYTES_PER_ELEMENT: width } = column.kind === "numeric" ? Float64Array : Int32Array
  const { byteLength } = column.values
  if (byteLength !== rows * width) {
    const expected = `expected ${width} bytes for each of ${rows} rows, got ${byteLength}`
    throw new UnreadableRecord({ record: "drift reference", reason: `column ${name}: ${expected}` })
  }
  // A copy: what was decoded lies anywhere in the message, and typed arrays want it aligned.
  const { buffer } = new Uint8Array(column.values)
  if (column.kind === "numeric")
    return { name, source, kind: "numeric", values: new Float64Array(buffer) }
  // Whoever made the artifact may have kept texts whole.
  const texts = column.texts.map(categoryOf)
  return { name, source, kind: "categorical", codes: new Int32Array(buffer), texts }
}

/** @throws UnreadableRecord for a table that could be written and never read again. */
export const writeReference = (table: Table, origin: ReferenceOrigin): ReferenceArtifact => {
  const reference: DriftReference = {
    ...origin,
    rows: table.seen,
    kept: table.rows,
    columns: table.columns.map(toColumn),
  }
  const bytes = referenceCodec.encode(reference)
  referenceCodec.decode(bytes)
  return { bytes, digest: createHash("sha256").update(bytes).digest("hex") }
}

/** @throws UnreadableRecord */
export const readReference = (
  bytes: Uint8Array,
): { readonly reference: DriftReference; readonly table: Table } => {
  const reference = referenceCodec.decode(bytes)
  const columns = reference.columns.map((column) => fromColumn(column, reference.kept))
  return { reference, table: { rows: reference.kept, seen: reference.rows, columns } }
}
