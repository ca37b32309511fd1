import { expect, test } from "bun:test"
import { makeRunCost } from "./run-cost.ts"

test("nothing is estimated before the first run", () => {
  expect(makeRunCost().estimate(1)).toBeUndefined()
})

test("a size never seen costs in proportion to a smaller one, at most a larger one", () => {
  const cost = makeRunCost()
  cost.observe(4, 10)
  expect(cost.estimate(16)).toBe(40)
  cost.observe(64, 30)
  expect(cost.estimate(16)).toBe(30)
  expect(cost.estimate(1)).toBe(10)
})

test("the first run of a size, which is the slowest, does not make the size slow", () => {
  const cost = makeRunCost()
  cost.observe(4, 10)
  cost.observe(32, 5_000)
  expect(cost.estimate(32)).toBe(80)
  cost.observe(1, 7)
  expect(cost.estimate(1)).toBe(7)
})

test("a size is known after its first eight runs", () => {
  const cost = makeRunCost()
  for (let run = 0; run < 7; run++) cost.observe(4, 10)
  expect(cost.isKnown(4)).toBe(false)
  cost.observe(4, 10)
  expect(cost.isKnown(4)).toBe(true)
  expect([cost.isKnown(1), cost.isKnown(64)]).toEqual([false, false])
})

test("a busy machine, on which every fourth run looks slow, does not make a model slow", () => {
  const cost = makeRunCost()
  for (let run = 0; run < 1_000; run++) cost.observe(1, run % 4 === 0 ? 3_000 : 60)
  expect(cost.estimate(1)).toBeLessThan(100)
})

test("one slow run moves the estimate little, a model that became slow moves it soon", () => {
  const cost = makeRunCost()
  for (let run = 0; run < 50; run++) cost.observe(1, 10)
  cost.observe(1, 50_000)
  expect(cost.estimate(1)).toBeLessThan(20)
  for (let run = 0; run < 25; run++) cost.observe(1, 5_000)
  expect(cost.estimate(1)).toBeGreaterThan(200)
})
