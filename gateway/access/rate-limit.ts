// How many requests a key may make: one bucket of tokens for each key that has a rate. Each gateway
// counts for itself, so a key may make as many times its rate as there are gateways.
import type { Key } from "#core/access/access"

/** A full bucket holds what comes in one second, and at least one request. */
const BURST_MIN = 1
const SECOND_MILLIS = 1_000

interface Bucket {
  tokens: number
  at: number
}

export class RateLimit {
  /** Gone with the key that it belongs to. */
  readonly #buckets = new WeakMap<Key, Bucket>()
  readonly #now: () => number

  /** `now` gives milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes one request; seconds until there is room for one where there is none. */
  take(key: Key): number | undefined {
    const rate = key.ratePerSecond
    if (rate === undefined) return undefined
    const now = this.#now()
    const most = Math.max(BURST_MIN, rate)
    const bucket = this.#buckets.get(key) ?? { tokens: most, at: now }
    bucket.tokens = Math.min(most, bucket.tokens + ((now - bucket.at) * rate) / SECOND_MILLIS)
    bucket.at = now
    this.#buckets.set(key, bucket)
    if (bucket.tokens >= 1) {
      bucket.tokens--
      return undefined
    }
    return Math.max(1, Math.ceil((1 - bucket.tokens) / rate))
  }
}
