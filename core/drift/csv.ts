// Rows of a CSV file (RFC 4180, with a header) as a table: what a reference may come from when it
// is not in the log. Columns that are no feature of the model are left out.
import { Schema } from "effect"
import type { ColumnName, TableBuilder } from "./table.ts"
import { setNumber, setText } from "./table.ts"

/** The text is no table of these columns; the line is counted from 1. */
export class CsvUnreadable extends Schema.TaggedError<CsvUnreadable>()("CsvUnreadable", {
  line: Schema.Int,
  reason: Schema.String,
}) {
  override get message() {
    return `line ${this.line}: ${this.reason}`
  }
}

/** Cells of each record; a quoted cell may hold commas, line ends and doubled quotes. */
export function* csvRecords(
  text: string,
): Generator<{ readonly line: number; readonly cells: ReadonlyArray<string> }> {
  let cells: Array<string> = []
  let cell = ""
  let quoted = false
  let line = 1
  let began = 1
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ""
    if (character === "\n") line++
    if (quoted) {
      if (character !== '"') cell += character
      else if (text[at + 1] === '"') {
        cell += '"'
        at++
      } else quoted = false
    } else if (character === '"') quoted = true
    else if (character === ",") {
      cells.push(cell)
      cell = ""
    } else if (character === "\n") {
      cells.push(cell.replace(/\r$/, ""))
      if (cells.length > 1 || cells[0] !== "") yield { line: began, cells }
      cells = []
      cell = ""
      began = line
    } else cell += character
  }
  if (quoted) throw new CsvUnreadable({ line: began, reason: "a quoted cell has no end" })
  if (cell !== "" || cells.length > 0) yield { line: began, cells: [...cells, cell] }
}

const ABSENT: ReadonlySet<string> = new Set(["", "NA", "NaN", "nan", "null"])

/**
 * Adds the file's rows to a table. A cell that is empty, NA, NaN or null has no value.
 *
 * @throws CsvUnreadable for a file without any of the columns, a short line, or a text where a
 * number is due.
 */
export const addCsv = (
  text: string,
  columns: ReadonlyArray<ColumnName>,
  table: TableBuilder,
): number => {
  const records = csvRecords(text)
  const head = records.next()
  const header: ReadonlyArray<string> = head.done === true ? [] : head.value.cells
  const found = columns
    .map((column) => ({ column, at: header.indexOf(column.name) }))
    .filter(({ at }) => at >= 0)
    .map((one) => ({ ...one, growing: table.column(one.column) }))
  if (found.length === 0) {
    const reason = `the header names none of ${columns.map(({ name }) => name).join(", ")}`
    throw new CsvUnreadable({ line: 1, reason })
  }
  let rows = 0
  for (const { line, cells } of records) {
    if (cells.length !== header.length) {
      const reason = `${cells.length} cells under a header of ${header.length}`
      throw new CsvUnreadable({ line, reason })
    }
    rows++
    const place = table.place()
    if (place < 0) continue
    for (const { growing, column, at } of found) {
      const cell = cells[at] ?? ""
      if (ABSENT.has(cell)) continue
      if (column.kind === "categorical") setText(growing, place, cell)
      else {
        const value = Number(cell)
        if (Number.isNaN(value))
          throw new CsvUnreadable({ line, reason: `${column.name}: "${cell}" is no number` })
        setNumber(growing, place, value)
      }
    }
  }
  return rows
}
