// Which requests are published without an ack. The fact of a request is proof that the log took it,
// and comes within milliseconds as a rule: an ack before it costs the server and this process a
// message for nothing. It decides; it publishes nothing.
import type { GatewayTraces } from "../http/spans.ts"
import type { BacklogState } from "../watch/backlog.ts"
import type { Prepared } from "./prepare.ts"

/** Without its fact after this, a request is published again with an ack, which tells why. */
export const UNACKED_WAIT_MILLIS = 200
/** While answers take longer than this on average, every request is acked. */
const ANSWER_MAX_MILLIS = 50
/** Callers who wait for less are told at once what the log says. */
const TIMEOUT_MIN_MILLIS = 5 * UNACKED_WAIT_MILLIS
/** Of each answer in that average. */
const ANSWER_WEIGHT = 0.05

export interface UnackedOptions {
  readonly backlog: { readonly state: Pick<BacklogState, "hasRoom"> }
  /**
   * Of the log. A replicated one that is full says so even of a request that it holds: asked again
   * without having been heard at first, it would have a stored request refused.
   */
  readonly replicas: number
  /** They show when the log had a request. */
  readonly traces: GatewayTraces | undefined
}

export class Unacked {
  readonly #backlog: UnackedOptions["backlog"]["state"]
  readonly #isPossible: boolean
  /** By model: one that is slow has others no less sure. */
  readonly #answerMillis = new Map<string, number>()

  constructor({ backlog, replicas, traces }: UnackedOptions) {
    this.#backlog = backlog.state
    this.#isPossible = replicas === 1 && traces === undefined
  }

  /**
   * Whether a request needs no ack beside `inFlight` others of at most `bytesMax`: its model
   * answers fast, its caller waits, and the queue is so empty that it will not be refused.
   */
  allows(
    { model, handling }: Pick<Prepared, "model" | "handling">,
    inFlight: number,
    bytesMax: number,
  ): boolean {
    if (!this.#isPossible || handling.isAsync) return false
    if (handling.timeoutMillis < TIMEOUT_MIN_MILLIS) return false
    if (!((this.#answerMillis.get(model) ?? Infinity) <= ANSWER_MAX_MILLIS)) return false
    return this.#backlog.hasRoom(inFlight, inFlight * bytesMax)
  }

  /** A request of a model was answered after so long. */
  answered(model: string, millis: number): void {
    const known = this.#answerMillis.get(model) ?? millis
    this.#answerMillis.set(model, known + ANSWER_WEIGHT * (millis - known))
  }

  /** A fact did not come in time: the next requests of the model had better ask. */
  late(model: string): void {
    const known = this.#answerMillis.get(model) ?? 0
    this.#answerMillis.set(model, Math.max(known, UNACKED_WAIT_MILLIS))
  }
}
