// Lines that a fault can make by the thousand, such as one for each failed request: at most so many
// a second are written, and how many were not is said with the next one.
import type { Fields, Level, Logger } from "./logger.ts"

const SECOND_MILLIS = 1_000

export class LimitedLog {
  readonly #logger: Logger
  readonly #linesPerSecond: number
  readonly #now: () => number
  #second = Number.NEGATIVE_INFINITY
  #lines = 0
  #suppressed = 0

  /** `now` gives milliseconds of a monotonic clock. */
  constructor(logger: Logger, linesPerSecond: number, now: () => number) {
    this.#logger = logger
    this.#linesPerSecond = linesPerSecond
    this.#now = now
  }

  say(level: Level, message: string, fields: Fields): void {
    const now = this.#now()
    if (now - this.#second >= SECOND_MILLIS) {
      this.#second = now
      this.#lines = 0
    }
    if (this.#lines >= this.#linesPerSecond) {
      this.#suppressed++
      return
    }
    this.#lines++
    const suppressed = this.#suppressed === 0 ? undefined : this.#suppressed
    this.#suppressed = 0
    this.#logger[level](message, { ...fields, suppressed })
  }
}
