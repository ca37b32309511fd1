// Up to which sequence nothing can be alive any more.
import { expect, test } from "bun:test"
import { ParkedWatch } from "./parked.ts"

const ALIVE_MILLIS = 1_600

test("what was seen as delivered for longer than it can be alive is dead", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  watch.mark(7, 0)
  expect([watch.deadUpTo(0), watch.deadUpTo(ALIVE_MILLIS)]).toEqual([0, 0])
  expect(watch.deadUpTo(ALIVE_MILLIS + 1)).toBe(7)
})

test("what was delivered since may be alive", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  watch.mark(7, 0)
  watch.mark(90, 1_000)
  watch.mark(100, 1_700)
  expect(watch.deadUpTo(1_700)).toBe(7)
  expect(watch.deadUpTo(2_601)).toBe(90)
})

test("of a time that was not watched, everything may be alive", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  expect(watch.deadUpTo(1_000_000)).toBe(0)
  watch.mark(50, 1_000_000)
  expect(watch.deadUpTo(1_000_001)).toBe(0)
})

test("no request is called dead that is younger than a life, however often it is looked at", () => {
  const watch = new ParkedWatch(ALIVE_MILLIS)
  for (let now = 0; now < 100_000; now += 10) {
    // One delivery each millisecond.
    watch.mark(now, now)
    const dead = watch.deadUpTo(now)
    expect(dead).toBeLessThan(Math.max(1, now - ALIVE_MILLIS))
    if (now > 2 * ALIVE_MILLIS) expect(dead).toBeGreaterThan(now - 1.25 * ALIVE_MILLIS)
  }
})
