// Time travel: the windows of a past range, folded and tested by the code that the monitor uses, so
// that the same range gets the same verdicts. It writes nothing.
import { evaluateWindow } from "#core/drift/evaluate"
import { settingsDigest, windowEvaluated, windowSeed } from "#core/drift/evaluated"
import { WindowFold, type ClosedWindow } from "#core/drift/fold"
import { placeOf, type Place } from "#core/drift/place"
import { prepareReference, type PreparedReference } from "#core/drift/prepared"
import { writeReference } from "#core/drift/reference"
import type { DriftSettings } from "#core/drift/settings"
import type { Table } from "#core/drift/table"
import { joinedOrigin, joinReference, joins } from "#core/drift/update"
import type { MmdGraphRunner } from "#core/statistics/mmd-graph"
import type { ReferenceTaken, WindowEvaluated, WindowFinding, WindowRange } from "#proto/finding"
import type { FactSource } from "./sources.ts"
import type { Plans } from "./versions.ts"

export interface PastReference {
  readonly table: Table
  readonly digest: string
  /** In words. */
  readonly origin: string
  /** What of the configuration it answers to, where it is known. */
  readonly asked?: string
}

/** What the live monitor went by in the range, so that it is gone by again. */
export interface LiveCourse {
  /** The finding with which the range begins; its windows are counted on from there. */
  readonly before: WindowFinding | undefined
  /** References that were taken within the range, in their order. */
  readonly taken: ReadonlyArray<ReferenceTaken>
  readonly load: (digest: string) => Promise<PastReference>
}

export interface PastOptions {
  readonly model: string
  readonly source: FactSource
  readonly settings: DriftSettings
  readonly plans: Plans
  /** Positions, both included. */
  readonly from: number
  readonly to: number
  /** Positions of marks, for windows by marks. */
  readonly marks: ReadonlyArray<number>
  /** Left out: the first rows or the first window of the range, as it is configured. */
  readonly reference: PastReference | undefined
  /** Left out: the reference stays, or is joined by windows as it is configured. */
  readonly live: LiveCourse | undefined
  /** Runs the graph of the MMD test. */
  readonly runner: MmdGraphRunner
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
  readonly #options: PastOptions
  #current: Fold
  #reference: PastReference | undefined
  #prepared: PreparedReference | undefined
  #place: Place
  #taken: ReadonlyArray<ReferenceTaken>
  #facts = 0

  constructor(options: PastOptions) {
    this.#options = options
    this.#reference = options.reference
    this.#current = newFold(options, options.from, options.reference === undefined)
    this.#place = placeOf(options.live?.before, settingsDigest(options.settings))
    this.#taken = options.live?.taken ?? []
  }

  get result(): PastResult {
    return { reference: this.#reference, rest: this.#current.fold.open, facts: this.#facts }
  }

  async *read(): AsyncGenerator<PastWindow> {
    const { source, from, to } = this.#options
    for await (const { fact, position } of source.read(from, to)) {
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

  async *#evaluateAll(closed: ReadonlyArray<ClosedWindow>): AsyncGenerator<PastWindow> {
    for (const one of closed) {
      if (this.#reference === undefined) {
        this.#reference = asReference(this.#options.model, one)
        this.#current = newFold(this.#options, one.range.to + 1, false)
      } else yield await this.#evaluate(one, await this.#referenceAt(one, this.#reference))
    }
  }

  /** The reference that the live monitor had for this window, where its course is followed. */
  async #referenceAt({ range }: ClosedWindow, reference: PastReference): Promise<PastReference> {
    const { live, settings } = this.#options
    const due = this.#taken.filter(({ position }) => position < range.from)
    const last = due.at(-1)
    if (live === undefined || last === undefined) return reference
    this.#taken = this.#taken.slice(due.length)
    this.#place = placeOf(last, settingsDigest(settings))
    return this.#use(await live.load(last.reference))
  }

  #use(reference: PastReference): PastReference {
    this.#reference = reference
    this.#prepared = undefined
    return reference
  }

  async #evaluate(closed: ClosedWindow, reference: PastReference): Promise<PastWindow> {
    const { model, settings, now, runner } = this.#options
    const prepared = (this.#prepared ??= prepareReference(reference.table, settings))
    const { from, to } = closed.range
    const seed = windowSeed(model, from, to)
    const { online, persistence: before, number } = this.#place
    const options = { seed, online, runner }
    const evaluation = await evaluateWindow(prepared, closed.table, settings, options)
    const finding = windowEvaluated(closed, evaluation, {
      model,
      number: number + 1,
      reference: reference.digest,
      settings,
      before,
      at: now,
    })
    this.#place = placeOf(finding, finding.configuration)
    this.#join(finding, closed.table, reference)
    return { finding, table: closed.table, reference: prepared }
  }

  #join(finding: WindowEvaluated, window: Table, reference: PastReference): void {
    const { settings, live } = this.#options
    if (live !== undefined || settings.update === undefined || !joins(settings, finding)) return
    const table = joinReference(reference.table, window, settings.update, finding.seed)
    const written = joinedOrigin(finding, settings.update, reference.asked ?? "")
    const { digest } = writeReference(table, written)
    this.#use({ ...reference, table, digest, origin: written.origin })
  }
}
