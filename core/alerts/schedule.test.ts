// When a failed delivery is tried again, and when no more.
import { expect, test } from "bun:test"
import {
  JITTER,
  next,
  RETRY_AFTER_MAX_MILLIS,
  retryAfterMillis,
  SCHEDULE_SPAN_MILLIS,
  WAITS_MILLIS,
  type Reply,
} from "./schedule.ts"

const answered = (status: number, retryAfter?: string): Reply => ({
  kind: "answered",
  status,
  retryAfter,
})
const failed: Reply = { kind: "failed", reason: "ECONNREFUSED" }
const AT = 1_800_000_000_000

test("ten attempts by the standard's schedule, then it is exhausted", () => {
  const waits: Array<number> = []
  let at = AT
  let step = 1
  for (; ; step++) {
    const decision = next({ step, reply: failed, at }, 0)
    if (decision.outcome !== "waiting") {
      expect(decision).toEqual({ outcome: "exhausted" })
      break
    }
    waits.push((decision.nextAt ?? 0) - at)
    at = decision.nextAt ?? 0
  }
  expect(step).toBe(10)
  expect(waits.map((wait) => wait / 1_000)).toEqual([
    5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
  ])
  expect(at - AT).toBeLessThan(SCHEDULE_SPAN_MILLIS)
})

test("jitter only lengthens a wait, by less than a tenth", () => {
  for (const [step, wait] of WAITS_MILLIS.entries()) {
    if (step === 0) continue
    for (const random of [0, 0.5, 0.999_999]) {
      const { nextAt = 0 } = next({ step, reply: failed, at: AT }, random)
      expect(nextAt - AT).toBeGreaterThanOrEqual(wait)
      expect(nextAt - AT).toBeLessThanOrEqual(Math.ceil(wait * (1 + JITTER)))
    }
  }
})

test("any 2xx is success, 410 disables, everything else is tried again", () => {
  for (const status of [200, 201, 202, 204, 299])
    expect(next({ step: 1, reply: answered(status), at: AT }, 0)).toEqual({ outcome: "delivered" })
  expect(next({ step: 1, reply: answered(410), at: AT }, 0)).toEqual({ outcome: "disabled" })
  for (const status of [0, 100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 429, 500, 503])
    expect(next({ step: 1, reply: answered(status), at: AT }, 0).outcome).toBe("waiting")
})

test("Retry-After lengthens a wait, never shortens it, and is bounded", () => {
  const after = (text: string, step = 1) =>
    (next({ step, reply: answered(503, text), at: AT }, 0).nextAt ?? 0) - AT
  expect(after("120")).toBe(120_000)
  expect(after("1")).toBe(5_000)
  expect(after("1", 3)).toBe(1_800_000)
  expect(after(new Date(AT + 60_000).toUTCString())).toBe(60_000)
  expect(after("999999999")).toBe(RETRY_AFTER_MAX_MILLIS)
  for (const nonsense of ["", "soon", "-5", "1e99", "9".repeat(400)])
    expect(after(nonsense)).toBe(5_000)
})

test("a date in the past is no wait", () => {
  expect(retryAfterMillis("Thu, 01 Jan 1970 00:00:00 GMT", AT)).toBe(0)
  expect(retryAfterMillis(undefined, AT)).toBeUndefined()
})
