// Which requests go beside the queue, straight to a predictor over core NATS. Their fact, which
// holds the request as well, is then the one write to the log that they cost. It is for callers who
// wait, while answers take milliseconds: what a predictor takes along when it ends is noticed by
// the sender, who queues it. Whatever may wait belongs into the queue, which predictors scale on.
import type { Log } from "#core/log/log"
import { fastSubject } from "#proto/subjects"
import type { GatewayTraces } from "../http/spans.ts"
import type { GatewayMetrics } from "../metrics.ts"
import type { BacklogState } from "../watch/backlog.ts"
import { requestHeaders, type Prepared } from "./prepare.ts"

/** A request whose fact has not come after this is queued. */
export const FAST_WAIT_MILLIS = 200
/** While the answers of a model take longer than this on average, its requests are queued. */
const ANSWER_MAX_MILLIS = 50
/** Of each answer in that average. */
const ANSWER_WEIGHT = 0.05
/** Callers who wait for less are told at once what the log says. */
const TIMEOUT_MIN_MILLIS = 5 * FAST_WAIT_MILLIS
/** Requests of this process beside the queue; the server holds them for a predictor that stalls. */
const BYTES_MAX = 16 * 1024 * 1024

export interface FastLaneOptions {
  readonly log: { readonly publisher: Pick<Log["publisher"], "send"> }
  readonly backlog: { readonly state: Pick<BacklogState, "hasRoom"> }
  readonly metrics: Pick<GatewayMetrics, "sentFast" | "fastLate">
  /** They show when the log had a request. */
  readonly traces: GatewayTraces | undefined
  /**
   * Of the log. A replicated one that is full says so even of a request that it holds, and its
   * facts are told by reply.
   */
  readonly replicas: number
  /** Whether the operator allows it. */
  readonly fastLane: boolean
}

export class FastLane {
  readonly #options: FastLaneOptions
  readonly #isOpen: boolean
  /** By model: one that is slow has others no less fast. */
  readonly #answerMillis = new Map<string, number>()
  #bytes = 0

  constructor(options: FastLaneOptions) {
    this.#options = options
    const { fastLane, replicas, traces } = options
    this.#isOpen = fastLane && replicas === 1 && traces === undefined
  }

  /**
   * Sends a request, the answer to `reply` or to those who hear of its id, beside `inFlight` others
   * of this process. Says whether it did; then `ended` must follow.
   */
  send(id: string, prepared: Prepared, inFlight: number, reply: string | undefined): boolean {
    const { payload, model } = prepared
    if (!this.#allows(prepared, inFlight)) return false
    const headers = requestHeaders(prepared, reply, false)
    if (!this.#options.log.publisher.send(fastSubject(model, id), payload, headers)) return false
    this.#bytes += payload.byteLength
    this.#options.metrics.sentFast()
    return true
  }

  /** A request that was sent is answered, given up or queued. */
  ended({ payload }: Pick<Prepared, "payload">): void {
    this.#bytes -= payload.byteLength
  }

  /** A request of a model was answered after so long. */
  answered(model: string, millis: number): void {
    const known = this.#answerMillis.get(model) ?? millis
    this.#answerMillis.set(model, known + ANSWER_WEIGHT * (millis - known))
  }

  /** A fact did not come in time: the next requests of the model had better be queued. */
  late(model: string): void {
    this.#options.metrics.fastLate()
    const known = this.#answerMillis.get(model) ?? 0
    this.#answerMillis.set(model, Math.max(known, FAST_WAIT_MILLIS))
  }

  #allows({ model, handling, payload }: Prepared, inFlight: number): boolean {
    if (!this.#isOpen || handling.isAsync || handling.timeoutMillis < TIMEOUT_MIN_MILLIS)
      return false
    if (!((this.#answerMillis.get(model) ?? Infinity) <= ANSWER_MAX_MILLIS)) return false
    const bytes = this.#bytes + payload.byteLength
    // All of them may have to be queued.
    return bytes <= BYTES_MAX && this.#options.backlog.state.hasRoom(inFlight, bytes)
  }
}
