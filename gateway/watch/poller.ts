// Asks something again and again, one question at a time. A question that fails is asked again;
// what failed is the asker's to show.

export class Poller {
  readonly #ask: () => Promise<void>
  readonly #pauseMillis: () => number
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopped = false
  #asking: Promise<void> | undefined

  /** `ask` must not reject. */
  constructor(ask: () => Promise<void>, pauseMillis: () => number) {
    this.#ask = ask
    this.#pauseMillis = pauseMillis
  }

  /** Resolves after the first answer. */
  async start(): Promise<void> {
    await this.soon()
  }

  /** Asks now, unless it is being asked already. */
  soon(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    clearTimeout(this.#timer)
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
      if (!this.#stopped) this.#timer = setTimeout(() => void this.soon(), this.#pauseMillis())
    })
    return this.#asking
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#asking
  }
}
