// Which requests go beside the queue, straight to a predictor over core NATS. Their fact, which
// holds the request as well, is then the one write to the log that they cost. It is for callers who
// wait, while answers take milliseconds: what a predictor takes along when it ends is noticed by
// the sender, who queues it. Whatever may wait belongs into the queue, which predictors scale on.
import type { Log } from "#core/log/log"
import { FAST_WAIT_MILLIS } from "#proto/request"
import { fastSubject } from "#proto/subjects"
import type { GatewayTraces } from "../http/spans.ts"
import type { GatewayMetrics } from "../metrics.ts"
import type { BacklogState } from "../watch/backlog.ts"
import { requestHeaders, type Prepared } from "./prepare.ts"

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

/** A request beside the queue, which counts until it is answered, given up or queued. */
export class FastTicket {
  readonly #lane: FastLane
  #bytes: number

  constructor(lane: FastLane, bytes: number) {
    this.#lane = lane
    this.#bytes = bytes
  }

  /** The first call counts. */
  end(): void {
    this.#lane.leave(this.#bytes)
    this.#bytes = 0
  }
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
   * of this process; undefined where it has to be queued.
   */
  send(
    id: string,
    prepared: Prepared,
    inFlight: number,
    reply: string | undefined,
  ): FastTicket | undefined {
    const { payload, model } = prepared
    if (!this.#allows(prepared, inFlight)) return undefined
    const headers = requestHeaders(prepared, reply, false)
    const { log, metrics } = this.#options
    if (!log.publisher.send(fastSubject(model, id), payload, headers)) return undefined
    metrics.sentFast()
    this.#bytes += payload.byteLength
    return new FastTicket(this, payload.byteLength)
  }

  /** For tickets alone. */
  leave(bytes: number): void {
    this.#bytes -= bytes
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
