// The facts and dead letters that a predictor writes, made of what it knows. Pure: time comes in.
import type { DeadLetter } from "../proto/dead-letter.ts"
import type { Batch, FailureReason, Prediction } from "../proto/prediction.ts"
import type { Tensor } from "../proto/tensor.ts"
import type { Delivery } from "../core/log/delivery.ts"
import type { ChosenVersion } from "./batcher.ts"
import type { Failed, Received, Work } from "./work.ts"

/** A field with a value, or nothing. */
const given = <Key extends string, Value>(key: Key, value: Value | undefined) =>
  value === undefined ? {} : { [key]: value }

const common = (received: Received | Work) => ({
  id: received.id,
  model: received.model,
  ...("request" in received ? { request: received.request, digest: received.digest } : {}),
  ...given("pinned", received.handling.pinned),
  deliveries: received.delivery.deliveries,
  ...given("caller", received.handling.caller),
  ...(received.handling.keyed ? { keyed: true } : {}),
  ...given("requestId", received.handling.requestId),
  ...given("traceparent", received.handling.traceparent),
  ...given("retryOf", received.handling.retryOf),
  ...("quality" in received ? given("quality", received.quality) : {}),
})

export interface RunRecord {
  readonly batch: Batch
  readonly begun: number
  readonly ended: number
  readonly runtime: string
}

const chosenFields = (chosen: ChosenVersion) => ({
  version: chosen.version,
  modelDigest: chosen.digest,
  signatureDigest: chosen.signatureDigest,
})

export const predictedFact = (
  work: Work,
  chosen: ChosenVersion,
  outputs: ReadonlyArray<Tensor>,
  run: RunRecord,
): Prediction => ({
  ...common(work),
  ...chosenFields(chosen),
  outputs,
  batch: run.batch,
  runtime: run.runtime,
  times: {
    stored: work.delivery.storedAt,
    taken: work.takenAt,
    begun: run.begun,
    ended: run.ended,
  },
})

export const failedFact = (failed: Failed): Prediction => ({
  ...common(failed.received),
  ...given("version", failed.version),
  ...given("modelDigest", failed.modelDigest),
  ...given("signatureDigest", failed.signatureDigest),
  failure: { reason: failed.reason, message: failed.message },
  times: { stored: failed.received.delivery.storedAt, taken: failed.received.takenAt },
})

/**
 * The same without the request, which its dead letter holds: for a fact that would be too large for
 * a message.
 */
export const withoutRequest = ({ request: _, ...fact }: Prediction): Prediction => fact

/** The failure of a request that was chosen a version. */
export const failedWork = (
  work: Work,
  chosen: ChosenVersion,
  reason: FailureReason,
  message: string,
): Failed => ({ received: work, reason, message, ...chosenFields(chosen) })

/**
 * Room in a dead letter for everything but the payload, and how much of that its headers may take.
 */
const LETTER_OVERHEAD_BYTES = 32_768
const LETTER_HEADERS_MAX_BYTES = 16_384

/** The dead letter of a request, its payload cut where the whole would not fit into a message. */
export const deadLetter = (failed: Failed, now: number, maxPayloadBytes: number): DeadLetter => {
  const { delivery, model, id } = failed.received
  const room = Math.max(0, maxPayloadBytes - LETTER_OVERHEAD_BYTES)
  const whole = delivery.data.byteLength <= room
  const cut = whole ? "" : ` (the first ${room} of ${delivery.data.byteLength} bytes are kept)`
  const { headers, dropped } = headersOf(delivery)
  const less = dropped === 0 ? "" : ` (${dropped} headers are not kept)`
  return {
    model,
    id,
    reason: failed.reason,
    message: `${failed.message}${cut}${less}`,
    storedAt: delivery.storedAt,
    diedAt: now,
    deliveries: delivery.deliveries,
    headers,
    payload: whole ? delivery.data : delivery.data.subarray(0, room),
  }
}

/** Headers can be as long as a message: those are kept that have room, in their order. */
const headersOf = ({ headers }: Delivery) => {
  const kept: Array<readonly [string, string]> = []
  let room = LETTER_HEADERS_MAX_BYTES
  const names = headers?.keys() ?? []
  for (const name of names) {
    const value = headers?.get(name) ?? ""
    const bytes = Buffer.byteLength(name) + Buffer.byteLength(value)
    if (bytes > room) continue
    room -= bytes
    kept.push([name, value])
  }
  return { headers: Object.fromEntries(kept), dropped: names.length - kept.length }
}
