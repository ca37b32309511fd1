import { expect, test } from "bun:test"
import { BodyWaits } from "./body-waits.ts"

const HOUR_MILLIS = 3_600_000
const bytes = new Uint8Array(3)

test("a body that does not come whole in its time is refused", async () => {
  const waits = new BodyWaits()
  const wait = waits.begin(5)
  expect(wait.isLate).toBe(false)
  expect(await wait.ended).toEqual({
    kind: "refused",
    error: "bodyTimedOut",
    message: "body: expected all of it within 5 ms, got a part",
  })
  expect(wait.isLate).toBe(true)
  expect(performance.now()).toBeGreaterThanOrEqual(wait.until)
  waits.end(wait, bytes)
  expect(await wait.ended).toMatchObject({ error: "bodyTimedOut" })
})

test("each wait has its own time, in whatever order they begin", async () => {
  const waits = new BodyWaits()
  const [long, second, first] = [waits.begin(HOUR_MILLIS), waits.begin(20), waits.begin(5)]
  const order: Array<string> = []
  await Promise.all([
    second.ended.then(() => order.push("second")),
    first.ended.then(() => order.push("first")),
  ])
  expect(order).toEqual(["first", "second"])
  expect(performance.now()).toBeGreaterThanOrEqual(second.until)
  expect(long.isLate).toBe(false)
  waits.end(long, bytes)
  expect(await long.ended).toBe(bytes)
})

test("a body that came whole is not refused when its time is over", async () => {
  const waits = new BodyWaits()
  const [whole, late] = [waits.begin(5), waits.begin(10)]
  waits.end(whole, bytes)
  await late.ended
  expect(whole.isLate).toBe(false)
  expect(await whole.ended).toBe(bytes)
  // The timer is set anew after it has fired.
  expect(await waits.begin(5).ended).toMatchObject({ error: "bodyTimedOut" })
})
