// Folds the log of one model into windows, live: facts as they come, marks as they are set. A mark
// that comes after the facts behind it, or an erasure of one of them, makes the open window be
// folded again from its beginning.
import { WindowFold, type ClosedWindow } from "../core/drift/fold.ts"
import type { WindowRule } from "../core/drift/window.ts"
import type { PositionedFact } from "../core/findings/facts.ts"
import type { FactSource } from "../core/findings/sources.ts"
import type { Plans } from "../core/findings/versions.ts"
import type { Batch } from "../core/log/tail-seat.ts"
import type { WindowRange } from "../proto/finding.ts"
import type { ErasureBoard } from "./erasure-board.ts"
import type { MarkBoard } from "./mark-board.ts"

export interface FoldFactsOptions {
  readonly source: FactSource
  readonly model: string
  readonly rule: WindowRule
  readonly rowsMax: number
  readonly plans: Plans
  /** Resolves when every version that facts name by now is known. */
  readonly releasesCaughtUp: () => Promise<void>
  readonly marks: MarkBoard
  readonly erasures: ErasureBoard
  readonly signal: AbortSignal
  /** Told of each fact that was taken; `pending` says how many are stored and not taken. */
  readonly onFact: (open: WindowRange, rows: number, pending: () => number) => void
  /** Takes a window; answers whether to go on. Reading waits for it. */
  readonly onWindow: (closed: ClosedWindow) => Promise<boolean>
}

/** One pass from a position; answers from where to begin again, or `undefined` at the end. */
class Pass {
  readonly #options: FoldFactsOptions
  readonly #fold: WindowFold
  readonly #end = new AbortController()
  readonly #signal: AbortSignal
  #again: number | undefined
  #failure: { readonly cause: unknown } | undefined

  constructor(options: FoldFactsOptions, from: number) {
    const { model, rule, rowsMax, plans, marks, signal } = options
    this.#options = options
    this.#signal = AbortSignal.any([signal, this.#end.signal])
    this.#fold = new WindowFold({ model, rule, from, rowsMax, plans })
    for (const position of marks.positions(model)) this.#fold.mark(position)
  }

  async run(): Promise<number | undefined> {
    const { source, model, marks, erasures } = this.#options
    const from = this.#fold.open.from
    const unfollow = marks.follow(model, ({ position }) => this.#marked(position))
    const unfollowErasures = erasures.follow(model, ({ positions }) => this.#erased(positions))
    for (const position of marks.positions(model)) this.#awaitFacts(position)
    try {
      for await (const batch of source.follow(from, this.#signal)) {
        await this.#take(batch)
        if (this.#signal.aborted) break
      }
    } finally {
      unfollow()
      unfollowErasures()
      this.#end.abort()
    }
    if (this.#failure !== undefined) throw this.#failure.cause
    return this.#again
  }

  async #take({ messages, behind }: Batch<PositionedFact>): Promise<void> {
    const { model, erasures, plans, onFact, releasesCaughtUp } = this.#options
    let left = messages.length
    const pending = () => left + behind()
    for (const { fact, position } of messages) {
      left--
      if (fact.version !== undefined && plans(fact.version) === undefined) await releasesCaughtUp()
      if (this.#signal.aborted) return
      // Asked only now: it may have been erased since it was read.
      if (erasures.positions(model).has(position)) continue
      const before = this.#fold.rowsTaken
      const closed = this.#fold.take(fact, position)
      onFact(this.#fold.open, this.#fold.rowsTaken - before, pending)
      if (closed.length > 0) await this.#give(closed)
    }
  }

  async #give(closed: ReadonlyArray<ClosedWindow>): Promise<void> {
    for (const one of closed) {
      if (this.#signal.aborted) return
      if (!(await this.#options.onWindow(one))) this.#end.abort()
    }
  }

  #marked(position: number): void {
    if (this.#fold.mark(position) === "late") {
      this.#again = this.#fold.open.from
      this.#end.abort()
    } else this.#awaitFacts(position)
  }

  /** What the open window holds in memory of an erased fact is dropped with it. */
  #erased(positions: ReadonlyArray<number>): void {
    const { from, to } = this.#fold.open
    if (!positions.some((position) => position >= from && position <= to)) return
    this.#again = from
    this.#end.abort()
  }

  /** Ends the window at a mark as soon as its facts are in, without waiting for the next fact. */
  #awaitFacts(position: number): void {
    const { source, marks, rule } = this.#options
    if (rule.kind !== "marks" || position < this.#fold.open.from) return
    const taken = () => this.#fold.open.to
    void marks
      .reached(source, position, taken, this.#signal)
      .then((reached) => (reached ? this.#give(this.#fold.passed(position)) : undefined))
      .catch((cause: unknown) => {
        this.#failure = { cause }
        this.#end.abort()
      })
  }
}

/** Folds from a position on until the signal aborts or `onWindow` answers false. */
export const foldFacts = async (options: FoldFactsOptions, from: number): Promise<void> => {
  let next: number | undefined = from
  while (next !== undefined && !options.signal.aborted) next = await new Pass(options, next).run()
}
