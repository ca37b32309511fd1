// Reads Parquet into a table, with the types that the file says. Index columns of pandas are left
// out, as pandas leaves them out; columns of lists, structs or bytes are named and left out, since
// no expectation looks into them.
import { parquetMetadata, parquetRead, parquetSchema } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { Schema } from "effect"
import { shortestDecimal } from "./request-rows.ts"
import { columnOf, tableOf, type Cell, type ColumnType, type Table } from "./table.ts"

export class ParquetRefused extends Schema.TaggedError<ParquetRefused>()("ParquetRefused", {
  reason: Schema.String,
}) {
  override get message() {
    return `cannot read the Parquet file: ${this.reason}`
  }
}

export interface ParquetTable {
  readonly table: Table
  /** Columns that hold what a table of ours cannot. */
  readonly leftOut: ReadonlyArray<string>
}

/** Cells of one table: what fits into the memory of a laptop. */
export const CELLS_MAX = 100_000_000

type Metadata = ReturnType<typeof parquetMetadata>

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause)

const attempt = <A>(read: () => A): A => {
  try {
    return read()
  } catch (cause) {
    throw new ParquetRefused({ reason: reasonOf(cause) })
  }
}

const PandasNote = Schema.fromJsonString(
  Schema.Struct({ index_columns: Schema.Array(Schema.Unknown) }),
)
const decodeNote = Schema.decodeUnknownOption(PandasNote)

/** Names of the columns that pandas would make its index of. */
const indexColumns = ({ key_value_metadata: notes }: Metadata): ReadonlySet<unknown> => {
  const text = notes?.find(({ key }) => key === "pandas")?.value
  const note = decodeNote(text)
  return new Set(note._tag === "Some" ? note.value.index_columns : [])
}

const UNFIT = Symbol("unfit")

const cellOf = (value: unknown, narrow: boolean): Cell | typeof UNFIT => {
  if (value === null || value === undefined) return null
  switch (typeof value) {
    case "number":
      return narrow ? shortestDecimal(value, "FP32") : value
    case "bigint":
      return Number(value)
    case "string":
    case "boolean":
      return value
    default:
      return value instanceof Date ? value.getTime() : UNFIT
  }
}

/** The type of a column by what was read of it and by its physical type. */
const typeOf = (values: ReadonlyArray<unknown>, physical: string | undefined): ColumnType => {
  const first = values.find((value) => value !== null && value !== undefined)
  if (first instanceof Date) return "date"
  if (typeof first === "string") return "string"
  if (typeof first === "boolean") return "boolean"
  const isWhole = physical === "INT32" || physical === "INT64"
  return isWhole && values.every((value) => value == null || Number.isInteger(Number(value)))
    ? "integer"
    : "float"
}

const readColumns = async (
  file: ArrayBuffer,
  metadata: Metadata,
  names: ReadonlyArray<string>,
): Promise<ReadonlyMap<string, ReadonlyArray<unknown>>> => {
  const rows = Number(metadata.num_rows)
  const columns = new Map(names.map((name) => [name, new Array<unknown>(rows).fill(null)]))
  try {
    await parquetRead({
      file,
      metadata,
      columns: [...names],
      compressors,
      onChunk: ({ columnName, columnData, rowStart }) => {
        const column = columns.get(columnName)
        for (let i = 0; column !== undefined && i < columnData.length; i++)
          column[rowStart + i] = columnData[i]
      },
    })
  } catch (cause) {
    throw new ParquetRefused({ reason: reasonOf(cause) })
  }
  return columns
}

/** @throws ParquetRefused */
export const tableFromParquet = async (file: ArrayBuffer): Promise<ParquetTable> => {
  const metadata = attempt(() => parquetMetadata(file))
  const index = indexColumns(metadata)
  const tree = attempt(() => parquetSchema(metadata))
  const wanted = tree.children.filter(({ element }) => !index.has(element.name))
  const flat = wanted.filter(({ children }) => children.length === 0)
  const leftOut = wanted.filter(({ children }) => children.length > 0)
  const count = Number(metadata.num_rows) * flat.length
  if (count > CELLS_MAX)
    throw new ParquetRefused({ reason: `it has ${count} cells, more than ${CELLS_MAX}` })
  const found = await readColumns(
    file,
    metadata,
    flat.map(({ element }) => element.name),
  )
  const unfit = leftOut.map(({ element }) => element.name)
  const columns = flat.flatMap(({ element: { name, type } }) => {
    const values = found.get(name) ?? []
    const cells = values.map((value) => cellOf(value, type === "FLOAT"))
    const fit = cells.filter((cell) => cell !== UNFIT)
    if (fit.length === cells.length) return [[name, columnOf(typeOf(values, type), fit)] as const]
    unfit.push(name)
    return []
  })
  return { table: tableOf(new Map(columns)), leftOut: unfit }
}
