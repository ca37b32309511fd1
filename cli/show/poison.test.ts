// The demonstration of poison at small size.
import { expect, test } from "bun:test"
import { runPoison } from "./poison.ts"

const WAIT_MILLIS = 120_000

test(
  "requests that make the run fail do so alone, whatever shares their batch",
  async () => {
    const result = await runPoison({ good: 600, poison: 30 })
    expect(result.broken).toEqual([])
    expect(result.largestBatch).toBeGreaterThan(1)
  },
  WAIT_MILLIS,
)
