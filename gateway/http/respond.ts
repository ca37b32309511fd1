// Answers as HTTP. The only place that makes a Response out of a refusal or a fact.
import type { AnswerForm } from "#core/inference/answer-form"
import { BadRequest } from "#core/inference/bad-request"
import { formedAnswer, type BinaryAnswer } from "#core/inference/binary-answer"
import { inferAnswerText, type AnswerHead } from "#core/inference/json-answer"
import { predictAnswerText } from "#core/inference/rows-answer"
import type { Releases } from "#core/registry/releases"
import { v1ColumnsText, v1PredictionsText } from "#core/inference/v1-answer"
import * as Header from "#proto/headers"
import type { Failure } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { predictionAddress } from "./address.ts"
import { BINARY_TYPE, HEAD_LENGTH } from "./body.ts"
import { sized } from "./compression.ts"
import type { FactView } from "../predictions/fact-view.ts"
import { CASES, CASE_OF_FAILURE, failureMessage, refuse, statusOf, type Refusal } from "./status.ts"
import type { Answered } from "../inference/flight.ts"

const JSON_TYPE = "application/json"
const JSON_HEADERS = { "content-type": JSON_TYPE } as const

/**
 * How an answer is written: tensors of the Open Inference Protocol, rows of `/predict`, or what the
 * V1 protocol answers to `instances` and to `inputs`.
 */
export const FORMS = ["tensors", "rows", "instances", "columns"] as const
export type Form = (typeof FORMS)[number]
const BY_SIGNATURE: ReadonlySet<Form> = new Set(["rows", "instances"])

export const jsonResponse = (
  text: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response => sized(new Response(text, { status, headers: { ...JSON_HEADERS, ...headers } }), text)

/**
 * Never packed: Triton's asynchronous client says that it takes packed answers, and unpacks only
 * those of inference.
 */
export const unpackedJson = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: JSON_HEADERS })

export interface Responder {
  readonly refused: (refusal: Refusal, headers?: Readonly<Record<string, string>>) => Response
  /** The log holds the request, and its answer is not there yet. */
  readonly queued: (
    id: string,
    model: string,
    headers?: Readonly<Record<string, string>>,
  ) => Response
  /** What a caller is told who does not wait. */
  readonly accepted: (
    id: string,
    model: string,
    form: Form,
    /** For how long the answer was waited for all the same. */
    waitedSeconds: number,
  ) => Response
  /** Rejects only when the releases cannot be read any more. */
  readonly answered: (
    answered: Answered,
    form: Form,
    headers?: Readonly<Record<string, string>>,
  ) => Response | Promise<Response>
  /** The same in tensors, written as its caller asked for. Rejects as `answered` does. */
  readonly formed: (answered: Answered, form: AnswerForm) => Promise<Response>
  /** The body alone, or what the caller is told instead; rejects as `answered` does. */
  readonly body: (answered: Answered, form: Form) => string | Refusal | Promise<string | Refusal>
}

export interface ResponderOptions {
  readonly releases: Pick<Releases, "model" | "caughtUp">
  /** Status of refusals of load. */
  readonly shedStatus: number
  /** Seconds until what is queued now has been answered, as far as is known. */
  readonly retryAfterSeconds: () => number
}

export const factHeaders = ({ fact, position, replayed }: Answered): Record<string, string> => {
  const headers: Record<string, string> = { [Header.ID]: fact.id }
  if (position > 0) headers[Header.POSITION] = `${position}`
  if (fact.version !== undefined) headers[Header.VERSION] = fact.version
  if (fact.requestId !== undefined) headers[Header.REQUEST_ID] = fact.requestId
  if (fact.traceparent !== undefined) headers[Header.TRACEPARENT] = fact.traceparent
  if (replayed) headers[Header.IDEMPOTENT_REPLAYED] = "true"
  return headers
}

const headOf = ({ id, model, version = "", clientId }: FactView): AnswerHead => ({
  id: clientId ?? id,
  model,
  version,
})

/** The body of an answer, or why it has no form in JSON. */
const answerText = (
  fact: FactView,
  form: Form,
  signature: Signature | undefined,
): string | BadRequest => {
  const { outputs = [] } = fact
  const head = headOf(fact)
  if (form === "instances") return v1PredictionsText(signature, outputs)
  if (form === "columns") return v1ColumnsText(outputs)
  return form === "rows" && signature !== undefined
    ? predictAnswerText(head, signature, outputs)
    : inferAnswerText(head, outputs)
}

/** What a stored failure is to its caller. */
export const failureRefusal = ({ reason, message }: Failure, id: string): Refusal =>
  refuse(CASE_OF_FAILURE[reason], failureMessage(reason, message), { id })

/** The fact is there; only its form is not. */
export const notWritten = ({ kind, message }: BadRequest, id: string): Refusal =>
  refuse(kind === "unsupported" ? "unsupported" : "invalid", message, { id })

/** The body of an answer, or what its caller is told where it has none in this form. */
const written = (
  fact: FactView,
  form: Form,
  signature: Signature | undefined,
): string | Refusal => {
  const text = answerText(fact, form, signature)
  return typeof text === "string" ? text : notWritten(text, fact.id)
}

const binaryResponse = (
  { headBytes, body }: BinaryAnswer,
  more: Readonly<Record<string, string>>,
): Response => {
  const headers = { ...more, "content-type": BINARY_TYPE, [HEAD_LENGTH]: `${headBytes}` }
  return sized(new Response(body, { headers }), body)
}

const makeRefused =
  (shedStatus: number): Responder["refused"] =>
  (refusal, headers = {}) => {
    const { error, message, id, retryAfterSeconds, allow } = refusal
    const { code } = CASES[error]
    return jsonResponse(JSON.stringify({ error: message, code, id }), statusOf(error, shedStatus), {
      ...(id === undefined ? {} : { [Header.ID]: id }),
      ...(retryAfterSeconds === undefined ? {} : { "Retry-After": `${retryAfterSeconds}` }),
      ...(allow === undefined ? {} : { Allow: allow }),
      // What of the body still comes is nobody's next request.
      ...(error === "bodyTimedOut" ? { Connection: "close" } : {}),
      ...headers,
    })
  }

/** Signatures of the versions that answered, by their facts. */
const signatureFinder = (releases: ResponderOptions["releases"]) => {
  const known = ({ model, version = "" }: FactView): Signature | undefined =>
    releases.model(model)?.versions.get(version)?.signature
  return (fact: FactView): Signature | Promise<Signature | undefined> =>
    // A predictor can have heard of a new version before this process did.
    known(fact) ?? releases.caughtUp().then(() => known(fact))
}

export const makeResponder = (options: ResponderOptions): Responder => {
  const { releases, shedStatus, retryAfterSeconds } = options
  const refused = makeRefused(shedStatus)
  const queued: Responder["queued"] = (id, model, headers = {}) =>
    jsonResponse(JSON.stringify({ id, model, status: "queued" }), 202, {
      [Header.ID]: id,
      "Retry-After": `${retryAfterSeconds()}`,
      ...headers,
    })

  const signatureOf = signatureFinder(releases)

  const body: Responder["body"] = ({ fact }, form) => {
    if (fact.failure !== undefined) return failureRefusal(fact.failure, fact.id)
    if (!BY_SIGNATURE.has(form)) return written(fact, form, undefined)
    const signature = signatureOf(fact)
    return signature instanceof Promise
      ? signature.then((found) => written(fact, form, found))
      : written(fact, form, signature)
  }

  const accepted: Responder["accepted"] = (id, model, form, waitedSeconds) =>
    queued(id, model, {
      Location: predictionAddress(model, id, form),
      "Preference-Applied": `respond-async${waitedSeconds > 0 ? `, wait=${waitedSeconds}` : ""}`,
    })

  const respond = (
    text: string | Refusal,
    found: Answered,
    more: Readonly<Record<string, string>> | undefined,
  ): Response => {
    const headers = factHeaders(found)
    if (more !== undefined) Object.assign(headers, more)
    if (typeof text !== "string") return refused(text, headers)
    headers["content-type"] = JSON_TYPE
    return sized(new Response(text, { headers }), text)
  }
  const answered: Responder["answered"] = (found, form, more) => {
    const text = body(found, form)
    return text instanceof Promise
      ? text.then((late) => respond(late, found, more))
      : respond(text, found, more)
  }

  const formed: Responder["formed"] = async (found, form) => {
    const { fact } = found
    const headers = factHeaders(found)
    if (fact.failure !== undefined) return refused(failureRefusal(fact.failure, fact.id), headers)
    const signature = await signatureOf(fact)
    const answer = formedAnswer(headOf(fact), fact.outputs ?? [], form, signature)
    if (typeof answer === "string") return jsonResponse(answer, 200, headers)
    return answer instanceof BadRequest
      ? refused(notWritten(answer, fact.id), headers)
      : binaryResponse(answer, headers)
  }

  return { refused, queued, accepted, answered, formed, body }
}
