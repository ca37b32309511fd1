// Tasks one after another, at most so many waiting: whoever adds one more waits for room. The first
// failure ends the queue; tasks behind it are not begun.

export class TaskQueue {
  readonly #waitingMax: number
  readonly #onFailure: () => void
  #tail: Promise<void> = Promise.resolve()
  #waiting = 0
  #failure: { readonly cause: unknown } | undefined
  #room: (() => void) | undefined

  constructor(waitingMax: number, onFailure: () => void) {
    this.#waitingMax = waitingMax
    this.#onFailure = onFailure
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Resolves when the task is queued, not when it is done; rejects with an earlier failure. */
  async add(task: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.cause
    this.#waiting++
    this.#tail = this.#tail.then(async () => {
      try {
        if (this.#failure === undefined) await task()
      } catch (cause) {
        this.#failure = { cause }
        this.#onFailure()
      } finally {
        this.#waiting--
        this.#room?.()
      }
    })
    while (this.#waiting > this.#waitingMax) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#room = resolve
      await promise
    }
  }

  /** Resolves when all that was added is done; rejects with the first failure. */
  async done(): Promise<void> {
    await this.#tail
    if (this.#failure !== undefined) throw this.#failure.cause
  }
}
