// Which requests are parked, from what a sweep saw; never a live one.
import { expect, test } from "bun:test"
import { ParkedWatch } from "./parked.ts"

const ALIVE_MILLIS = 1_000
const state = (parked: number) => ({ first: 1, delivered: 100, parked })

test("a request is parked when it was seen as delivered for longer than it can be alive", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  expect(watch.observe(state(1), [7], 0)).toEqual([])
  expect(watch.observe(state(1), [7], ALIVE_MILLIS)).toEqual([])
  expect(watch.observe(state(1), [7], ALIVE_MILLIS + 1)).toEqual([7])
})

test("a younger one beside it is left alone", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  watch.observe(state(1), [7], 0)
  watch.observe(state(1), [7, 8], 900)
  expect(watch.observe(state(1), [7, 8, 9], 1_500)).toEqual([7])
})

test("nothing is touched unless the old ones are exactly as many as the server counts parked ones", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  watch.observe(state(1), [7, 8], 0)
  expect(watch.observe(state(1), [7, 8], 2_000)).toEqual([])
  expect(watch.observe(state(3), [7, 8], 2_000)).toEqual([])
  expect(watch.observe(state(0), [7, 8], 2_000)).toEqual([])
  expect(watch.observe(state(2), [7, 8], 2_000)).toEqual([7, 8])
})

test("one that went away and came back is seen as new", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  watch.observe(state(1), [7], 0)
  watch.observe(state(1), [], 500)
  watch.observe(state(1), [7], 900)
  expect(watch.observe(state(1), [7], 1_500)).toEqual([])
  expect(watch.observe(state(1), [7], 2_000)).toEqual([7])
})

test("the age counts from the first sight, however many looks lie between", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  for (let now = 0; now <= ALIVE_MILLIS; now += 100)
    expect(watch.observe(state(1), [3], now)).toEqual([])
  expect(watch.observe(state(1), [3], ALIVE_MILLIS + 100)).toEqual([3])
})

test("a live request that was never old is not named, whatever the count says", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  for (let round = 0; round < 1_000; round++) {
    const first = round * 10
    const live = Array.from({ length: 30 }, (_, at) => first + at)
    expect(watch.observe(state(round % 40), live, round * 100)).toEqual([])
  }
})
