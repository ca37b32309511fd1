// Time travel: the windows of a past range, folded and tested by the code that the monitor uses, so
// that the same range gets the same verdicts. It writes nothing.
import { evaluateWindow } from "#core/drift/evaluate"
import { windowEvaluated, windowSeed } from "#core/drift/evaluated"
import { WindowFold, type ClosedWindow } from "#core/drift/fold"
import { prepareReference, type PreparedReference } from "#core/drift/prepared"
import { writeReference } from "#core/drift/reference"
import type { DriftSettings } from "#core/drift/settings"
import type { Table } from "#core/drift/table"
import { initialPersistence } from "#core/drift/verdict"
import type { WindowEvaluated, WindowRange } from "#proto/finding"
import type { Log } from "../log/log.ts"
import { readFacts } from "./facts.ts"
import type { Plans } from "./versions.ts"

export interface PastReference {
  readonly table: Table
  readonly digest: string
  /** In words. */
  readonly origin: string
}

export interface PastOptions {
  readonly model: string
  readonly settings: DriftSettings
  readonly plans: Plans
  /** Positions, both included. */
  readonly from: number
  readonly to: number
  /** Positions of marks, for windows by marks. */
  readonly marks: ReadonlyArray<number>
  /** Left out: the first rows or the first window of the range, as it is configured. */
  readonly reference: PastReference | undefined
  /** Milliseconds since 1970, written into the findings. */
  readonly now: number
}

export interface PastWindow {
  readonly finding: WindowEvaluated
  readonly table: Table
  readonly reference: PreparedReference
}

export interface PastResult {
  readonly reference: PastReference | undefined
  /** What is behind the last full window. */
  readonly rest: WindowRange
  readonly facts: number
}

interface Fold {
  readonly fold: WindowFold
  readonly ofReference: boolean
}

const newFold = (options: PastOptions, from: number, ofReference: boolean): Fold => {
  const { model, settings, plans } = options
  const { reference, window, rowsMax } = settings
  const first = ofReference && reference.kind === "first"
  const rule = first ? ({ kind: "rows", rows: reference.rows } as const) : window
  const fold = new WindowFold({ model, rule, from, rowsMax, plans })
  for (const mark of options.marks) fold.mark(mark)
  return { fold, ofReference }
}

const asReference = (model: string, { range, table }: ClosedWindow): PastReference => {
  const { from, to } = range
  const origin = `${range.rows} rows from ${from} to ${to}`
  return {
    table,
    origin,
    digest: writeReference(table, { model, origin, asked: "", from, to }).digest,
  }
}

/** The past, window by window. `result` is complete when the windows are at their end. */
export class PastWindows {
  readonly #log: Log
  readonly #options: PastOptions
  #current: Fold
  #reference: PastReference | undefined
  #prepared: PreparedReference | undefined
  #last: WindowEvaluated | undefined
  #facts = 0

  constructor(log: Log, options: PastOptions) {
    this.#log = log
    this.#options = options
    this.#reference = options.reference
    this.#current = newFold(options, options.from, options.reference === undefined)
  }

  get result(): PastResult {
    return { reference: this.#reference, rest: this.#current.fold.open, facts: this.#facts }
  }

  async *read(): AsyncGenerator<PastWindow> {
    const { model, from, to } = this.#options
    for await (const { fact, position } of readFacts(this.#log, model, from, to)) {
      this.#facts++
      const { fold, ofReference } = this.#current
      const closed = fold.take(fact, position)
      yield* this.#evaluateAll(closed)
      // The fact that ended the reference by time or mark belongs to the first window.
      if (ofReference && !this.#current.ofReference && fold.open.facts > 0) {
        this.#current = newFold(this.#options, fold.open.from, false)
        yield* this.#evaluateAll(this.#current.fold.take(fact, position))
      }
    }
    yield* this.#evaluateAll(this.#current.fold.passed(to))
  }

  *#evaluateAll(closed: ReadonlyArray<ClosedWindow>): Generator<PastWindow> {
    for (const one of closed) {
      if (this.#reference === undefined) {
        this.#reference = asReference(this.#options.model, one)
        this.#current = newFold(this.#options, one.range.to + 1, false)
      } else yield this.#evaluate(one, this.#reference)
    }
  }

  #evaluate(closed: ClosedWindow, reference: PastReference): PastWindow {
    const { model, settings, now } = this.#options
    this.#prepared ??= prepareReference(reference.table, settings)
    const { from, to } = closed.range
    const evaluation = evaluateWindow(
      this.#prepared,
      closed.table,
      settings,
      windowSeed(model, from, to),
    )
    const finding = windowEvaluated(closed, evaluation, {
      model,
      number: (this.#last?.number ?? 0) + 1,
      reference: reference.digest,
      settings,
      before: this.#last?.persistence ?? initialPersistence,
      at: now,
    })
    this.#last = finding
    return { finding, table: closed.table, reference: this.#prepared }
  }
}
