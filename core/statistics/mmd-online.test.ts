import { expect, test } from "bun:test"
import { calibrateOnlineMmd, OnlineMmd } from "./mmd-online.ts"
import { fromList } from "./rows.ts"
import { seededRandom } from "./seeded-random.ts"

const source = (seed: number) => {
  const random = seededRandom(seed)
  return (shift: number) =>
    Float64Array.from({ length: 3 }, () => random() + random() + random() - 1.5 + shift)
}

const reference = (() => {
  const draw = source(1)
  return fromList(Array.from({ length: 150 }, () => draw(0)))
})()
const configuration = calibrateOnlineMmd(reference, {
  expectedRunLength: 50,
  windowSize: 10,
  bootstraps: 2_000,
  seed: 2,
})

test("a shift is seen within a few windows", () => {
  const detector = new OnlineMmd(configuration)
  const draw = source(3)
  let rows = 0
  while (!detector.drift && rows < 100) {
    detector.update(draw(1))
    rows += 1
  }
  expect(rows).toBeLessThan(20)
})

test("without drift the mean run length is near the one that was asked for", () => {
  const runs = Array.from({ length: 60 }, (_, run) => {
    const { options } = configuration
    const seeded = { ...configuration, options: { ...options, seed: 100 + run } }
    const detector = new OnlineMmd(seeded)
    const draw = source(1_000 + run)
    let rows = 0
    while (!detector.drift && rows < 400) {
      detector.update(draw(0))
      rows += 1
    }
    return rows
  })
  const mean = runs.reduce((sum, one) => sum + one, 0) / runs.length
  expect(mean).toBeGreaterThan(25)
  expect(mean).toBeLessThan(100)
})

test("the same seed gives the same thresholds and the same run", () => {
  const again = calibrateOnlineMmd(reference, configuration.options)
  expect(again.thresholds).toEqual(configuration.thresholds)
  const [a, b] = [new OnlineMmd(configuration), new OnlineMmd(again)]
  const draw = source(9)
  for (let i = 0; i < 30; i++) {
    const row = draw(0.2)
    a.update(row)
    b.update(row)
    expect(a.statistic).toBe(b.statistic)
  }
})

test("a reference too small for the window is refused by name", () => {
  const options = { expectedRunLength: 50, windowSize: 100, seed: 1 }
  expect(() => calibrateOnlineMmd(reference, options)).toThrow("at least 201 reference rows")
})
