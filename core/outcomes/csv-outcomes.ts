// Lines of a table as outcomes: which column is the id, which the value, and the optional ones. The
// first line names the columns.
import type { Outcome } from "#proto/outcome"
import { csvCells } from "./csv-line.ts"
import { readOutcome, type BadOutcome, type ParsedOutcome } from "./outcome.ts"

/** Names of columns. */
export interface OutcomeColumns {
  readonly key: string
  readonly value: string
  readonly row: string
  readonly position: string
  readonly observedAt: string
}

export const DEFAULT_COLUMNS: OutcomeColumns = {
  key: "id",
  value: "value",
  row: "row",
  position: "position",
  observedAt: "observed_at",
}

/** The id that a key stands for; undefined where it can be no key. */
export type IdOf = (key: string) => string | undefined

/** Why a text is no key, in a sentence. */
export const NO_KEY = 'key: expected 1 to 255 printable characters without ", "'

export interface CsvReader {
  readonly read: (line: string) => ParsedOutcome | BadOutcome
}

const bad = (reason: string): BadOutcome => ({ kind: "bad", reason })

const whole = (text: string): number => (/^\d{1,15}$/u.test(text) ? Number(text) : Number.NaN)

/** A reader of the lines behind this head; a sentence where a column is missing. */
export const csvOutcomes = (
  head: string,
  columns: OutcomeColumns = DEFAULT_COLUMNS,
  idOf: IdOf = (key) => key,
): CsvReader | BadOutcome => {
  const names = csvCells(head.replace(/^\uFEFF/u, ""))
  if (names === undefined) return bad("head: expected names of columns, got an open quote")
  const places = new Map(names.map((name, at) => [name.trim(), at]))
  for (const needed of [columns.key, columns.value])
    if (!places.has(needed))
      return bad(`head: expected a column "${needed}", got ${names.join(", ").slice(0, 200)}`)
  const read = (line: string): ParsedOutcome | BadOutcome => {
    const cells = csvCells(line)
    if (cells === undefined) return bad("line: expected closed quotes, got an open one")
    if (cells.length !== names.length)
      return bad(`line: expected ${names.length} cells, got ${cells.length}`)
    const cell = (name: string) => {
      const at = places.get(name)
      return at === undefined || cells[at] === "" ? undefined : cells[at]
    }
    const [key, value, row] = [cell(columns.key), cell(columns.value), cell(columns.row)]
    if (key === undefined || value === undefined)
      return bad(`${key === undefined ? columns.key : columns.value}: expected a value, got none`)
    const id = idOf(key)
    if (id === undefined) return bad(NO_KEY)
    const position = cell(columns.position)
    const observed = cell(columns.observedAt)
    const outcome: Outcome = {
      id,
      ...(row === undefined ? { value } : { values: [{ row: whole(row), value }] }),
      ...(position === undefined ? {} : { position: whole(position) }),
      ...(observed === undefined ? {} : { observed_at: observed }),
    }
    return readOutcome(outcome)
  }
  return { read }
}
