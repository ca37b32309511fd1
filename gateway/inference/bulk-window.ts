// Answers of a bulk on their way out: in order, no more than may be held, while others are still
// being worked on.

/** Lines of one bulk whose answers are outstanding or not taken yet. */
export const BULK_LINES_MAX = 256
/** Bytes of those lines; a single larger one still passes. */
export const BULK_BYTES_MAX = 8 * 1024 * 1024

interface Slot {
  /** Never rejects. */
  readonly text: Promise<string>
  readonly bytes: number
}

export class BulkWindow {
  readonly #slots: Array<Slot> = []
  #bytes = 0
  #ended = false
  #wake: () => void = () => undefined
  #makeRoom: () => void = () => undefined

  /** Nothing is taken any more. */
  get ended(): boolean {
    return this.#ended
  }

  /** Resolves when there is room for more, or when all is over. */
  async add(text: Promise<string>, bytes: number): Promise<void> {
    if (this.#ended) return
    this.#slots.push({ text, bytes })
    this.#bytes += bytes
    this.#wake()
    while (!this.#ended && this.#isFull()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#makeRoom = resolve
      await promise
    }
  }

  /** What was added still comes out, then `last`. */
  end(last?: string): void {
    if (this.#ended) return
    this.#ended = true
    if (last !== undefined) this.#slots.push({ text: Promise.resolve(last), bytes: 0 })
    this.#wake()
    this.#makeRoom()
  }

  /** The next answer; undefined after the last. One call at a time. */
  async next(): Promise<string | undefined> {
    while (this.#slots.length === 0) {
      if (this.#ended) return undefined
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
    const text = await this.#slots[0]?.text
    this.#bytes -= this.#slots.shift()?.bytes ?? 0
    if (!this.#isFull()) this.#makeRoom()
    return text
  }

  #isFull(): boolean {
    return this.#slots.length >= BULK_LINES_MAX || this.#bytes >= BULK_BYTES_MAX
  }
}
