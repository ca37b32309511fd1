// The one table from what went wrong to HTTP status and code word. Every refusal that leaves this
// process names a case of it; no route chooses a status of its own.
import { FailureReason } from "#proto/prediction"

interface Case {
  readonly status: number
  /** Stable: clients compare it. */
  readonly code: string
}

export const CASES = {
  invalid: { status: 400, code: "invalid_request" },
  unauthenticated: { status: 401, code: "unauthenticated" },
  forbidden: { status: 403, code: "forbidden" },
  unknownModel: { status: 404, code: "unknown_model" },
  unknownVersion: { status: 404, code: "unknown_version" },
  unknownId: { status: 404, code: "unknown_id" },
  unknownRoute: { status: 404, code: "not_found" },
  methodNotAllowed: { status: 405, code: "method_not_allowed" },
  bodyTimedOut: { status: 408, code: "body_timed_out" },
  gone: { status: 410, code: "gone" },
  tooLarge: { status: 413, code: "too_large" },
  unsupportedMediaType: { status: 415, code: "unsupported_media_type" },
  unsupportedEncoding: { status: 415, code: "unsupported_encoding" },
  keyReused: { status: 422, code: "key_reused" },
  quality: { status: 422, code: "quality_refused" },
  rateLimited: { status: 429, code: "rate_limited" },
  queueFull: { status: 429, code: "queue_full" },
  tooManyInFlight: { status: 429, code: "too_many_in_flight" },
  tooManyReaders: { status: 429, code: "too_many_readers" },
  modelError: { status: 500, code: "model_error" },
  outputTooLarge: { status: 500, code: "output_too_large" },
  exhausted: { status: 500, code: "exhausted" },
  internal: { status: 500, code: "internal" },
  unreadableFact: { status: 500, code: "unreadable_fact" },
  unsupported: { status: 501, code: "unsupported" },
  storeFull: { status: 503, code: "store_full" },
  logUnavailable: { status: 503, code: "log_unavailable" },
  noPredictor: { status: 503, code: "no_predictor" },
  modelUnavailable: { status: 503, code: "model_unavailable" },
  notReady: { status: 503, code: "not_ready" },
  timedOut: { status: 504, code: "timed_out" },
  expired: { status: 504, code: "expired" },
} as const satisfies Readonly<Record<string, Case>>
export type ErrorCase = keyof typeof CASES

/** Refusals of load: their status can be configured, for clients that expect that of Triton. */
const SHED: ReadonlySet<ErrorCase> = new Set(["queueFull", "tooManyInFlight", "rateLimited"])

/** `shedStatus` is the one of refusals of load. */
export const statusOf = (error: ErrorCase, shedStatus: number): number =>
  SHED.has(error) ? shedStatus : CASES[error].status

/** What a stored failure is to the caller. */
export const CASE_OF_FAILURE: Readonly<Record<FailureReason, ErrorCase>> = {
  invalid: "invalid",
  quality: "quality",
  unknown_model: "unknownModel",
  unknown_version: "unknownVersion",
  model_error: "modelError",
  output_too_large: "outputTooLarge",
  expired: "expired",
  exhausted: "exhausted",
}

const reasons = FailureReason.literals
export const failureReasons: ReadonlyMap<string, FailureReason> = new Map(
  reasons.map((reason) => [reason, reason]),
)

/** Where the answer is a refusal; `retryAfterSeconds`, `id` and so on stand in headers as well. */
export interface Refusal {
  readonly kind: "refused"
  readonly error: ErrorCase
  /** A sentence: field, expected, got. */
  readonly message: string
  readonly id?: string
  readonly retryAfterSeconds?: number
  /** Methods that the path knows. */
  readonly allow?: string
}

export const refuse = (
  error: ErrorCase,
  message: string,
  more: Omit<Refusal, "kind" | "error" | "message"> = {},
): Refusal => ({ kind: "refused", error, message, ...more })

/** What stored failures of the model say to callers: the reason class, no internals. */
const FAILURE_WITHOUT_INTERNALS: Partial<Record<FailureReason, string>> = {
  model_error: "the model failed on this input",
  exhausted: "the request was tried as often as is allowed, without an answer",
}

export const failureMessage = (reason: FailureReason, message: string): string =>
  FAILURE_WITHOUT_INTERNALS[reason] ?? message
