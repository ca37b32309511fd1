import { expect, test } from "bun:test"
import { classifierTwoSample } from "./classifier-two-sample.ts"
import { fromList } from "./rows.ts"
import { seededRandom } from "./seeded-random.ts"

const table = (count: number, seed: number, shift: number, spread: number) => {
  const random = seededRandom(seed)
  const draw = () => (random() + random() + random() - 1.5) * spread + shift
  return fromList(Array.from({ length: count }, () => Array.from({ length: 4 }, draw)))
}

test("moved means and changed spreads are told apart", () => {
  for (const [shift, spread] of [
    [0.3, 1],
    [0, 1.6],
  ] as const) {
    const { auc, pvalue } = classifierTwoSample(
      table(400, 1, 0, 1),
      table(300, 2, shift, spread),
      5,
    )
    expect(auc).toBeGreaterThan(0.6)
    expect(pvalue).toBeLessThan(1e-4)
  }
})

test("without a difference p is below 5 % about as often as it should be", () => {
  const pvalues = Array.from(
    { length: 100 },
    (_, i) => classifierTwoSample(table(80, 2 * i, 0, 1), table(60, 2 * i + 1, 0, 1), i).pvalue,
  )
  // The binomial 99.9 % band of 100 trials at 5 %.
  expect(pvalues.filter((p) => p < 0.05).length).toBeLessThanOrEqual(13)
})

test("perfectly separable tables stay finite", () => {
  const { auc, pvalue } = classifierTwoSample(table(50, 1, 0, 1), table(50, 2, 100, 1), 1)
  expect(auc).toBe(1)
  expect(pvalue).toBeLessThan(1e-10)
})
