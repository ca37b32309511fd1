// Rows of named columns as typed arrays, of which at most so many are held: beyond that a seeded
// sample that is the same whenever the same rows come in the same order. It knows no facts.
import { createHash } from "node:crypto"
import { reservoir, seededRandom } from "#core/statistics/seeded-random"

export type Source = "input" | "output"

export interface ColumnName {
  readonly name: string
  readonly source: Source
  readonly kind: "numeric" | "categorical"
}
export interface NumericColumn extends ColumnName {
  readonly kind: "numeric"
  /** NaN where there is no value. */
  readonly values: Float64Array
}
export interface CategoricalColumn extends ColumnName {
  readonly kind: "categorical"
  /** Indices into `texts`, -1 where there is no value. */
  readonly codes: Int32Array
  /** Categories, as `categoryOf` gives them. */
  readonly texts: ReadonlyArray<string>
}
export type Column = NumericColumn | CategoricalColumn

export interface Table {
  /** Rows that are held, the length of each column. */
  readonly rows: number
  /** Rows that came by. */
  readonly seen: number
  readonly columns: ReadonlyArray<Column>
}

export const NO_CODE = -1
const FIRST_CAPACITY_ROWS = 256
/** Length of a category's name, in UTF-16 units as all lengths of texts here. */
export const CATEGORY_MAX_CHARACTERS = 256
const CATEGORY_DIGEST_CHARACTERS = 32
const ELLIPSIS = "…"
const HEAD_CHARACTERS = CATEGORY_MAX_CHARACTERS - ELLIPSIS.length - CATEGORY_DIGEST_CHARACTERS

const endsInHalfAPair = (text: string): boolean =>
  (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800

/**
 * The category that a text is: itself, or of a longer one its beginning and the digest of the
 * whole. The category of a category is itself.
 */
export const categoryOf = (text: string): string => {
  if (text.length <= CATEGORY_MAX_CHARACTERS) return text
  const head = text.slice(0, HEAD_CHARACTERS)
  const digest = createHash("sha256").update(text).digest("hex")
  const whole = endsInHalfAPair(head) ? head.slice(0, -1) : head
  return `${whole}${ELLIPSIS}${digest.slice(0, CATEGORY_DIGEST_CHARACTERS)}`
}

interface Growing {
  readonly column: ColumnName
  numbers: Float64Array
  codes: Int32Array
  readonly texts: Map<string, number>
}

/** Takes rows and gives a table. Write each row's cells at the places that `place` answered. */
export class TableBuilder {
  readonly #columns = new Map<string, Growing>()
  readonly #choose: (row: number) => number
  readonly #rowsMax: number
  #capacity = FIRST_CAPACITY_ROWS
  #seen = 0

  constructor(rowsMax: number, seed: number) {
    this.#rowsMax = rowsMax
    this.#choose = reservoir(rowsMax, seededRandom(seed))
  }

  get seen(): number {
    return this.#seen
  }

  /** Where the next row goes; -1 when the sample leaves it out. Clears what was there. */
  place(): number {
    const place = this.#choose(this.#seen++)
    if (place < 0) return place
    if (place >= this.#capacity) this.#grow(place + 1)
    if (this.#seen > this.#rowsMax)
      for (const { numbers, codes } of this.#columns.values()) {
        numbers[place] = NaN
        codes[place] = NO_CODE
      }
    return place
  }

  /** The column of this name, made when it is new; rows before it have no value there. */
  column(column: ColumnName): Growing {
    const known = this.#columns.get(column.name)
    if (known !== undefined) return known
    const numeric = column.kind === "numeric"
    const made: Growing = {
      column,
      numbers: new Float64Array(numeric ? this.#capacity : 0).fill(NaN),
      codes: new Int32Array(numeric ? 0 : this.#capacity).fill(NO_CODE),
      texts: new Map(),
    }
    this.#columns.set(column.name, made)
    return made
  }

  /** The rows so far; the builder is not to be used afterwards. */
  finish(): Table {
    const rows = Math.min(this.#seen, this.#rowsMax)
    const columns = [...this.#columns.values()].map(({ column, numbers, codes, texts }): Column => {
      const { name, source } = column
      if (column.kind === "numeric")
        return { name, source, kind: "numeric", values: numbers.subarray(0, rows) }
      const words = [...texts.keys()]
      return { name, source, kind: "categorical", codes: codes.subarray(0, rows), texts: words }
    })
    return { rows, seen: this.#seen, columns }
  }

  #grow(least: number): void {
    this.#capacity = Math.min(this.#rowsMax, Math.max(least, this.#capacity * 2))
    for (const growing of this.#columns.values())
      if (growing.column.kind === "numeric") {
        const numbers = new Float64Array(this.#capacity).fill(NaN)
        numbers.set(growing.numbers)
        growing.numbers = numbers
      } else {
        const codes = new Int32Array(this.#capacity).fill(NO_CODE)
        codes.set(growing.codes)
        growing.codes = codes
      }
  }
}

export type { Growing }

export const setNumber = (growing: Growing, place: number, value: number): void => {
  growing.numbers[place] = value
}
export const setText = (growing: Growing, place: number, text: string): void => {
  const category = categoryOf(text)
  let code = growing.texts.get(category)
  if (code === undefined) {
    code = growing.texts.size
    growing.texts.set(category, code)
  }
  growing.codes[place] = code
}
