// The facts and dead letters that a predictor writes, made of what it knows. Pure: time comes in.
import type { DeadLetter } from "../proto/dead-letter.ts"
import type { Batch, FailureReason, Prediction } from "../proto/prediction.ts"
import type { Tensor } from "../proto/tensor.ts"
import type { Delivery } from "../core/log/delivery.ts"
import type { ChosenVersion } from "./batcher.ts"
import type { Failed, Received, Work } from "./work.ts"

type Draft = { -readonly [Field in keyof Prediction]: Prediction[Field] }

/** Adds what only some requests have: a field that is absent is not there at all. */
const addGiven = (fact: Draft, { handling }: Received): Draft => {
  const { pinned, caller, keyed, requestId, traceparent, retryOf } = handling
  if (pinned !== undefined) fact.pinned = pinned
  if (caller !== undefined) fact.caller = caller
  if (keyed) fact.keyed = true
  if (requestId !== undefined) fact.requestId = requestId
  if (traceparent !== undefined) fact.traceparent = traceparent
  if (retryOf !== undefined) fact.retryOf = retryOf
  return fact
}

/** The run of a group, the same for all its requests. */
export interface RunRecord {
  readonly batch: Omit<Batch, "offset" | "size">
  readonly begun: number
  readonly ended: number
  readonly runtime: string
}

/** `offset` and `size`: the request's rows in the batch. */
export const predictedFact = (
  work: Work,
  chosen: ChosenVersion,
  outputs: ReadonlyArray<Tensor>,
  { batch, begun, ended, runtime }: RunRecord,
  offset: number,
  size: number,
): Prediction => {
  const { delivery, takenAt } = work
  const fact: Draft = {
    id: work.id,
    model: work.model,
    version: chosen.version,
    modelDigest: chosen.digest,
    signatureDigest: chosen.signatureDigest,
    request: work.request,
    digest: work.digest,
    outputs,
    batch: { id: batch.id, rows: batch.rows, offset, size, members: batch.members, ran: batch.ran },
    runtime,
    times: { stored: delivery.storedAt, taken: takenAt, begun, ended },
    deliveries: delivery.deliveries,
  }
  if (work.quality !== undefined) fact.quality = work.quality
  return addGiven(fact, work)
}

export const failedFact = (failed: Failed): Prediction => {
  const { received, reason, message, version, modelDigest, signatureDigest } = failed
  const { id, model, delivery, takenAt } = received
  const fact: Draft = {
    id,
    model,
    failure: { reason, message },
    times: { stored: delivery.storedAt, taken: takenAt },
    deliveries: delivery.deliveries,
  }
  if ("request" in received) {
    fact.request = received.request
    fact.digest = received.digest
    if (received.quality !== undefined) fact.quality = received.quality
  }
  if (version !== undefined) fact.version = version
  if (modelDigest !== undefined) fact.modelDigest = modelDigest
  if (signatureDigest !== undefined) fact.signatureDigest = signatureDigest
  return addGiven(fact, received)
}

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
): Failed => ({
  received: work,
  reason,
  message,
  version: chosen.version,
  modelDigest: chosen.digest,
  signatureDigest: chosen.signatureDigest,
})

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
