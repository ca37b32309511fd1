// A table as typed columns with masks of what is missing: the one form in which quality looks at
// data. It refuses columns of unequal length and knows nothing of expectations.

/** One value of a table; a date is its milliseconds since 1970 (UTC) in a column of type date. */
export type Cell = number | string | boolean | null

/** `mixed` is a column whose cells differ in type, as Python's object columns do. */
export type ColumnType = "integer" | "float" | "boolean" | "string" | "date" | "mixed"

export interface Column {
  readonly type: ColumnType
  /** Numbers and dates in a typed array, NaN where missing; all else in a list, null there. */
  readonly values: Float64Array | ReadonlyArray<Cell>
  /** 1 where the row has no value. */
  readonly missing: Uint8Array
}

export interface Table {
  readonly rows: number
  readonly columns: ReadonlyMap<string, Column>
}

/** A table, and those of its rows (ascending) that an expectation looks at. */
export interface Domain {
  readonly table: Table
  readonly rows: Uint32Array
}

const isNumeric = (type: ColumnType): boolean =>
  type === "integer" || type === "float" || type === "date"

/**
 * A column of the given cells; null and NaN are missing. An integer column with missing cells
 * becomes float, as it does in the tool.
 */
export const columnOf = (type: ColumnType, cells: ReadonlyArray<Cell>): Column => {
  const missing = Uint8Array.from(cells, (cell) => (cell === null || cell !== cell ? 1 : 0))
  if (!isNumeric(type))
    return { type, values: cells.map((cell) => (cell !== cell ? null : cell)), missing }
  const values = Float64Array.from(cells, (cell) => (cell === null ? Number.NaN : Number(cell)))
  return { type: type === "integer" && missing.includes(1) ? "float" : type, values, missing }
}

/** A column over numbers that are already in a typed array; NaN is missing. Nothing is copied. */
export const numberColumn = (type: "integer" | "float" | "date", values: Float64Array): Column => {
  const missing = Uint8Array.from(values, (value) => (value === value ? 0 : 1))
  return { type: type === "integer" && missing.includes(1) ? "float" : type, values, missing }
}

/** @throws RangeError where the columns differ in length. */
export const tableOf = (columns: ReadonlyMap<string, Column>): Table => {
  const [first] = columns.values()
  const rows = first?.values.length ?? 0
  for (const [name, { values }] of columns) {
    if (values.length !== rows)
      throw new RangeError(`column "${name}" has ${values.length} rows, others have ${rows}`)
  }
  return { rows, columns }
}

export const wholeTable = (table: Table): Domain => ({
  table,
  rows: Uint32Array.from({ length: table.rows }, (_, row) => row),
})

export const isMissing = (column: Column, row: number): boolean => column.missing[row] === 1

/** The value of a row; null where it is missing. */
export const cellAt = (column: Column, row: number): Cell =>
  column.missing[row] === 1 ? null : (column.values[row] ?? null)

/** The rows that have a value. */
export const presentRows = (column: Column, rows: Uint32Array): Uint32Array =>
  rows.filter((row) => column.missing[row] !== 1)

/** What a cell is called in a result: a date as ISO text without zone, all else as it is. */
export const shown = (cell: Cell, type: ColumnType): Cell =>
  type === "date" && typeof cell === "number" ? dateText(cell) : cell

/** `2024-01-31T00:00:00`, with milliseconds where there are some. */
export const dateText = (millis: number): string =>
  new Date(millis).toISOString().replace(/(\.000)?Z$/, "")

const FIXED_MOST = 1e16
const FIXED_LEAST = 1e-4

/** Python's `str` of a number: `5.0` for a float, exponents of two digits. */
const floatText = (value: number): string => {
  if (!Number.isFinite(value)) return value > 0 ? "inf" : value < 0 ? "-inf" : "nan"
  const size = Math.abs(value)
  if (size !== 0 && (size < FIXED_LEAST || size >= FIXED_MOST)) {
    const [digits = "", exponent = ""] = value.toExponential().split("e")
    const sign = exponent.startsWith("-") ? "-" : "+"
    return `${digits}e${sign}${exponent.slice(1).padStart(2, "0")}`
  }
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** Python's `str` of a cell, which is what regular expressions and lengths look at. */
export const pythonText = (cell: Cell, type: ColumnType): string => {
  if (cell === null) return type === "float" ? "nan" : "None"
  if (typeof cell === "boolean") return cell ? "True" : "False"
  if (typeof cell === "string") return cell
  if (type === "date") return dateText(cell).replace("T00:00:00", "").replace("T", " ")
  if (type === "integer" || (type === "mixed" && Number.isInteger(cell))) return String(cell)
  return floatText(cell)
}
