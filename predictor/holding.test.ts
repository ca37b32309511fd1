// How much is held of fast and slow models, and that the server hears of it.
import { afterEach, expect, test } from "bun:test"
import type { Delivery } from "../core/log/delivery.ts"
import { until } from "../test/support/eventually.ts"
import { Holding } from "./holding.ts"

const opened: Array<Holding> = []
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})
const open = (heldMaxMillis = 10_000) => {
  const limits: Array<number> = []
  const holding = new Holding({
    max: 1_000,
    targetMillis: 250,
    redeliveryMillis: 60,
    heldMaxMillis,
    now: () => performance.now(),
  })
  holding.onLimit((limit) => limits.push(limit))
  opened.push(holding)
  return { holding, limits }
}

const delivery = (sequence: number) => {
  const said: Array<string> = []
  const say = (word: string) => () => void said.push(word)
  const made: Delivery = {
    subject: "",
    data: new Uint8Array(),
    headers: undefined,
    sequence,
    deliveries: 1,
    storedAt: 0,
    pending: 0,
    ack: say("ack"),
    nak: say("nak"),
    term: say("term"),
    done: say("done"),
    working: say("working"),
  }
  return { said, made }
}

test("a fast model's predictor comes to hold as many as it may, by doubling", () => {
  const { holding, limits } = open()
  for (let batch = 0; batch < 5; batch++) holding.finished(100, 1_000)
  expect(limits).toEqual([256, 512, 1_000, 1_000, 1_000])
})

test("a slow model's predictor holds what it finishes in its time, and never too few", () => {
  const { holding, limits } = open()
  holding.finished(10, 50_000)
  expect(limits).toEqual([50])
  for (let batch = 0; batch < 50; batch++) holding.finished(1, 1_000_000)
  expect(limits.at(-1)).toBe(8)
})

test("it adapts when the model becomes faster", () => {
  const { holding, limits } = open()
  holding.finished(10, 50_000)
  for (let batch = 0; batch < 50; batch++) holding.finished(100, 1_000)
  expect(limits.at(-1)).toBe(1_000)
})

test("the server hears of what is held, until it is finished", async () => {
  const { holding } = open()
  const { said, made } = delivery(1)
  holding.track(made)
  expect([holding.size, holding.isHeld(made)]).toEqual([1, true])
  await until("it is heard of", () => said.length >= 3)
  made.ack()
  holding.forget(made)
  expect([holding.size, holding.isHeld(made)]).toEqual([0, false])
  const count = said.length
  const other = delivery(2)
  holding.track(other.made)
  await until("the next is heard of", () => other.said.length >= 2)
  expect(said.slice(count)).toEqual([])
  expect(said.at(-1)).toBe("ack")
})

test("what is held for too long is given up to redelivery", async () => {
  const { holding } = open(100)
  const [old, young] = [delivery(1), delivery(2)]
  holding.track(old.made)
  await until("the old one is heard of", () => old.said.length >= 2)
  await until("it is no longer", async () => {
    const before = old.said.length
    const probe = delivery(3)
    holding.track(probe.made)
    await until("a sign was given", () => probe.said.length >= 2)
    holding.forget(probe.made)
    return old.said.length === before
  })
  holding.track(young.made)
  await until("the young one is heard of", () => young.said.length >= 1)
  expect(holding.size).toBe(2)
})

test("a second delivery of what is held changes nothing when it is forgotten", () => {
  const { holding } = open()
  const [first, again] = [delivery(1), delivery(1)]
  holding.track(first.made)
  expect(holding.isHeld(again.made)).toBe(true)
  holding.forget(again.made)
  expect(holding.isHeld(again.made)).toBe(true)
})
