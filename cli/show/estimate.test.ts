// The demonstration of estimates runs in seconds, so it is run as it is.
import { expect, test } from "bun:test"
import { brokenOf, runEstimate } from "./estimate.ts"

test("what is expected is right under covariate shift, and blind to turned labels", async () => {
  expect(brokenOf(await runEstimate(500, 1))).toEqual([])
}, 60_000)
