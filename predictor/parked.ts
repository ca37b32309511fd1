// Which of the delivered requests are parked: exhausted, and delivered to nobody any more. Pure bookkeeping over what the
// sweep saw. A live request is never named: it must have been seen as delivered for longer than a delivered request can be
// alive, and there must be exactly as many such requests as the server counts parked ones.

export interface QueueState {
  /** First sequence in the queue, and the highest that was delivered. */
  readonly first: number
  readonly delivered: number
  /** Messages that are neither pending nor waiting for an ack. */
  readonly parked: number
}

export class ParkedWatch {
  readonly #aliveMillis: number
  readonly #seenAt = new Map<number, number>()

  constructor(aliveMillis: number) {
    this.#aliveMillis = aliveMillis
  }

  /**
   * Takes what a sweep saw: the sequences that were delivered and are still in the queue. Returns those that are parked.
   * The age counts from the first sight, not from storage: a request can wait in the queue for long before its delivery.
   */
  observe(
    state: QueueState,
    held: ReadonlyArray<number>,
    nowMillis: number,
  ): ReadonlyArray<number> {
    const present = new Set(held)
    for (const sequence of this.#seenAt.keys())
      if (!present.has(sequence)) this.#seenAt.delete(sequence)
    for (const sequence of held)
      if (!this.#seenAt.has(sequence)) this.#seenAt.set(sequence, nowMillis)
    const old = held.filter(
      (sequence) => nowMillis - (this.#seenAt.get(sequence) ?? nowMillis) > this.#aliveMillis,
    )
    return old.length === state.parked ? old : []
  }
}
