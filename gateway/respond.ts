// Answers as HTTP. The only place that makes a Response out of a refusal or a fact.
import { inferAnswerText } from "#core/inference/json-answer"
import { predictAnswerText } from "#core/inference/rows-answer"
import type { BadRequest } from "#core/inference/bad-request"
import type { Releases } from "#core/registry/releases"
import * as Header from "#proto/headers"
import type { Signature } from "#proto/signature"
import type { FactView } from "./fact-view.ts"
import { CASES, CASE_OF_FAILURE, failureMessage, refuse, type Refusal } from "./status.ts"
import type { Answered } from "./submit.ts"

const JSON_HEADERS = { "content-type": "application/json" } as const

/** How an answer is written: rows of `/predict`, or tensors of the Open Inference Protocol. */
export type Form = "rows" | "tensors"

export const jsonResponse = (
  text: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response => new Response(text, { status, headers: { ...JSON_HEADERS, ...headers } })

export interface Responder {
  readonly refused: (refusal: Refusal, headers?: Readonly<Record<string, string>>) => Response
  /** Rejects only when the releases cannot be read any more. */
  readonly answered: (answered: Answered, form: Form) => Promise<Response> | Response
}

export interface ResponderOptions {
  readonly releases: Pick<Releases, "model" | "caughtUp">
  /** Status for a full queue. */
  readonly queueFullStatus: number
}

const factHeaders = ({ fact, position, replayed }: Answered): Record<string, string> => {
  const headers: Record<string, string> = { [Header.ID]: fact.id }
  if (position > 0) headers[Header.POSITION] = `${position}`
  if (fact.version !== undefined) headers[Header.VERSION] = fact.version
  if (fact.requestId !== undefined) headers[Header.REQUEST_ID] = fact.requestId
  if (fact.traceparent !== undefined) headers[Header.TRACEPARENT] = fact.traceparent
  if (replayed) headers[Header.IDEMPOTENT_REPLAYED] = "true"
  return headers
}

const answerText = (
  fact: FactView,
  form: Form,
  signature: Signature | undefined,
): string | BadRequest => {
  const { id, model, version = "", outputs = [], clientId } = fact
  const head = { id: clientId ?? id, model, version }
  return form === "rows" && signature !== undefined
    ? predictAnswerText(head, signature, outputs)
    : inferAnswerText(head, outputs)
}

export const makeResponder = ({ releases, queueFullStatus }: ResponderOptions): Responder => {
  const refused: Responder["refused"] = (refusal, headers = {}) => {
    const { error, message, id, retryAfterSeconds, allow } = refusal
    const { status, code } = CASES[error]
    return jsonResponse(
      JSON.stringify({ error: message, code, id }),
      error === "queueFull" ? queueFullStatus : status,
      {
        ...(id === undefined ? {} : { [Header.ID]: id }),
        ...(retryAfterSeconds === undefined ? {} : { "Retry-After": `${retryAfterSeconds}` }),
        ...(allow === undefined ? {} : { Allow: allow }),
        ...headers,
      },
    )
  }

  const write = (answered: Answered, form: Form, signature: Signature | undefined): Response => {
    const headers = factHeaders(answered)
    const text = answerText(answered.fact, form, signature)
    if (typeof text === "string") return jsonResponse(text, 200, headers)
    return refused(refuse("unsupported", text.message, { id: answered.fact.id }), headers)
  }

  const signatureOf = ({ model, version = "" }: FactView): Signature | undefined =>
    releases.model(model)?.versions.get(version)?.signature

  return {
    refused,
    answered: (answered, form) => {
      const { fact } = answered
      if (fact.failure !== undefined) {
        const { reason, message } = fact.failure
        const refusal = refuse(CASE_OF_FAILURE[reason], failureMessage(reason, message), {
          id: fact.id,
        })
        return refused(refusal, factHeaders(answered))
      }
      if (form === "tensors") return write(answered, form, undefined)
      const signature = signatureOf(fact)
      if (signature !== undefined) return write(answered, form, signature)
      // A predictor can have heard of a new version before this process did.
      return releases.caughtUp().then(() => write(answered, form, signatureOf(fact)))
    },
  }
}
