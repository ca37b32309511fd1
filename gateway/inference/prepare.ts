// From a request that a caller made to the message that is published: checked, encoded, digested.
// It publishes nothing.
import type { AnswerForm } from "#core/inference/answer-form"
import { checkRequest } from "#core/inference/check"
import type { BadRequest } from "#core/inference/bad-request"
import type { ParsedInfer } from "#core/inference/json-request"
import type { HeaderList } from "#core/log/header-list"
import { requestDigest } from "#proto/digest"
import * as Header from "#proto/headers"
import { requestCodec } from "#proto/request"
import { tensorBytes } from "#proto/tensor"
import { TIMEOUT_UNNAMED_MILLIS } from "../settings.ts"
import type { Form } from "../http/respond.ts"
import { refuse, type Refusal } from "../http/status.ts"
import type { Admit } from "../quality/door.ts"
import type { Target } from "./target.ts"

/** How a request is to be handled. */
export interface Handling {
  readonly pinned: string | undefined
  readonly timeoutMillis: number
  readonly caller: string | undefined
  readonly requestId: string | undefined
  readonly traceparent: string | undefined
  /** The caller fetches the answer later: nobody waits for a reply. */
  readonly isAsync: boolean
}

/** What a body asks, not yet checked. */
export interface Parsed extends ParsedInfer {
  /** Where the body asks for another form than its address. */
  readonly form?: Form
}

/** A checked request, ready to be published. */
export interface Prepared {
  readonly kind: "prepared"
  readonly model: string
  readonly payload: Uint8Array
  readonly digest: string
  readonly handling: Handling
  /** Refused by the gate of the model, unless its key was answered before. */
  readonly refused: Refusal | undefined
  /** How its answer is to be written; undefined for plain JSON. */
  readonly answer: AnswerForm | undefined
  /** Where the body asked for another form than its address. */
  readonly form: Form | undefined
}

export const badRequest = (fault: BadRequest): Refusal =>
  refuse(fault.kind === "unsupported" ? "unsupported" : "invalid", fault.message)

/**
 * Checks a request against the target's signature and encodes it. `bytesMax` bounds the encoded
 * request.
 */
export const prepare = (
  target: Target,
  parsed: Parsed,
  handling: Handling,
  bytesMax: number,
  admit: Admit,
): Prepared | Refusal => {
  const { request, answer, form } = parsed
  const fault = checkRequest(target.signature, request, target.config)
  if (fault !== undefined) return badRequest(fault)
  const payload = requestCodec.encode(request, tensorBytes(request.inputs))
  const size = payload.byteLength
  if (size > bytesMax)
    return refuse("tooLarge", `body: expected at most ${bytesMax} bytes as tensors, got ${size}`)
  const digest = requestDigest(target.model, handling.pinned, request)
  const refused = admit(target, request)
  return { kind: "prepared", model: target.model, payload, digest, handling, refused, answer, form }
}

/** The headers of the request message; what the predictor assumes anyway is left out. */
export const requestHeaders = (
  { digest, handling }: Prepared,
  reply: string | undefined,
  keyed: boolean,
): HeaderList => {
  const headers: Array<readonly [string, string]> = [[Header.DIGEST, digest]]
  const { pinned, timeoutMillis, caller, requestId, traceparent, isAsync } = handling
  if (!isAsync && reply !== undefined) headers.push([Header.REPLY, reply])
  if (pinned !== undefined) headers.push([Header.VERSION, pinned])
  if (timeoutMillis !== TIMEOUT_UNNAMED_MILLIS) headers.push([Header.TIMEOUT, `${timeoutMillis}`])
  if (caller !== undefined) headers.push([Header.CALLER, caller])
  if (keyed) headers.push([Header.KEYED, "1"])
  if (traceparent !== undefined) headers.push([Header.TRACEPARENT, traceparent])
  if (requestId !== undefined) headers.push([Header.REQUEST_ID, requestId])
  return headers
}
