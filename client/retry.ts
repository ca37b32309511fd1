// When a failed try is made again, and how long after: exponential waits with full jitter, never
// earlier than the server asks for. It waits for nothing itself and draws from the random it is
// given.
import { LOCAL_CODES, type InferenceError } from "./error.ts"

export interface RetryLimits {
  /** Tries in all; 1 for none but the first. */
  readonly triesMax: number
  /** The wait before the second try is up to this; it doubles with each. */
  readonly waitFirstMillis: number
  /** The longest wait of our own choice. */
  readonly waitMaxMillis: number
  /** A server that asks for a longer wait is not waited for: its error is the caller's. */
  readonly retryAfterMaxMillis: number
}

export const RETRY_LIMITS: RetryLimits = {
  triesMax: 4,
  waitFirstMillis: 100,
  waitMaxMillis: 5_000,
  retryAfterMaxMillis: 30_000,
}

/** Overload and what is away for a moment. 504 is made again under the same key: it joins. */
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503, 504])

export const isRetried = ({ status, code }: InferenceError): boolean =>
  RETRIED.has(status) || (status === 0 && code === LOCAL_CODES.network)

/**
 * Milliseconds to wait after try number `tries` (from 1) failed; undefined to give up. `random` is
 * in [0, 1).
 */
export const retryWait = (
  limits: RetryLimits,
  error: InferenceError,
  tries: number,
  random: () => number,
): number | undefined => {
  if (tries >= limits.triesMax || !isRetried(error)) return undefined
  const bound = Math.min(limits.waitMaxMillis, limits.waitFirstMillis * 2 ** (tries - 1))
  const jitter = random() * bound
  const asked = error.retryAfterMillis
  if (asked === undefined) return jitter
  return asked > limits.retryAfterMaxMillis ? undefined : asked + jitter
}

const MILLIS = 1_000

/** `Retry-After` as milliseconds: seconds or a date; `now` is milliseconds since 1970. */
export const readRetryAfter = (value: string | null, now: number): number | undefined => {
  if (value === null || value.trim() === "") return undefined
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * MILLIS
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
