// The demonstration of the feed at small size.
import { expect, test } from "bun:test"
import { runFeed } from "./feed.ts"

test("a feed tells each fact once and in order, and waits for who does not read", async () => {
  const sizes = { predictions: 1_200, reconnects: 8, stalled: 3, hot: 1_000_000 }
  const { broken, connections } = await runFeed({ ...sizes, seed: 20_260_804 })
  expect(broken).toEqual([])
  expect(connections).toBeGreaterThan(1)
}, 120_000)
