// What the parameters of a request may say of its deadline.
import { describe, expect, test } from "bun:test"
import type { ParameterValue } from "#proto/request"
import { handlingOf, readCall } from "./call.ts"

const call = readCall(new Headers(), undefined)
const timeoutOf = (timeout: typeof ParameterValue.Type): number | string => {
  if (call.kind === "refused") throw new Error(call.message)
  const handling = handlingOf(call, { timeout }, undefined, 30_000)
  return "kind" in handling ? handling.message : handling.timeoutMillis
}

describe("the parameter timeout", () => {
  test("is microseconds, rounded up to milliseconds; 0 is the default", () => {
    expect([1, 1_000, 1_001, 600_000_000, 0].map(timeoutOf)).toEqual([1, 1, 2, 600_000, 30_000])
  })

  test.each([true, false, "5", "1e3", "0x10", " 5", "", 1.5, -1, 600_000_001])(
    "is refused as %p",
    (value) => {
      expect(timeoutOf(value)).toContain("parameters.timeout: expected microseconds from 1 to")
    },
  )
})
