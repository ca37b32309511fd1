// The demonstration of parked requests at small size.
import { expect, test } from "bun:test"
import { runParked } from "./parked.ts"

const WAIT_MILLIS = 180_000

test(
  "a request whose predictor is killed during its last delivery gets its end either way",
  async () => {
    const { broken, load } = await runParked({ kills: 3, requests: 1_500, say: () => undefined })
    expect(broken).toEqual([])
    expect(load.answered).toBeGreaterThanOrEqual(1_500)
  },
  WAIT_MILLIS,
)
