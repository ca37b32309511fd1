// The demonstration of ground truth at small size.
import { expect, test } from "bun:test"
import { runOutcomes } from "./outcomes.ts"

test("labels of every kind give what a direct computation gives, through kills", async () => {
  const extra = { unknown: 10, bad: 10 }
  const { broken } = await runOutcomes({ predictions: 1_000, kills: 4, seed: 7, extra })
  expect(broken).toEqual([])
}, 180_000)
