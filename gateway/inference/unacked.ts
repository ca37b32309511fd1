// Which requests are published without an ack. The fact of a request is proof that the log took it,
// and comes within milliseconds as a rule: an ack before it costs the server and this process a
// message for nothing. It decides; it publishes nothing.
import type { BacklogState } from "../watch/backlog.ts"

/** Without its fact after this, a request is published again with an ack, which tells why. */
export const UNACKED_WAIT_MILLIS = 200
/** While answers take longer than this on average, every request is acked. */
const ANSWER_MAX_MILLIS = 50
/** Callers who wait for less are told at once what the log says. */
const TIMEOUT_MIN_MILLIS = 5 * UNACKED_WAIT_MILLIS
/** Of each answer in that average. */
const ANSWER_WEIGHT = 0.05

export class Unacked {
  readonly #backlog: Pick<BacklogState, "hasRoom">
  #answerMillis = Number.POSITIVE_INFINITY

  constructor(backlog: Pick<BacklogState, "hasRoom">) {
    this.#backlog = backlog
  }

  /**
   * Whether a request of at most `bytesMax` needs no ack, beside `inFlight` others: answers come
   * fast, and the queue is so empty that it will not be refused.
   */
  allows(timeoutMillis: number, inFlight: number, bytesMax: number): boolean {
    if (timeoutMillis < TIMEOUT_MIN_MILLIS || this.#answerMillis > ANSWER_MAX_MILLIS) return false
    return this.#backlog.hasRoom(inFlight, inFlight * bytesMax)
  }

  /** A request was answered after so long. */
  answered(millis: number): void {
    const known = this.#answerMillis
    const isFirst = known === Number.POSITIVE_INFINITY
    this.#answerMillis = isFirst ? millis : known + ANSWER_WEIGHT * (millis - known)
  }

  /** A fact did not come in time: the next requests had better ask. */
  late(): void {
    this.#answerMillis = Math.max(this.#answerMillis, UNACKED_WAIT_MILLIS)
  }
}
