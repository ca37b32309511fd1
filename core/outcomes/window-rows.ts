// The rows of one window with what was predicted and what came true, in columns: what the metrics
// are computed from. Classes are numbers here; the ledger knows their names.
import type { WindowRange } from "#proto/finding"

/** A value as a number: classes by their code, NaN where there is none. */
export interface RowColumns {
  readonly version: Array<number>
  readonly predicted: Array<number>
  /** Probability of the positive class; NaN where there is none. */
  readonly positive: Array<number>
  /** Probabilities by the codes of the classes, for more than two of them. */
  readonly chances: Array<ReadonlyArray<number> | undefined>
  readonly truth: Array<number>
  /** Milliseconds from the request to its first label; NaN without one. */
  readonly delay: Array<number>
  /** Codes of the values by which rows are sliced, a column for each feature; -1 for none. */
  readonly slices: ReadonlyArray<Array<number>>
}

export interface LedgerWindow {
  /** Counts windows of the ledger from 1. */
  readonly number: number
  range: WindowRange
  readonly columns: RowColumns
  /** Whether it has all its rows. */
  closed: boolean
  /** Position of the last outcome that counts in it. */
  outcomesTo: number
  /** Grows with each label that came or changed. */
  revision: number
}

export const newWindow = (number: number, range: WindowRange, slices: number): LedgerWindow => ({
  number,
  range,
  columns: {
    version: [],
    predicted: [],
    positive: [],
    chances: [],
    truth: [],
    delay: [],
    slices: Array.from({ length: slices }, () => []),
  },
  closed: false,
  outcomesTo: 0,
  revision: 0,
})

/** Codes for texts, from 0 in the order in which they came. */
export class Codes {
  readonly #codes = new Map<string, number>()
  readonly #texts: Array<string> = []

  of(text: string): number {
    const known = this.#codes.get(text)
    if (known !== undefined) return known
    const code = this.#texts.length
    this.#codes.set(text, code)
    this.#texts.push(text)
    return code
  }

  text(code: number): string | undefined {
    return this.#texts[code]
  }

  get size(): number {
    return this.#texts.length
  }
}
