import { expect, test } from "bun:test"
import { DrainRate } from "./drain-rate.ts"

const LOOK_MILLIS = 500

/** So many seconds of looks, each of which sees what `drained` says for its number. */
const look = (rate: DrainRate, seconds: number, drained: (look: number) => number): void => {
  for (let at = 0; at < (seconds * 1_000) / LOOK_MILLIS; at++) rate.add(LOOK_MILLIS, drained(at))
}

test("nothing is known before anything was finished", () => {
  const rate = new DrainRate()
  look(rate, 5, () => 0)
  expect(rate.perSecond).toBeUndefined()
})

test("seconds that go up and down are told as their mean", () => {
  const rate = new DrainRate()
  look(rate, 8, (at) => (at % 4 < 2 ? 30 : 10))
  expect(rate.perSecond).toBeCloseTo(40)
})

test("batches that end only every few seconds are seen as a rate, not as bursts and pauses", () => {
  const rate = new DrainRate()
  const told: Array<number> = []
  look(rate, 60, (at) => {
    told.push(rate.perSecond ?? 0)
    return at % 10 === 9 ? 50 : 0
  })
  for (const perSecond of told.slice(80)) expect(Math.abs(perSecond - 10)).toBeLessThan(3)
})

test("a rate that falls to a quarter is believed after two seconds", () => {
  const rate = new DrainRate()
  look(rate, 20, () => 40)
  look(rate, 2, () => 10)
  expect(rate.perSecond).toBeCloseTo(20)
})

test("one slow second among fast ones changes little", () => {
  const rate = new DrainRate()
  look(rate, 20, () => 40)
  look(rate, 1, () => 5)
  expect(rate.perSecond).toBeGreaterThan(65)
})

test("a stop of all work makes the rate smaller, and never zero", () => {
  const rate = new DrainRate()
  look(rate, 20, () => 40)
  const before = rate.perSecond ?? 0
  look(rate, 10, () => 0)
  const stopped = rate.perSecond ?? 0
  expect(stopped).toBeLessThan(before / 2)
  look(rate, 60, () => 0)
  expect(rate.perSecond).toBeGreaterThan(0)
})
