// From which sequence on a delivered request may still be alive, told by what the server said of
// its consumer over time. Pure bookkeeping: it looks at no request, and what it says of an
// unwatched time is that everything may be alive.

/** Moments that are remembered within the longest life of a request. */
const MARKS_PER_LIFE = 16

interface Mark {
  readonly atMillis: number
  readonly delivered: number
}

export class ParkedWatch {
  readonly #aliveMillis: number
  readonly #marks: Array<Mark> = []

  /** `aliveMillis`: the longest that a request can be alive after it was first delivered. */
  constructor(aliveMillis: number) {
    this.#aliveMillis = aliveMillis
  }

  /** The highest sequence that the consumer had delivered at a moment of a steady clock. */
  mark(delivered: number, atMillis: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && atMillis - last.atMillis < this.#aliveMillis / MARKS_PER_LIFE) return
    this.#marks.push({ atMillis, delivered })
    // Of those that are old enough, the youngest says the most.
    while (this.#isOld(this.#marks[1], atMillis)) this.#marks.shift()
  }

  /**
   * What is still in the queue up to this sequence was delivered for longer than it can be alive; 0
   * for nothing.
   */
  deadUpTo(nowMillis: number): number {
    return this.#marks.findLast((mark) => this.#isOld(mark, nowMillis))?.delivered ?? 0
  }

  #isOld(mark: Mark | undefined, nowMillis: number): boolean {
    return mark !== undefined && nowMillis - mark.atMillis > this.#aliveMillis
  }
}
