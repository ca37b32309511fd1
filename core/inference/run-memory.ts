// Memory for the inputs of runs, used again by later runs: large inputs that are copied for a run
// and thrown away after it keep the collector at work. It does not know when a run has ended.

/** Smaller ones are made anew: the heap has them at hand. */
const REUSED_MIN_BYTES = 32 * 1024
/** Kept for later in all; what would pass it pushes out what was kept longest. */
const KEPT_MAX_BYTES = 8 << 20

export class RunMemory {
  readonly #lent = new Set<ArrayBufferLike>()
  readonly #kept: Array<ArrayBuffer> = []
  #keptBytes = 0

  /** So many bytes, whatever is in them, aligned for any datatype. */
  take(byteLength: number): Uint8Array<ArrayBuffer> {
    if (byteLength < REUSED_MIN_BYTES || byteLength > KEPT_MAX_BYTES)
      return new Uint8Array(byteLength)
    const size = 2 ** Math.ceil(Math.log2(byteLength))
    const at = this.#kept.findIndex((kept) => kept.byteLength === size)
    const [buffer = new ArrayBuffer(size)] = at === -1 ? [] : this.#kept.splice(at, 1)
    if (at !== -1) this.#keptBytes -= size
    this.#lent.add(buffer)
    return new Uint8Array(buffer, 0, byteLength)
  }

  /** Whoever gives back must not look at it again; what was not taken from here changes nothing. */
  giveBack(taken: Uint8Array): void {
    // Of bytes that the heap holds itself, asking for the buffer alone would make one.
    if (this.#lent.size === 0) return
    const { buffer } = taken
    if (!(buffer instanceof ArrayBuffer) || !this.#lent.delete(buffer)) return
    this.#kept.push(buffer)
    this.#keptBytes += buffer.byteLength
    while (this.#keptBytes > KEPT_MAX_BYTES) this.#keptBytes -= this.#kept.shift()?.byteLength ?? 0
  }
}
