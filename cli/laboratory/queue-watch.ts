// How the queue of requests drained over time, so that what callers were told of it can be compared
// with what it did.
import type { Log } from "#core/log/log"
import { REQUESTS } from "#proto/subjects"

const LOOK_AGAIN_MILLIS = 50

export interface Look {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly lastSequence: number
  readonly messages: number
}

/** A queue that held as much as at some moment, and how long that took. */
export interface Drain {
  /** Milliseconds until as many requests were finished as were queued at that moment. */
  readonly realMillis: number
  /**
   * What it would have taken at the rate of as long a time before the moment; undefined where
   * nothing was finished then.
   */
  readonly steadyMillis: number | undefined
}

/** Requests that have left the queue since it was created: it forgets what is finished. */
const finishedBy = ({ lastSequence, messages }: Look): number => lastSequence - messages

/** Requests a millisecond between two looks at the latest times, while there was work. */
const rateBetween = (looks: ReadonlyArray<Look>, from: number, to: number): number => {
  let finished = 0
  let millis = 0
  for (const [index, look] of looks.entries()) {
    const next = looks[index + 1]
    if (next === undefined || next.at > to) break
    if (look.at < from || look.messages === 0 || next.messages === 0) continue
    finished += finishedBy(next) - finishedBy(look)
    millis += next.at - look.at
  }
  return millis === 0 ? 0 : finished / millis
}

/** The drain that began at a moment; undefined where its end was not seen. Looks by time. */
export const drainFrom = (looks: ReadonlyArray<Look>, at: number): Drain | undefined => {
  const now = looks.findLast((look) => look.at <= at)
  if (now === undefined) return undefined
  const goal = finishedBy(now) + now.messages
  const end = looks.find((look) => look.at >= at && finishedBy(look) >= goal)
  if (end === undefined) return undefined
  const realMillis = end.at - at
  const before = rateBetween(looks, at - realMillis, at)
  return { realMillis, steadyMillis: before > 0 ? now.messages / before : undefined }
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

  get looks(): ReadonlyArray<Look> {
    return this.#looks
  }

  /** Looks once more, for the last time. */
  async end(): Promise<void> {
    this.#over = true
    await this.#watching
    await this.#look()
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
      const { last_seq: lastSequence, messages } = state
      this.#looks.push({ at: Date.now(), lastSequence, messages })
    } catch {
      // The server did not answer in time: a look is missing.
    }
  }
}
