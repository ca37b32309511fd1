// The demonstration of endings under load at small size.
import { expect, test } from "bun:test"
import { runDrain } from "./drain.ts"

const WAIT_MILLIS = 180_000

test(
  "a gateway, a predictor and the server end under load, and no request fails",
  async () => {
    const { broken, segments } = await runDrain({ rounds: 1, say: () => undefined })
    expect(broken).toEqual([])
    expect(segments.map(({ ended }) => ended)).toEqual([1, 1, 1])
  },
  WAIT_MILLIS,
)
