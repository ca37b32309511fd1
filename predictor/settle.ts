// The end of a request: dead letter if it failed, then its fact, then the reply, then the
// acknowledgement, in that order. Every step may be repeated after a crash, and none changes what
// the log decided first.
import { append, LogUnavailable, type Appended } from "../core/log/append.ts"
import type { Log } from "../core/log/log.ts"
import { headerBlock, type HeaderList } from "../core/log/header-list.ts"
import { LookupFailed, readLast } from "../core/log/read.ts"
import { reasonOf, type Logger } from "../core/service/logger.ts"
import { deadLetterCodec } from "../proto/dead-letter.ts"
import { DIGEST, POSITION } from "../proto/headers.ts"
import { predictionCodec, type Prediction } from "../proto/prediction.ts"
import { LARGE_REQUEST_BYTES } from "../proto/request.ts"
import { deadSubject, isGatewayReply, predictionSubject, PREDICTIONS } from "../proto/subjects.ts"
import { tensorBytes } from "../proto/tensor.ts"
import { deadLetter, failedFact, withoutRequest } from "./facts.ts"
import type { PredictorMetrics } from "./metrics.ts"
import type { PredictorTraces } from "./spans.ts"
import type { Failed, Received } from "./work.ts"

/** A request whose fact could not be stored is delivered again after this. */
const LOG_DOWN_PAUSE_MILLIS = 1_000

export interface SettleOptions {
  readonly log: Log
  readonly logger: Logger
  readonly metrics: PredictorMetrics
  readonly traces: PredictorTraces | undefined
  readonly replicas: number
  readonly outputBytesMax: number
  readonly deliveriesMax: number
  readonly now: () => number
}

interface Settled {
  /** The fact as its caller gets it. */
  readonly bytes: Uint8Array
  readonly position: number
}

const encoded = (fact: Prediction): Uint8Array => {
  const { request, outputs = [] } = fact
  const inputBytes = request === undefined ? 0 : tensorBytes(request.inputs)
  return predictionCodec.encode(fact, inputBytes + tensorBytes(outputs))
}

const replyOf = ({ handling }: Received, fact: Prediction, whole: Uint8Array): Uint8Array => {
  const { request, outputs = [] } = fact
  if (handling.reply === undefined || !isGatewayReply(handling.reply)) return whole
  if (request === undefined || tensorBytes(request.inputs) < LARGE_REQUEST_BYTES) return whole
  const without = { ...fact, request: { ...request, inputs: [] } }
  return predictionCodec.encode(without, tensorBytes(outputs))
}

export class Settler {
  readonly #options: SettleOptions

  constructor(options: SettleOptions) {
    this.#options = options
  }

  /** Stores the fact of a run, answers and acknowledges. Never rejects. */
  async predicted(received: Received, fact: Prediction): Promise<void> {
    const { outputBytesMax, metrics, now } = this.#options
    const size = tensorBytes(fact.outputs ?? [])
    if (size <= outputBytesMax) {
      try {
        const bytes = encoded(fact)
        const begun = now()
        const appended = await this.#append(received, fact, bytes)
        const settled =
          appended.kind === "stored"
            ? this.#stored(received, fact, bytes, begun, appended.sequence)
            : await this.#notStored(received, bytes, appended)
        if (settled !== undefined) {
          metrics.predicted(fact)
          this.#reply(received, settled)
          received.delivery.ack()
          return
        }
      } catch (cause) {
        this.#leave(received, cause)
        return
      }
    }
    await this.failed(tooLarge(received, fact, size, outputBytesMax))
  }

  /**
   * Stores dead letter and failure fact, answers and terminates; what has its fact from elsewhere
   * is answered from that, and is no dead letter. Never rejects.
   */
  async failed(failed: Failed): Promise<void> {
    const { received } = failed
    try {
      // Lateness was the caller's own wish: there is nothing to mend and send again.
      if (failed.reason !== "expired") {
        if (await this.#answeredBefore(received)) return
        await this.#bury(failed)
      }
      if (received.named) {
        const fact = failedFact(failed)
        const settled =
          (await this.#store(received, fact)) ?? (await this.#store(received, withoutRequest(fact)))
        if (settled !== undefined) this.#reply(received, settled)
      }
      this.#options.metrics.failed(failed, this.#options.now())
      received.delivery.term()
    } catch (cause) {
      this.#leave(received, cause)
    }
  }

  /** Answers from the fact if there is one already; says whether there was. */
  async #answeredBefore(received: Received): Promise<boolean> {
    if (!received.named) return false
    const found = await this.#read(received)
    if (found === undefined) return false
    this.#reply(received, found)
    received.delivery.ack()
    return true
  }

  async #bury(failed: Failed): Promise<void> {
    const { log, now } = this.#options
    const letter = deadLetter(failed, now(), log.publisher.maxPayloadBytes)
    await append(log.publisher, graveOf(failed.received), deadLetterCodec.encode(letter), 0)
    this.#options.metrics.buried(failed)
  }

  /**
   * The fact as it stands in the log, ours or an earlier one; `undefined` when ours is too large
   * for a message.
   */
  async #store(received: Received, fact: Prediction): Promise<Settled | undefined> {
    const bytes = encoded(fact)
    const begun = this.#options.now()
    const appended = await this.#append(received, fact, bytes)
    return appended.kind === "stored"
      ? this.#stored(received, fact, bytes, begun, appended.sequence)
      : this.#notStored(received, bytes, appended)
  }

  #append({ model, id }: Received, { digest }: Prediction, bytes: Uint8Array): Promise<Appended> {
    const headers: HeaderList = digest === undefined ? [] : [[DIGEST, digest]]
    return append(this.#options.log.publisher, predictionSubject(model, id), bytes, 0, headers)
  }

  #stored(
    received: Received,
    fact: Prediction,
    bytes: Uint8Array,
    begun: number,
    position: number,
  ): Settled {
    this.#options.traces?.settled(received, fact, begun, this.#options.now())
    return { bytes: replyOf(received, fact, bytes), position }
  }

  async #notStored(
    received: Received,
    bytes: Uint8Array,
    { kind }: Exclude<Appended, { readonly kind: "stored" }>,
  ): Promise<Settled | undefined> {
    if (kind === "tooLarge") return undefined
    this.#options.metrics.factExisted()
    const found = await this.#read(received)
    // Refused as existing, and gone when read: the hot log dropped it in between. Ours says the
    // same.
    return found ?? { bytes, position: 0 }
  }

  async #read(received: Received): Promise<Settled | undefined> {
    const { log, replicas } = this.#options
    const subject = predictionSubject(received.model, received.id)
    const found = await readLast(log, PREDICTIONS, subject, replicas)
    return found === undefined ? undefined : { bytes: found.data, position: found.sequence }
  }

  #reply({ handling }: Received, { bytes, position }: Settled): void {
    if (handling.reply === undefined) return
    const headers = headerBlock([[POSITION, String(position)]])
    // A reply that does not arrive costs the caller a look into the log.
    this.#options.log.outbox.publish(handling.reply, bytes, { headers })
  }

  /**
   * What the log could not take now is left to a later delivery, and to the reaper after the last
   * one.
   */
  #leave({ id, delivery }: Received, cause: unknown): void {
    const { logger, deliveriesMax } = this.#options
    if (cause instanceof LookupFailed) logger.warn(cause.message, { id })
    else if (!(cause instanceof LogUnavailable)) logger.error(reasonOf(cause), { id })
    if (delivery.deliveries >= deliveriesMax) delivery.done()
    else delivery.nak(LOG_DOWN_PAUSE_MILLIS)
  }
}

const WILDCARDS: ReadonlySet<string> = new Set(["*", ">"])

/**
 * A wildcard that was published as a token would be expected to match nothing, and matches all the
 * others.
 */
const graveOf = ({ model, id, delivery }: Received): string =>
  WILDCARDS.has(model) || WILDCARDS.has(id)
    ? deadSubject("unnamed", `request-${delivery.sequence}`)
    : deadSubject(model, id)

const tooLarge = (received: Received, fact: Prediction, size: number, limit: number): Failed => ({
  received,
  reason: "output_too_large",
  message: `the output has ${size} bytes, at most ${limit} can be answered`,
  ...(fact.version === undefined ? {} : { version: fact.version }),
  ...(fact.modelDigest === undefined ? {} : { modelDigest: fact.modelDigest }),
  ...(fact.signatureDigest === undefined ? {} : { signatureDigest: fact.signatureDigest }),
})
