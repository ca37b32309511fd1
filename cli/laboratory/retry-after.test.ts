import { expect, test } from "bun:test"
import { drainFrom, type Look } from "./queue-watch.ts"
import { brokenTruth, ratioOf, truthOf } from "./retry-after.ts"

const LOOK_MILLIS = 50
const MESSAGES = 200

/** A queue that stays full while so many a second are finished, by the second; then it empties. */
const looksOf = (perSecond: (second: number) => number, fullSeconds: number): Array<Look> => {
  const looks: Array<Look> = []
  let finished = 0
  let messages = MESSAGES
  for (let at = 0; messages > 0; at += LOOK_MILLIS) {
    const done = (perSecond(at / 1_000) * LOOK_MILLIS) / 1_000
    finished += done
    if (at > fullSeconds * 1_000) messages = Math.max(0, messages - done)
    looks.push({ at, messages, lastSequence: finished + messages })
  }
  return looks
}

const refused = (at: number, retryAfterSeconds: number | undefined) => ({
  begunAt: at,
  endedAt: at,
  status: 429,
  code: "queue_full",
  retryAfterSeconds,
})

test("a drain is over when as many are finished as were queued, while others go on coming", () => {
  const drain = drainFrom(
    looksOf(() => 40, 20),
    10_000,
  )
  expect(drain?.realMillis).toBeCloseTo(5_000, -2)
  expect(drain?.steadyMillis).toBeCloseTo(5_000, -2)
})

test("one request that is left behind does not hold up the drain of the others", () => {
  const looks = looksOf(() => 40, 20).map((look) => ({ ...look, messages: look.messages + 1 }))
  expect(drainFrom(looks, 10_000)?.realMillis).toBeLessThan(5_200)
})

test("a machine that becomes twice as fast is told apart from a wrong forecast", () => {
  const looks = looksOf((second) => (second <= 10 ? 20 : 80), 20)
  const drain = drainFrom(looks, 10_000)
  expect(drain?.realMillis).toBeCloseTo(2_500, -2)
  expect(drain?.steadyMillis).toBeCloseTo(10_000, -2)
  const steady = Array.from({ length: 9 }, (_, second) => refused(15_000 + second, 3))
  expect(brokenTruth(truthOf([...steady, refused(10_000, 10)], looks))).toEqual([])
  expect(brokenTruth(truthOf([...steady, refused(10_000, 60)], looks))).toEqual([
    "1 Retry-After off by more than 2 times",
  ])
})

test("a forecast that never comes true is broken, whatever the machine did", () => {
  const looks = looksOf((second) => (second <= 10 ? 20 : 80), 20)
  const told = Array.from({ length: 9 }, (_, at) => refused(10_000 + at, 10))
  expect(brokenTruth(truthOf(told, looks))).toEqual(["9 of 9 Retry-After not what came true"])
})

test("rounding up to whole seconds is no error", () => {
  expect(ratioOf(2, 1_200)).toBe(1)
  expect(ratioOf(1, 100)).toBe(1)
  expect(ratioOf(3, 500)).toBe(4)
  expect(ratioOf(1, 4_000)).toBe(0.25)
})

test("a refusal without Retry-After, or of which the end was not seen, is not passed over", () => {
  const looks = looksOf(() => 40, 5)
  expect(brokenTruth(truthOf([refused(3_000, undefined)], looks))).toEqual([
    "1 refusals without Retry-After",
    "1 refusals whose drain time is not known",
  ])
  expect(brokenTruth(truthOf([], looks))).toEqual(["nothing was refused: the load was no overload"])
})
