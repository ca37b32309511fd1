// How the queue of requests drained over time, so that what callers were told of it can be compared
// with what it did.
import type { Log } from "#core/log/log"
import { REQUESTS } from "#proto/subjects"

const LOOK_AGAIN_MILLIS = 50

interface Look {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly firstSequence: number
  readonly lastSequence: number
}

export class QueueWatch {
  readonly #log: Log
  readonly #looks: Array<Look> = []
  readonly #watching: Promise<void>
  #over = false

  constructor(log: Log) {
    this.#log = log
    this.#watching = this.#watch()
  }

  /** Looks once more, for the last time. */
  async end(): Promise<void> {
    this.#over = true
    await this.#watching
    await this.#look()
  }

  /**
   * Milliseconds from a moment until all that was queued then had left the queue; undefined where
   * that was not seen.
   */
  drainMillis(at: number): number | undefined {
    // Looks are in the order of time.
    const now = this.#looks.findLast((look) => look.at <= at)
    if (now === undefined) return undefined
    const drained = this.#looks.find(
      (look) => look.at >= at && look.firstSequence > now.lastSequence,
    )
    return drained === undefined ? undefined : drained.at - at
  }

  async #watch(): Promise<void> {
    while (!this.#over) {
      await this.#look()
      await Bun.sleep(LOOK_AGAIN_MILLIS)
    }
  }

  async #look(): Promise<void> {
    try {
      const { state } = await this.#log.manager.streams.info(REQUESTS)
      const { first_seq: firstSequence, last_seq: lastSequence } = state
      this.#looks.push({ at: Date.now(), firstSequence, lastSequence })
    } catch {
      // The server did not answer in time: a look is missing.
    }
  }
}
