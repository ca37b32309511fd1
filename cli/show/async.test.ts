// The demonstration of asynchronous requests at small size.
import { expect, test } from "bun:test"
import { runAsync } from "./async.ts"

test("asynchronous requests are all fetched by id, whatever is killed", async () => {
  const say = () => undefined
  const { broken, struck } = await runAsync({ requests: 300, kills: 1, seed: 20_260_802, say })
  expect(broken).toEqual([])
  expect(struck).toBe(2)
}, 120_000)
