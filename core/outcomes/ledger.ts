// The join of predictions with what came true, as a fold over the long log in its order: the same
// messages give the same ledger, however often it is begun anew. It holds the rows of its windows
// and the ids of their facts, no inputs; it knows neither the log nor the clock.
import { emptyWindow, endsBefore, isFull, takeFact, type WindowRule } from "#core/drift/window"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { labelOf, misfit } from "./labels.ts"
import { parseOutcome, type ParsedOutcome } from "./outcome.ts"
import { positiveOf, scoredRows, type ScoredRow } from "./scored-rows.ts"
import { Codes, newWindow, type LedgerWindow } from "./window-rows.ts"

export interface LedgerOptions {
  readonly rule: WindowRule
  /** First position of the first window, and its number. */
  readonly from: number
  readonly firstNumber: number
  /** A label that comes later after its request does not count. */
  readonly horizonMillis: number
  /** Facts that are held at most; the oldest windows go first. */
  readonly factsMax: number
  readonly signatureOf: (version: string | undefined) => Signature | undefined
  readonly sliceFeatures: ReadonlyArray<string>
}

/** An outcome as the long log has it. */
export interface OutcomeMessage {
  readonly id: string
  /** Its sequence in `PREDICTIONS`. */
  readonly position: number
  /** When it came, milliseconds since 1970. */
  readonly at: number
  readonly data: Uint8Array
}

interface HeldFact {
  readonly position: number
  readonly at: number
  readonly version: string | undefined
  readonly window: LedgerWindow
  /** Its first row in the window. */
  readonly first: number
  readonly rows: number
  /** The one that had the same id before: ids may come again once the hot log dropped them. */
  readonly earlier: HeldFact | undefined
}

interface Pending {
  readonly outcome: ParsedOutcome
  readonly position: number
  readonly at: number
}

/** A row of a window that has a label. */
export interface LabelledRow {
  readonly window: LedgerWindow
  readonly row: number
}
/** Of each version: what estimates are calibrated on. */
const LABELLED_FIRST_MAX = 2_000

const rowsIn = (waiting: ReadonlyArray<Pending>): number =>
  waiting.reduce((sum, { outcome }) => sum + outcome.values.length, 0)

/** What became of the messages. */
export interface OutcomeCounts {
  messages: number
  recorded: number
  repeated: number
  corrected: number
  /** Could not be read, did not fit their prediction, or belonged to a failed one. */
  unreadable: number
  misfit: number
  failed: number
  /** Behind the horizon. */
  late: number
  /** Waited for a fact so long that more than may be held came after them. */
  forgotten: number
}

/** Ids whose outcomes wait for a fact, and rows in those outcomes: anybody may send any of them. */
export const UNMATCHED_MAX = 100_000
export const UNMATCHED_ROWS_MAX = 1_000_000

export class Ledger {
  readonly #options: LedgerOptions
  readonly #facts = new Map<string, HeldFact>()
  readonly #pending = new Map<string, Array<Pending>>()
  readonly counts: OutcomeCounts = {
    messages: 0,
    recorded: 0,
    repeated: 0,
    corrected: 0,
    unreadable: 0,
    misfit: 0,
    failed: 0,
    late: 0,
    forgotten: 0,
  }
  readonly versions = new Codes()
  readonly classes = new Codes()
  readonly sliceValues: ReadonlyArray<Codes>
  readonly windows: Array<LedgerWindow>
  /** By the code of a version, the rows whose labels came first: they do not change any more. */
  readonly labelledFirst = new Map<number, Array<LabelledRow>>()
  #open: LedgerWindow
  #factsHeld = 0
  #pendingRows = 0

  constructor(options: LedgerOptions) {
    this.#options = options
    this.sliceValues = options.sliceFeatures.map(() => new Codes())
    this.#open = this.#begin(options.firstNumber, options.from)
    this.windows = [this.#open]
  }

  get options(): LedgerOptions {
    return this.#options
  }

  /** Ids of outcomes without a fact, in the order in which they came. */
  get unmatched(): ReadonlyArray<string> {
    return [...this.#pending.keys()]
  }

  takeFact(fact: Prediction, position: number): void {
    const { rule, signatureOf, sliceFeatures } = this.#options
    const at = fact.times.stored
    const end = endsBefore(rule, this.#open.range, { position, at, rows: 0 }, [])
    if (end !== undefined) this.#close(end)
    const signature = signatureOf(fact.version)
    const rows = signature === undefined ? [] : scoredRows(fact, signature, sliceFeatures)
    const window = this.#open
    const first = window.columns.truth.length
    if (signature !== undefined)
      for (const row of rows) this.#addRow(window, row, signature, fact.version ?? "")
    window.range = takeFact(window.range, { position, at, rows: rows.length })
    const earlier = this.#facts.get(fact.id)
    const { version, id } = fact
    this.#facts.set(id, { position, at, version, window, first, rows: rows.length, earlier })
    this.#factsHeld++
    this.#joinPending(id)
    if (isFull(rule, window.range)) this.#close(position)
    while (this.#factsHeld > this.#options.factsMax && this.windows.length > 1) this.#retireFirst()
  }

  takeOutcome(message: OutcomeMessage): void {
    const { counts } = this
    counts.messages++
    const outcome = parseOutcome(message.data)
    if (outcome.kind === "bad" || (outcome.id ?? message.id) !== message.id) {
      counts.unreadable++
      return
    }
    const { id, position, at } = message
    const pending = { outcome, position, at }
    const fact = this.#factOf(id, outcome.position)
    if (fact !== undefined) {
      this.#apply(fact, pending)
      return
    }
    const waiting = this.#pending.get(id)
    if (waiting === undefined) this.#pending.set(id, [pending])
    else waiting.push(pending)
    this.#pendingRows += outcome.values.length
    this.#forgetSome()
  }

  /** Lets go of windows whose labels would come behind the horizon by now. */
  retire(now: number): void {
    const { horizonMillis } = this.#options
    const isOver = ({ closed, range }: LedgerWindow) =>
      closed && (range.lastAt ?? Infinity) < now - horizonMillis
    while (this.windows[0] !== undefined && isOver(this.windows[0])) this.#retireFirst()
  }

  /** The ids that have waited longest go first. */
  #forgetSome(): void {
    for (const [id, waiting] of this.#pending) {
      if (this.#pending.size <= UNMATCHED_MAX && this.#pendingRows <= UNMATCHED_ROWS_MAX) return
      this.#pending.delete(id)
      this.#pendingRows -= rowsIn(waiting)
      this.counts.forgotten++
    }
  }

  #begin(number: number, from: number): LedgerWindow {
    return newWindow(number, emptyWindow(from), this.sliceValues.length)
  }

  #close(to: number): void {
    this.#open.range = { ...this.#open.range, to }
    this.#open.closed = true
    this.#open = this.#begin(this.#open.number + 1, to + 1)
    this.windows.push(this.#open)
  }

  #retireFirst(): void {
    const gone = this.windows.shift()
    if (gone === undefined) return
    for (const [id, fact] of this.#facts) {
      // Facts lie in the order of their positions, but for those whose id came again.
      if (fact.window === gone) this.#facts.delete(id)
      else if (fact.earlier === undefined) break
    }
    this.#factsHeld -= gone.range.facts
  }

  #keepFirst(window: LedgerWindow, row: number): void {
    const version = window.columns.version[row] ?? -1
    const known = this.labelledFirst.get(version)
    if (known === undefined) this.labelledFirst.set(version, [{ window, row }])
    else if (known.length < LABELLED_FIRST_MAX) known.push({ window, row })
  }

  #addRow(window: LedgerWindow, row: ScoredRow, signature: Signature, version: string): void {
    const { columns } = window
    const { predicted, probabilities, slices } = row
    columns.version.push(this.versions.of(version))
    columns.predicted.push(
      typeof predicted === "string" ? this.classes.of(predicted) : (predicted ?? Number.NaN),
    )
    columns.positive.push(positiveOf(signature, probabilities))
    columns.chances.push(this.#chances(signature, probabilities))
    columns.truth.push(Number.NaN)
    columns.delay.push(Number.NaN)
    slices.forEach((value, at) =>
      columns.slices[at]?.push(value === undefined ? -1 : (this.sliceValues[at]?.of(value) ?? -1)),
    )
  }

  #chances(
    { classes }: Signature,
    probabilities: ScoredRow["probabilities"],
  ): ReadonlyArray<number> | undefined {
    if (classes === undefined || classes.length <= 2) return undefined
    if (probabilities?.length !== classes.length) return undefined
    const chances: Array<number> = []
    classes.forEach((one, at) => {
      const code = this.classes.of(String(one))
      while (chances.length <= code) chances.push(0)
      chances[code] = probabilities[at] ?? Number.NaN
    })
    return chances
  }

  /** Where a position is given, that of several facts of an id which lies there. */
  #factOf(id: string, position: number | undefined): HeldFact | undefined {
    let fact = this.#facts.get(id)
    if (position === undefined) return fact
    while (fact !== undefined && fact.position !== position) fact = fact.earlier
    return fact
  }

  #joinPending(id: string): void {
    const waiting = this.#pending.get(id)
    if (waiting === undefined) return
    this.#pendingRows -= rowsIn(waiting)
    const left: Array<Pending> = []
    for (const one of waiting) {
      const fact = this.#factOf(id, one.outcome.position)
      if (fact === undefined) left.push(one)
      else this.#apply(fact, one)
    }
    this.#pendingRows += rowsIn(left)
    if (left.length === 0) this.#pending.delete(id)
    else this.#pending.set(id, left)
  }

  #apply(fact: HeldFact, { outcome, position, at }: Pending): void {
    const { counts } = this
    const { window, first } = fact
    const { truth, delay } = window.columns
    const signature = this.#options.signatureOf(fact.version)
    if (at - fact.at > this.#options.horizonMillis) return void counts.late++
    if (fact.rows === 0 || signature === undefined) return void counts.failed++
    if (misfit(outcome, signature, fact.rows) !== undefined) return void counts.misfit++
    let added = 0
    let changed = 0
    for (const { row, value } of outcome.values) {
      const label = labelOf(signature, value)
      if (typeof label === "string") continue
      const code = "text" in label ? this.classes.of(label.text) : label.number
      const before = truth[first + row] ?? Number.NaN
      if (before === code) continue
      if (Number.isNaN(before)) {
        added++
        this.#keepFirst(window, first + row)
        delay[first + row] = Math.max(0, at - fact.at)
      } else changed++
      truth[first + row] = code
    }
    if (changed > 0) counts.corrected++
    else if (added > 0) counts.recorded++
    else counts.repeated++
    if (changed + added === 0) return
    window.revision++
    window.outcomesTo = Math.max(window.outcomesTo, position)
  }
}
