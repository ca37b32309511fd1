// Reads CSV (RFC 4180) into a table, by a given schema of columns or by what the cells look like.
// An empty cell is a missing value. It refuses rows of another width and cells that do not fit.
import { Schema } from "effect"
import { parseDate } from "./date-text.ts"
import { columnOf, tableOf, type Cell, type ColumnType, type Table } from "./table.ts"

export const TableSchema = Schema.Struct({
  columns: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      type: Schema.Literals([
        "integer",
        "float",
        "number",
        "boolean",
        "string",
        "date",
        "datetime",
      ]),
    }),
  ),
})
export type TableSchema = typeof TableSchema.Type

export class CsvRefused extends Schema.TaggedError<CsvRefused>()("CsvRefused", {
  reason: Schema.String,
}) {
  override get message() {
    return `cannot read the CSV: ${this.reason}`
  }
}

const refuse = (reason: string): never => {
  throw new CsvRefused({ reason })
}

const QUOTE = 34
const COMMA = 44
const LINE_FEED = 10
const RETURN = 13

/** Where a quoted field that starts at `from` ends: the index of its closing quote. */
const closingQuote = (text: string, from: number): number => {
  let at = text.indexOf('"', from + 1)
  while (at !== -1 && text.charCodeAt(at + 1) === QUOTE) at = text.indexOf('"', at + 2)
  return at === -1 ? refuse("a quoted field is not closed") : at
}

/** Calls `row` with the fields of each line. Empty lines are left out, as pandas leaves them. */
export const readRecords = (text: string, row: (fields: ReadonlyArray<string>) => void): void => {
  let fields: Array<string> = []
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  let isQuoted = false
  const finish = (): void => {
    if (fields.length > 1 || fields[0] !== "" || isQuoted) row(fields)
    fields = []
    isQuoted = false
  }
  while (at < text.length) {
    let end = at
    if (text.charCodeAt(at) === QUOTE) {
      isQuoted = true
      end = closingQuote(text, at)
      fields.push(text.slice(at + 1, end).replaceAll('""', '"'))
      end += 1
    } else {
      let code = text.charCodeAt(end)
      while (end < text.length && code !== COMMA && code !== LINE_FEED && code !== RETURN)
        code = text.charCodeAt(++end)
      fields.push(text.slice(at, end))
    }
    const code = text.charCodeAt(end)
    if (code === COMMA) {
      at = end + 1
      if (at === text.length) fields.push("")
      continue
    }
    if (end < text.length && code !== LINE_FEED && code !== RETURN)
      refuse(`text after a closing quote: "${text.slice(end, end + 20)}"`)
    at = end + (code === RETURN && text.charCodeAt(end + 1) === LINE_FEED ? 2 : 1)
    finish()
  }
  if (fields.length > 0) finish()
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?:inf|Infinity)$|^(?:nan|NaN)$/
const WHOLE = /^[+-]?\d+$/
const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
])
const numberOf = (text: string): number =>
  Number(text.replace(/^([+-]?)inf$/, "$1Infinity").replace("nan", "NaN"))

type Reader = (text: string) => Cell | undefined

const READERS: Readonly<Record<ColumnType, Reader>> = {
  integer: (text) => (WHOLE.test(text) ? Number(text) : undefined),
  float: (text) => (NUMBER.test(text) ? numberOf(text) : undefined),
  boolean: (text) => TRUTH.get(text),
  date: (text) => parseDate(text),
  string: (text) => text,
  mixed: (text) => text,
}

/** The narrowest type that every cell has; a column without cells is float, as in pandas. */
const guess = (cells: ReadonlyArray<string>): ColumnType => {
  const present = cells.filter((cell) => cell !== "")
  if (present.length === 0) return "float"
  if (present.every((cell) => TRUTH.has(cell))) return "boolean"
  if (present.every((cell) => WHOLE.test(cell) && Number.isSafeInteger(Number(cell))))
    return "integer"
  if (present.every((cell) => NUMBER.test(cell))) return "float"
  return "string"
}

const columnFrom = (name: string, type: ColumnType, cells: ReadonlyArray<string>) => {
  const read = READERS[type]
  return columnOf(
    type,
    cells.map((cell, i) => {
      if (cell === "") return null
      const value = read(cell)
      return value === undefined
        ? refuse(`column "${name}", row ${i + 1}: "${cell}" is not of type ${type}`)
        : value
    }),
  )
}

const TYPES = {
  integer: "integer",
  float: "float",
  number: "float",
  boolean: "boolean",
  string: "string",
  date: "date",
  datetime: "date",
} as const

const typesOf = (schema: TableSchema): ReadonlyMap<string, ColumnType> =>
  new Map(schema.columns.map(({ name, type }) => [name, TYPES[type]]))

/**
 * A table from CSV text with a header line. Columns that the schema does not name, or all without a
 * schema, get the narrowest of integer, float, boolean and string that fits every cell.
 *
 * @throws CsvRefused
 */
export const tableFromCsv = (text: string, schema?: TableSchema): Table => {
  let header: ReadonlyArray<string> | undefined
  let cells: ReadonlyArray<Array<string>> = []
  let rows = 0
  readRecords(text, (fields) => {
    if (header === undefined) {
      header = fields
      cells = fields.map(() => [])
      return
    }
    rows += 1
    if (fields.length !== header.length)
      refuse(`row ${rows} has ${fields.length} fields, the header has ${header.length}`)
    for (const [i, field] of fields.entries()) cells[i]!.push(field)
  })
  const names = header ?? refuse("it is empty")
  const types = schema === undefined ? new Map<string, ColumnType>() : typesOf(schema)
  if (new Set(names).size !== names.length) refuse("two columns have one name")
  return tableOf(
    new Map(
      names.map((name, i) => [
        name,
        columnFrom(name, types.get(name) ?? guess(cells[i]!), cells[i]!),
      ]),
    ),
  )
}
