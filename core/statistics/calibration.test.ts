import { expect, test } from "bun:test"
import { calibrate, expectedAccuracy, fitIsotonic } from "./calibration.ts"
import { pairedBootstrap } from "./comparison.ts"
import { seededRandom } from "./seeded-random.ts"

test("an isotonic map pools violators, is linear between corners and clips outside", () => {
  const scores = Float64Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.5)
  const map = fitIsotonic([0, 1, 0, 0, 1, 0], scores)
  // scikit-learn: IsotonicRegression(out_of_bounds="clip").fit(scores, labels).predict(...)
  const expected = [0, 0, 1 / 3, 1 / 3, 0.41666666666666663, 0.5, 0.5]
  const got = [-1, 0.1, 0.2, 0.35, 0.45, 0.5, 2].map((score) => calibrate(map, score))
  got.forEach((one, i) => expect(one).toBeCloseTo(expected[i]!, 14))
})

test("expected accuracy of calibrated probabilities needs no labels", () => {
  expect(expectedAccuracy(Float64Array.of(0.9, 0.2, 0.6), [1, 0, 0])).toBeCloseTo(0.7, 14)
})

test("the paired bootstrap repeats by its seed and covers a clear gain", () => {
  const random = seededRandom(3)
  const first = Float64Array.from({ length: 400 }, () => random())
  const second = first.map((one) => one + 0.1 + 0.2 * (random() - 0.5))
  const result = pairedBootstrap(first, second, 7, { resamples: 500 })
  expect(result).toEqual(pairedBootstrap(first, second, 7, { resamples: 500 }))
  expect(result.low).toBeLessThan(result.difference)
  expect(result.high).toBeGreaterThan(result.difference)
  expect(result.low).toBeGreaterThan(0.08)
  expect(result.superiority).toBe(1)
})
