// When a delivery is tried again: the schedule of Standard Webhooks, what the receiver asked for,
// and what ends it. Pure: time and randomness come in as arguments.
import type { DeliveryOutcome } from "#proto/webhook"

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/**
 * Waits before the first, second, … attempt, each counted from the attempt before, milliseconds.
 */
export const WAITS_MILLIS: ReadonlyArray<number> = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
]
/**
 * Part of a wait that is added at random, so that what failed together does not return together.
 */
export const JITTER = 0.1
/** A receiver may not ask for more. */
export const RETRY_AFTER_MAX_MILLIS = 24 * HOUR
/**
 * All waits with their jitter: an alert that is older and was never tried counts as past its
 * schedule.
 */
export const SCHEDULE_SPAN_MILLIS = WAITS_MILLIS.reduce((sum, wait) => sum + wait, 0) * (1 + JITTER)

const GONE = 410

/** What became of one attempt. */
export type Reply =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfter?: string | undefined }
  | { readonly kind: "failed"; readonly reason: string }

export interface Attempted {
  /** Attempts since the schedule began, this one included. */
  readonly step: number
  readonly reply: Reply
  /** When it ended, milliseconds since 1970. */
  readonly at: number
}

export interface Next {
  readonly outcome: Exclude<DeliveryOutcome, "dropped">
  /** With `waiting` only. */
  readonly nextAt?: number
}

/**
 * Seconds or an HTTP date as a wait from `now` in milliseconds, at most a day; undefined when it is
 * neither.
 */
export const retryAfterMillis = (text: string | undefined, now: number): number | undefined => {
  if (text === undefined) return undefined
  const trimmed = text.trim()
  const wait = /^\d{1,9}$/.test(trimmed) ? Number(trimmed) * SECOND : Date.parse(trimmed) - now
  if (Number.isNaN(wait)) return undefined
  return Math.min(Math.max(wait, 0), RETRY_AFTER_MAX_MILLIS)
}

const isSuccess = (reply: Reply): boolean =>
  reply.kind === "answered" && reply.status >= 200 && reply.status <= 299

/**
 * What follows from an attempt: any 2xx is success, 410 disables, everything else (a redirect too)
 * is tried again until the schedule ends. `random` is from [0, 1).
 */
export const next = ({ step, reply, at }: Attempted, random: number): Next => {
  if (isSuccess(reply)) return { outcome: "delivered" }
  if (reply.kind === "answered" && reply.status === GONE) return { outcome: "disabled" }
  const wait = WAITS_MILLIS[step]
  if (wait === undefined) return { outcome: "exhausted" }
  const asked = reply.kind === "answered" ? retryAfterMillis(reply.retryAfter, at) : undefined
  const scheduled = wait * (1 + JITTER * random)
  return { outcome: "waiting", nextAt: Math.ceil(at + Math.max(scheduled, asked ?? 0)) }
}
