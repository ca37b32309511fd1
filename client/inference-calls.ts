// Asking a model: at once, or later by a ticket. Each request has a key of its own, so that it can
// be sent again without being answered twice where the server knows such keys.
import { Deadline } from "./deadline.ts"
import { InferenceError, localError } from "./error.ts"
import type { Extensions } from "./extensions.ts"
import {
  decodeAnswer,
  encodeRequest,
  type Form,
  HEAD_LENGTH,
  type InferAnswer,
  type InferRequest,
} from "./infer-body.ts"
import { readRetryAfter } from "./retry.ts"
import { modelPath, type CallOptions, type VersionOptions } from "./server-calls.ts"
import type { Parameters } from "./tensor.ts"
import type { Answer, Transport } from "./transport.ts"

export interface InferOptions extends VersionOptions {
  /** `auto` (default) is binary where the server lists `binary_tensor_data`. */
  readonly form?: Form | "auto" | undefined
  /** Default a new one for each call; null for none, and then nothing is tried again. */
  readonly idempotencyKey?: string | null | undefined
  /** 1 is the highest, for servers with `schedule_policy`. */
  readonly priority?: number | undefined
}

export interface SubmitOptions extends InferOptions {
  /** How long the server may take for the answer; default the longest that it allows. */
  readonly deadlineMillis?: number | undefined
  /** Waits for the answer first, up to this. */
  readonly waitSeconds?: number | undefined
}

/** An answer, and where the server keeps it. Servers other than Weir say less. */
export interface Inference extends InferAnswer {
  /** The server's id of the request; `id` is the caller's own where there is one. */
  readonly logId: string | undefined
  /** Of the answer in the log: with it the answer is found when the hot log has dropped it. */
  readonly position: number | undefined
  /** The answer of an earlier request with the same key. */
  readonly replayed: boolean
}

/** A request that is answered later. Plain data: it can be stored. */
export interface Ticket {
  readonly model: string
  readonly id: string
  /** Address of the answer. */
  readonly location: string
  /** When the server thinks that it is there. */
  readonly retryAfterMillis: number | undefined
}

export type Submitted =
  | { readonly kind: "queued"; readonly ticket: Ticket }
  | { readonly kind: "answered"; readonly answer: Inference }

export interface InferenceDefaults {
  readonly timeoutMillis: number
  readonly form: Form | "auto"
  readonly newKey: () => string
  readonly extensions: Pick<Extensions, "of">
}

const MILLIS = 1_000
const MICROS_PER_MILLI = 1_000
const ACCEPTED = 202
/** Longest wait of one poll; Weir cuts longer ones too. */
export const POLL_MAX_SECONDS = 60
/** What an answer may take on its way, beyond the time for which the server waits. */
const POLL_GRACE_MILLIS = 10_000
/** Between two polls of a server that does not wait. */
const POLL_PAUSE_MILLIS = 200
const RESULT_TIMEOUT_MILLIS = 10 * 60 * MILLIS

export class InferenceCalls {
  readonly #transport: Transport
  readonly #defaults: InferenceDefaults

  constructor(transport: Transport, defaults: InferenceDefaults) {
    this.#transport = transport
    this.#defaults = defaults
  }

  /** Resolves with the answer; rejects with the one error, whose `id` finds what comes late. */
  async infer(
    model: string,
    request: InferRequest,
    options: InferOptions = {},
  ): Promise<Inference> {
    const { timeoutMillis = this.#defaults.timeoutMillis } = options
    const answer = await this.#send(model, request, options, {
      timeoutMillis,
      deadlineMillis: timeoutMillis,
      headers: {},
    })
    return inferenceOf(answer)
  }

  /** Resolves as soon as the server has the request in its log. */
  async submit(
    model: string,
    request: InferRequest,
    options: SubmitOptions = {},
  ): Promise<Submitted> {
    const { waitSeconds = 0, deadlineMillis } = options
    const { timeoutMillis = this.#defaults.timeoutMillis + waitSeconds * MILLIS } = options
    const wait = waitSeconds > 0 ? `, wait=${wholeSeconds(waitSeconds)}` : ""
    const answer = await this.#send(model, request, options, {
      timeoutMillis,
      deadlineMillis,
      headers: {
        prefer: `respond-async${wait}`,
        ...(deadlineMillis === undefined ? {} : { "weir-timeout-ms": `${deadlineMillis}` }),
      },
    })
    return submittedOf(model, answer)
  }

  /** One look at a ticket; with `waitSeconds` the server holds it until there is an answer. */
  async poll(
    ticket: Pick<Ticket, "model" | "location">,
    options: CallOptions & { readonly waitSeconds?: number } = {},
  ): Promise<Submitted> {
    const { waitSeconds = 0, signal } = options
    const seconds = wholeSeconds(waitSeconds)
    const { timeoutMillis = seconds * MILLIS + POLL_GRACE_MILLIS } = options
    const headers: Record<string, string> = seconds > 0 ? { prefer: `wait=${seconds}` } : {}
    const path = ticket.location
    const answer = await this.#transport.send({
      method: "GET",
      path,
      headers,
      timeoutMillis,
      signal,
    })
    return submittedOf(ticket.model, answer, path)
  }

  /** Polls until there is an answer. Rejects with the answer's error too, as `infer` does. */
  async result(
    ticket: Pick<Ticket, "model" | "location">,
    options: CallOptions = {},
  ): Promise<Inference> {
    const { timeoutMillis = RESULT_TIMEOUT_MILLIS, signal } = options
    const deadline = new Deadline(timeoutMillis, signal)
    try {
      for (;;) {
        const left = Math.max(1, deadline.leftMillis)
        const waitSeconds = Math.min(POLL_MAX_SECONDS, left / MILLIS)
        const asked = performance.now()
        const poll = { waitSeconds, signal: deadline.signal }
        const found = await this.poll(ticket, poll).catch((cause: unknown) => {
          throw deadline.errorOf(cause)
        })
        if (found.kind === "answered") return found.answer
        // A server that has no room to hold the poll answers at once.
        const held = performance.now() - asked >= MILLIS
        const { retryAfterMillis = POLL_PAUSE_MILLIS } = found.ticket
        await deadline.pause(held ? 0 : Math.max(POLL_PAUSE_MILLIS, retryAfterMillis))
      }
    } finally {
      deadline.end()
    }
  }

  async #send(
    model: string,
    request: InferRequest,
    options: InferOptions,
    how: {
      readonly timeoutMillis: number
      readonly deadlineMillis: number | undefined
      readonly headers: Readonly<Record<string, string>>
    },
  ): Promise<Answer> {
    const { version, signal, idempotencyKey } = options
    const key = idempotencyKey === undefined ? this.#defaults.newKey() : idempotencyKey
    const asked = options.form ?? this.#defaults.form
    const started = performance.now()
    const extensions = await this.#defaults.extensions.of(how.timeoutMillis, signal)
    const spentMillis = performance.now() - started
    const isBinary = extensions?.has("binary_tensor_data") === true
    const form = asked === "auto" ? (isBinary ? "binary" : "json") : asked
    const body = encodeRequest(request, form, scheduling(extensions, how.deadlineMillis, options))
    return this.#transport.send({
      method: "POST",
      path: `${modelPath(model, version)}/infer`,
      body,
      headers: { ...(key === null ? {} : { "idempotency-key": key }), ...how.headers },
      timeoutMillis: Math.max(1, how.timeoutMillis - spentMillis),
      signal,
      tellsDeadline: how.headers["prefer"] === undefined,
      triesMax: key === null ? 1 : undefined,
    })
  }
}

const wholeSeconds = (seconds: number): number =>
  Math.min(POLL_MAX_SECONDS, Math.max(0, Math.ceil(seconds)))

/** For servers that schedule: the deadline of the protocol, in microseconds, and the priority. */
const scheduling = (
  extensions: ReadonlySet<string> | undefined,
  deadlineMillis: number | undefined,
  { priority }: InferOptions,
): Parameters => {
  if (extensions?.has("schedule_policy") !== true) return priority === undefined ? {} : { priority }
  const finite = deadlineMillis !== undefined && Number.isFinite(deadlineMillis)
  return {
    ...(finite ? { timeout: Math.ceil(deadlineMillis * MICROS_PER_MILLI) } : {}),
    ...(priority === undefined ? {} : { priority }),
  }
}

const inferenceOf = ({ status, headers, bytes }: Answer): Inference => {
  if (status === ACCEPTED) {
    const id = headers.get("weir-id") ?? undefined
    const code = "queued"
    throw new InferenceError("the server has queued the request instead of answering it", {
      status,
      code,
      id,
    })
  }
  const position = Number(headers.get("weir-position") ?? Number.NaN)
  return {
    ...decodeAnswer(bytes, headers.get(HEAD_LENGTH)),
    logId: headers.get("weir-id") ?? undefined,
    position: Number.isSafeInteger(position) ? position : undefined,
    replayed: headers.get("idempotent-replayed") === "true",
  }
}

const submittedOf = (model: string, answer: Answer, known?: string): Submitted => {
  if (answer.status !== ACCEPTED) return { kind: "answered", answer: inferenceOf(answer) }
  const { headers } = answer
  const location = known ?? headers.get("location")
  const id = headers.get("weir-id")
  if (location === null || id === null)
    throw localError("badAnswer", "answer: expected Location and Weir-Id with 202, got fewer")
  const retryAfterMillis = readRetryAfter(headers.get("retry-after"), Date.now())
  return { kind: "queued", ticket: { model, id, location, retryAfterMillis } }
}
