// The estimate of quality without labels, against the quality that labels give.
import { describe, expect, test } from "bun:test"
import { calibrate, fitIsotonic } from "./calibration.ts"
import { binaryLogLoss, brier, rocAuc } from "./classification.ts"
import { expectedAuc, expectedQuality } from "./estimate.ts"
import { seededRandom } from "./seeded-random.ts"

/** Rows whose score is p, of class 1 with the chance `chance(p)`. */
const drawn = (rows: number, seed: number, chance: (p: number) => number) => {
  const random = seededRandom(seed)
  const scores = Float64Array.from({ length: rows }, random)
  const labels = Float64Array.from(scores, (p) => Number(random() < chance(p)))
  const predicted = Array.from(scores, (p) => Number(p > 0.5))
  return { scores, labels, predicted }
}

const accuracyOf = (labels: Float64Array, predicted: ReadonlyArray<number>) =>
  predicted.filter((one, at) => one === labels[at]).length / predicted.length

describe("where the chances are known, what is expected is what comes", () => {
  const { scores, labels, predicted } = drawn(200_000, 1, (p) => p)
  const found = expectedQuality(scores, scores, predicted)
  test("accuracy, within its own error", () => {
    expect(Math.abs(found.accuracy - accuracyOf(labels, predicted))).toBeLessThan(
      4 * found.accuracyError,
    )
    expect(found.accuracy).toBeCloseTo(0.75, 2)
  })
  test("AUC, Brier score and log loss", () => {
    expect(found.auc).toBeCloseTo(rocAuc(labels, scores), 2)
    expect(found.auc).toBeCloseTo(5 / 6, 2)
    expect(found.brier).toBeCloseTo(brier(labels, scores), 2)
    expect(found.logLoss).toBeCloseTo(binaryLogLoss(labels, scores), 2)
  })
})

test("chances of 0 and 1 give exactly what the labels give", () => {
  const { scores, labels, predicted } = drawn(500, 2, (p) => p * p)
  const found = expectedQuality(scores, labels, predicted)
  expect(found.accuracy).toBeCloseTo(accuracyOf(labels, predicted), 12)
  expect(found.auc).toBeCloseTo(rocAuc(labels, scores), 12)
  expect(found.brier).toBeCloseTo(brier(labels, scores), 12)
  expect(found.accuracyError).toBe(0)
})

test("a model that claims too much is brought back by calibration on other rows", () => {
  const truth = (p: number) => 0.5 + (p - 0.5) / 2
  const past = drawn(20_000, 3, truth)
  const now = drawn(20_000, 4, truth)
  const map = fitIsotonic(past.labels, past.scores)
  const calibrated = now.scores.map((p) => calibrate(map, p))
  const real = accuracyOf(now.labels, now.predicted)
  const naive = expectedQuality(now.scores, now.scores, now.predicted).accuracy
  const mended = expectedQuality(now.scores, calibrated, now.predicted).accuracy
  expect(Math.abs(naive - real)).toBeGreaterThan(0.1)
  expect(Math.abs(mended - real)).toBeLessThan(0.01)
})

test("ties count a half, and one class alone has no AUC", () => {
  expect(expectedAuc(Float64Array.of(0.5, 0.5), Float64Array.of(1, 0))).toBe(0.5)
  expect(expectedAuc(Float64Array.of(0.5, 0.6), Float64Array.of(1, 1))).toBeNaN()
  expect(() => expectedQuality(new Float64Array(0), new Float64Array(0), [])).toThrow()
})
