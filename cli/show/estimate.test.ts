// The demonstration of estimates runs in seconds, so it is run as it is.
import { expect, test } from "bun:test"
import { brokenOf, runEstimate } from "./estimate.ts"

test("expected quality is right under covariate shift, and blind to labels turned over", async () => {
  expect(brokenOf(await runEstimate(500, 1))).toEqual([])
}, 60_000)
