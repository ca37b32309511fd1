// The fold of one model's facts into windows with their rows. It holds one open window; what it
// gives does not depend on how the facts came in, one by one or in chunks.
import { seedOf } from "#core/statistics/seeded-random"
import type { WindowRange } from "#proto/finding"
import type { Prediction } from "#proto/prediction"
import { addRows, type ColumnPlan } from "./columns.ts"
import { TableBuilder, type Table } from "./table.ts"
import {
  emptyWindow,
  endsBefore,
  isFull,
  markAfter,
  takeFact,
  type Seen,
  type WindowRule,
} from "./window.ts"

/** A window that has all that it takes. */
export interface ClosedWindow {
  readonly range: WindowRange
  readonly table: Table
  /** The version that most rows came from, the lower name where two have equally many. */
  readonly version: string | undefined
}

export interface FoldOptions {
  readonly model: string
  readonly rule: WindowRule
  /** First position of the first window. */
  readonly from: number
  /** Rows that a window holds at most; of more a sample is kept. */
  readonly rowsMax: number
  /** What is read of a fact of a version; `undefined` when its signature is not known. */
  readonly plans: (version: string | undefined) => ReadonlyArray<ColumnPlan> | undefined
}

const mostRows = (versions: ReadonlyMap<string, number>): string | undefined =>
  [...versions].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0]

export class WindowFold {
  readonly #options: FoldOptions
  readonly #marks: Array<number> = []
  #window: WindowRange
  #table: TableBuilder
  #versions = new Map<string, number>()
  #rowsTaken = 0

  constructor(options: FoldOptions) {
    this.#options = options
    this.#window = emptyWindow(options.from)
    this.#table = this.#newTable()
  }

  get open(): WindowRange {
    return this.#window
  }

  /** Rows of all facts so far. */
  get rowsTaken(): number {
    return this.#rowsTaken
  }

  /**
   * Ends the open window at this position once its facts are in. "late": facts behind it are in
   * the open window already, so that has to be folded again from its beginning.
   */
  mark(position: number): "known" | "late" {
    if (!this.#marks.includes(position)) this.#marks.push(position)
    this.#marks.sort((a, b) => a - b)
    const late = this.#options.rule.kind === "marks" && position < this.#window.to
    return late && position >= this.#window.from ? "late" : "known"
  }

  /** Takes a fact; gives the windows that it ended, in their order. */
  take(fact: Prediction, position: number): ReadonlyArray<ClosedWindow> {
    const { rule, plans } = this.#options
    const seen: Seen = { position, at: fact.times.stored, rows: 0 }
    const closed: Array<ClosedWindow> = []
    const end = endsBefore(rule, this.#window, seen, this.#marks)
    if (end !== undefined) closed.push(this.#close(end))
    const known = plans(fact.version)
    const rows = known === undefined ? 0 : addRows(fact, known, this.#table)
    this.#rowsTaken += rows
    this.#window = takeFact(this.#window, { ...seen, rows })
    if (fact.version !== undefined && rows > 0)
      this.#versions.set(fact.version, (this.#versions.get(fact.version) ?? 0) + rows)
    if (isFull(rule, this.#window)) closed.push(this.#close(position))
    return closed
  }

  /** All facts up to this position are in: a mark there ends the window without waiting on. */
  passed(position: number): ReadonlyArray<ClosedWindow> {
    if (this.#options.rule.kind !== "marks") return []
    const end = markAfter(this.#window, position, this.#marks)
    return end === undefined ? [] : [this.#close(end)]
  }

  #close(to: number): ClosedWindow {
    const table = this.#table.finish()
    const sampled = table.rows < table.seen ? { sampled: table.rows } : {}
    const range = { ...this.#window, to, ...sampled }
    const closed = { range, table, version: mostRows(this.#versions) }
    this.#window = emptyWindow(to + 1)
    this.#table = this.#newTable()
    this.#versions = new Map()
    return closed
  }

  #newTable(): TableBuilder {
    const { model, rowsMax } = this.#options
    return new TableBuilder(rowsMax, seedOf(`${model} ${this.#window.from}`))
  }
}
