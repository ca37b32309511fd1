// Rows to ask a model about, from what a person has at hand: JSON on the command line, a file with
// one JSON document a line, or a CSV file with a header. It guesses no types where the model says
// what it takes.
import { readFileSync } from "node:fs"
import { csvRecords } from "#core/drift/csv"
import { UsageError } from "../command.ts"

/** Files are read whole. */
const FILE_BYTES_MAX = 1024 * 1024 * 1024

export interface ModelInput {
  readonly name: string
  readonly datatype: string
}

/** A row as `/predict` takes it: a record of features, or their values in order. */
export type Row = unknown

const readText = (flag: string, path: string): string => {
  try {
    const file = Bun.file(path)
    if (file.size > FILE_BYTES_MAX)
      throw new UsageError(`--${flag} ${path}: more than ${FILE_BYTES_MAX} bytes; split it`)
    return readFileSync(path === "-" ? 0 : path, "utf8")
  } catch (error) {
    if (error instanceof UsageError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`--${flag} ${path}: ${reason}`)
  }
}

// A whole number that JavaScript would round must reach the model with all its digits.
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }
const exact = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" && context?.source !== undefined && !Number.isSafeInteger(value)
    ? rawJSON(context.source)
    : value

const parse = (text: string, where: string): unknown => {
  try {
    return JSON.parse(text, exact)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`${where}: no JSON (${reason})`)
  }
}

/** One row, a list of rows, or the body of `/predict`. */
export const rowsOfData = (text: string): ReadonlyArray<Row> => {
  const value = parse(text, "--data")
  if (typeof value === "object" && value !== null && "data" in value && Array.isArray(value.data))
    return value.data
  const isList =
    Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null)
  return isList ? value : [value]
}

export interface NdjsonRows {
  readonly rows: ReadonlyArray<Row>
  /** The line of each row, from 1. */
  readonly lines: ReadonlyArray<number>
  /** A sentence for each line that is no JSON. */
  readonly problems: ReadonlyArray<string>
}

/** The lines of a file; one that cannot be read keeps no other from being asked. */
export const rowsOfNdjson = (path: string): NdjsonRows => {
  const rows: Array<Row> = []
  const lines: Array<number> = []
  const problems: Array<string> = []
  for (const [at, line] of readText("ndjson", path).split("\n").entries()) {
    if (line.trim() === "") continue
    try {
      rows.push(parse(line, `--ndjson ${path}, line ${at + 1}`))
      lines.push(at + 1)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      problems.push(error.message)
    }
  }
  return { rows, lines, problems }
}

/** A number that JSON can hold as it stands, with all its digits. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/u
const ABSENT: ReadonlySet<string> = new Set(["", "NA", "NaN", "nan", "null"])

const numberOf = (cell: string): unknown => {
  const text = cell.trim()
  if (JSON_NUMBER.test(text)) return rawJSON(text)
  const value = Number(text)
  return text === "" || Number.isNaN(value) ? cell : value
}

type Read = (cell: string) => unknown

const readerOf = (datatype: string | undefined): Read => {
  if (datatype === "BYTES") return (cell) => cell
  return (cell) => {
    if (ABSENT.has(cell)) return null
    if (datatype === "BOOL" || datatype === undefined) {
      if (/^true$/iu.test(cell)) return true
      if (/^false$/iu.test(cell)) return false
    }
    return numberOf(cell)
  }
}

/** The datatype of a column: of the input of its name, or the one that all inputs share. */
const datatypeOf = (name: string, inputs: ReadonlyArray<ModelInput>): string | undefined => {
  const named = inputs.find((input) => input.name === name)
  if (named !== undefined) return named.datatype
  const [first, ...others] = new Set(inputs.map(({ datatype }) => datatype))
  return others.length === 0 ? first : undefined
}

/**
 * The rows of a CSV file. Where the model's inputs are named like columns, the other columns are
 * left out: a label, a date. `columns` chooses them by hand.
 *
 * @throws UsageError for a file that is no table, or a column that is not there.
 */
export const rowsOfCsv = (
  path: string,
  inputs: ReadonlyArray<ModelInput>,
  columns: ReadonlyArray<string> | undefined,
): ReadonlyArray<Row> => {
  const records = csvRecords(readText("csv", path))
  const head = records.next()
  if (head.done === true) throw new UsageError(`--csv ${path}: the file is empty`)
  const header = head.value.cells.map((name) => name.replace(/^\ufeff/u, ""))
  const named = inputs.filter(({ name }) => header.includes(name)).map(({ name }) => name)
  const wanted = columns ?? (named.length > 0 ? named : header)
  const plan = wanted.map((name) => {
    const at = header.indexOf(name)
    if (at < 0)
      throw new UsageError(`--csv ${path}: no column "${name}"; there are ${header.join(", ")}`)
    return { name, at, read: readerOf(datatypeOf(name, inputs)) }
  })
  return [...records].map(({ line, cells }) => {
    if (cells.length !== header.length)
      throw new UsageError(
        `--csv ${path}, line ${line}: ${cells.length} cells under a header of ${header.length}`,
      )
    return Object.fromEntries(plan.map(({ name, at, read }) => [name, read(cells[at] ?? "")]))
  })
}
