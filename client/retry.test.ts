import { expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import { InferenceError } from "./error.ts"
import { readRetryAfter, RETRY_LIMITS, retryWait } from "./retry.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const PARTS = 1_000

property(
  "a wait is never shorter than asked for, and never longer by more than its bound",
  Arbitrary.all([between(1, 3), between(0, PARTS - 1), between(0, 40_000)]),
  ([tries, drawn, asked]) => {
    const retryAfterMillis = asked < 5_000 ? undefined : asked
    const error = new InferenceError("busy", { status: 429, code: "busy", retryAfterMillis })
    const wait = retryWait(RETRY_LIMITS, error, tries, () => drawn / PARTS)
    const isTooLong = (retryAfterMillis ?? 0) > RETRY_LIMITS.retryAfterMaxMillis
    expect(wait === undefined).toBe(isTooLong)
    if (wait === undefined) return
    expect(wait).toBeGreaterThanOrEqual(retryAfterMillis ?? 0)
    expect(wait).toBeLessThan((retryAfterMillis ?? 0) + 100 * 2 ** (tries - 1))
  },
)

test("the last try is the last", () => {
  const error = new InferenceError("busy", { status: 503, code: "busy" })
  expect(retryWait(RETRY_LIMITS, error, RETRY_LIMITS.triesMax, () => 0)).toBeUndefined()
})

test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2026-11-22T12:00:00Z")
  expect(readRetryAfter("7", now)).toBe(7_000)
  expect(readRetryAfter("Sun, 22 Nov 2026 12:00:09 GMT", now)).toBe(9_000)
  expect(readRetryAfter("Sun, 22 Nov 2026 11:00:00 GMT", now)).toBe(0)
  for (const none of [null, "", "soon", "-1x"]) expect(readRetryAfter(none, now)).toBeUndefined()
})
