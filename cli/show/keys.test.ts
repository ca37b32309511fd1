// The demonstration of keys at small size.
import { expect, test } from "bun:test"
import { runKeys } from "./keys.ts"

test("a key has one fact and one answer, whatever is killed", async () => {
  const { broken } = await runKeys({ keys: 150, seed: 20_260_803, say: () => undefined })
  expect(broken).toEqual([])
}, 120_000)
