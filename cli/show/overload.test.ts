// The demonstration of overload at small size.
import { expect, test } from "bun:test"
import { runOverload } from "./overload.ts"

const WAIT_MILLIS = 180_000

test(
  "under five times what a model can answer callers hear 200, 429 or 504, and how long to wait",
  async () => {
    const { broken, samples } = await runOverload({
      seconds: 4,
      drainSeconds: 2.5,
      shortTimeoutMillis: 1_500,
      capacitySeconds: 2,
      say: () => undefined,
    })
    expect(broken).toEqual([])
    const statuses = new Set(samples.map(({ status }) => status))
    expect([...statuses].toSorted()).toEqual([200, 429, 504])
  },
  WAIT_MILLIS,
)
