// One request on its way through the predictor, from the queue's delivery to its fact.
import type { Delivery } from "../core/log/delivery.ts"
import { parseInferRequest } from "../core/inference/json-request.ts"
import { BadRequest } from "../core/inference/bad-request.ts"
import { requestDigest } from "../proto/digest.ts"
import { JSON_TYPE, MESSAGE_PACK_TYPE } from "../proto/headers.ts"
import type { FailureReason, QualityMark } from "../proto/prediction.ts"
import { requestCodec, type InferenceRequest } from "../proto/request.ts"
import { modelAndId, rawModelAndId, type ModelAndId } from "../proto/subjects.ts"
import { tensorBytes } from "../proto/tensor.ts"
import { readHandling, type Handling } from "./handling.ts"

/** What is known of a delivery before it is clear whether it can be predicted. */
export interface Received {
  readonly delivery: Delivery
  readonly model: string
  readonly id: string
  readonly named: boolean
  readonly handling: Handling
  /** Milliseconds since 1970. */
  readonly takenAt: number
}

export interface Work extends Received {
  /** What a gate that only flags found. */
  readonly quality?: QualityMark
  readonly request: InferenceRequest
  readonly digest: string
}

/** The end of a request that gets no output. */
export interface Failed {
  readonly received: Received | Work
  readonly reason: FailureReason
  readonly message: string
  readonly version?: string
  readonly modelDigest?: string
  readonly signatureDigest?: string
}

export const isFailed = (taken: Work | Failed): taken is Failed => "reason" in taken

const utf8 = new TextDecoder("utf-8", { fatal: true })

const decodeRequest = (data: Uint8Array, contentType: string): InferenceRequest | string => {
  if (contentType === "" || contentType === MESSAGE_PACK_TYPE) {
    try {
      return requestCodec.decode(data)
    } catch (cause) {
      return cause instanceof Error ? cause.message : String(cause)
    }
  }
  if (contentType !== JSON_TYPE)
    return `Content-Type: expected ${JSON_TYPE} or ${MESSAGE_PACK_TYPE}, got "${contentType}"`
  let text: string
  try {
    text = utf8.decode(data)
  } catch {
    return "body: expected UTF-8"
  }
  const parsed = parseInferRequest(text)
  return parsed instanceof BadRequest ? parsed.message : parsed
}

/** What a delivery asks, or why that cannot be read, as a sentence. */
const requestOf = (
  delivery: Delivery,
  handling: Handling,
  requestBytesMax: number,
): InferenceRequest | string => {
  if (delivery.headersFault !== undefined) return `headers: ${delivery.headersFault}`
  if (handling.problem !== undefined) return handling.problem
  const size = delivery.data.byteLength
  if (size > requestBytesMax) return `body: expected at most ${requestBytesMax} bytes, got ${size}`
  const request = decodeRequest(delivery.data, handling.contentType)
  if (typeof request === "string") return request
  const bytes = tensorBytes(request.inputs)
  // JSON can be shorter than its tensors, and it is the tensors that the fact holds.
  return bytes > requestBytesMax
    ? `inputs: expected at most ${requestBytesMax} bytes of tensors, got ${bytes}`
    : request
}

/**
 * Reads a delivery: whose request it is, how to handle it, and what it asks. `names` are those of
 * its subject.
 */
export const takeWork = (
  delivery: Delivery,
  takenAt: number,
  requestBytesMax: number,
  names: ModelAndId | undefined = modelAndId(delivery.subject),
): Work | Failed => {
  const handling = readHandling(delivery.headers)
  const request =
    names === undefined
      ? "subject: expected the names of a model and an id"
      : requestOf(delivery, handling, requestBytesMax)
  const named = names !== undefined
  const { model, id } = names ?? rawModelAndId(delivery.subject)
  if (typeof request === "string") {
    const received = { delivery, model, id, named, handling, takenAt }
    return { received, reason: "invalid", message: request }
  }
  const digest = handling.digest ?? requestDigest(model, handling.pinned, request)
  return { delivery, model, id, named, handling, takenAt, request, digest }
}

/** Whether it was delivered before: perhaps it is what ended the process that had it then. */
export const isSuspect = ({ delivery }: Received): boolean => delivery.deliveries > 1

/**
 * Whether the deadline has passed. Work with an idempotency key is never late: its key asks for it
 * again.
 */
export const isExpired = ({ delivery, handling }: Received, now: number): boolean =>
  !handling.keyed && now > delivery.storedAt + handling.timeoutMillis
