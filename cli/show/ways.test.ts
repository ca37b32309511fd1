// The demonstration of the ways into Weir at small size.
import { expect, test } from "bun:test"
import { runtimeOracle } from "./equal.ts"
import { leftOut, runWays } from "./ways.ts"

test("every way into the log gives what ONNX Runtime gives", async () => {
  const oracle = await runtimeOracle()
  const { broken, equal } = await runWays(100, oracle)
  expect(broken).toEqual([])
  expect(equal.length).toBeGreaterThanOrEqual(4)
}, 120_000)

test("the verdict names the ways that were left out", () => {
  expect(leftOut(6)).toBe("")
  expect(leftOut(4)).toContain("4 of 6 ways; left out: NATS in JSON, Python")
})

test("an answer that differs is found", async () => {
  const oracle = await runtimeOracle()
  const other: typeof oracle = async (flight) => ({ ...(await oracle(flight)), label: 7 })
  const { broken } = await runWays(3, other)
  expect(broken.length).toBeGreaterThanOrEqual(4)
}, 120_000)
