// How many bodies are unpacked at once: a packed body is small, and what it becomes is not known
// before. The rest wait in their order, holding what came and no more.
export class Inflating {
  readonly #max: number
  readonly #waiting: Array<() => void> = []
  #running = 0

  constructor(max: number) {
    this.#max = max
  }

  get running(): number {
    return this.#running
  }

  /** Runs `work` when it has its turn, and ends the turn with it. */
  async inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#running < this.#max) this.#running++
    // Whoever ends hands its turn over, so that nobody who comes later takes it.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
