// The one error of this client: what a server said, or why none could be asked. Callers decide by
// `status` and `code`; nothing else is ever thrown on purpose.

/** Codes of what never came from a server; then `status` is 0. */
export const LOCAL_CODES = {
  /** What the caller gave cannot be sent. */
  invalid: "invalid_argument",
  /** No connection, or it broke. */
  network: "network",
  /** The caller's own time is over, and the server has not said so itself. */
  timedOut: "timed_out",
  /** The caller's signal. */
  aborted: "aborted",
  /** The server's answer is not what the protocol says. */
  badAnswer: "bad_answer",
  /** More would wait here than the batcher may hold. */
  tooManyWaiting: "too_many_waiting",
} as const

export interface InferenceErrorFields {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number
  /** A stable word: the server's own, else one of LOCAL_CODES or `http_<status>`. */
  readonly code: string
  /** The server's id of the request, with which its answer can be fetched later. */
  readonly id?: string | undefined
  /** How long the server asks to wait before another try. */
  readonly retryAfterMillis?: number | undefined
  readonly cause?: unknown
}

export class InferenceError extends Error {
  override readonly name = "InferenceError"
  readonly status: number
  readonly code: string
  readonly id: string | undefined
  readonly retryAfterMillis: number | undefined

  constructor(message: string, fields: InferenceErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.status = fields.status
    this.code = fields.code
    this.id = fields.id
    this.retryAfterMillis = fields.retryAfterMillis
  }
}

/** A refusal that needed no server. */
export const localError = (
  code: keyof typeof LOCAL_CODES,
  message: string,
  cause?: unknown,
): InferenceError => new InferenceError(message, { status: 0, code: LOCAL_CODES[code], cause })
