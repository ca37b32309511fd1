import { expect, test } from "bun:test"
import { categoricalFeature, featureNulls, numericFeature } from "./feature.ts"
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts"
import { unseenRate } from "./missing.ts"
import { correctedThreshold, exceeds, profiles } from "./profile.ts"
import { seededRandom } from "./seeded-random.ts"
import { isTestName, testFeature, testNames } from "./univariate.ts"

const random = seededRandom(4)
const values = (count: number, shift = 0) =>
  Float64Array.from({ length: count }, () => random() + random() + shift)
const colours = (count: number, share: number) =>
  Array.from({ length: count }, () => (random() < share ? "red" : "blue"))

test("every test that takes a feature answers for it, larger where the shift is larger", () => {
  const numbers = numericFeature(values(600))
  const near = numericFeature(values(400, 0.02))
  const far = numericFeature(values(400, 0.6))
  const words = categoricalFeature(colours(500, 0.5))
  const fewer = categoricalFeature(colours(400, 0.2))
  for (const name of testNames.filter(isTestName)) {
    const onWords = ["chi-squared", "chi-squared-fit", "g-test", "z", "fisher"].includes(name)
    // It compares counts with counts and refuses windows of another size.
    if (name === "g-test-fit") continue
    const [reference, same, other] = onWords
      ? ([words, words, fewer] as const)
      : ([numbers, near, far] as const)
    const before = testFeature(name, reference, same)
    const after = testFeature(name, reference, other)
    expect(after.effect).toBeGreaterThan(before.effect)
    if (after.pvalue !== null) expect(after.pvalue).toBeLessThan(0.002)
  }
})

test("a prepared numeric feature leaves out NaN and remembers how many there were", () => {
  const x = Float64Array.of(3, NaN, 1, 2, NaN)
  const feature = numericFeature(x)
  expect([...feature.sorted]).toEqual([1, 2, 3])
  expect(featureNulls(feature)).toEqual({ nulls: 2, rows: 5, rate: 0.4 })
})

test("a feature that is all null or empty is refused by name", () => {
  const some = numericFeature(values(10))
  const nulls = numericFeature(Float64Array.of(NaN, NaN))
  expect(() => testFeature("ks", some, nulls)).toThrow("ks is undefined: the window is all null")
  const nothing = numericFeature(new Float64Array(0))
  expect(() => testFeature("ks", nothing, some)).toThrow("the reference is empty")
  const words = categoricalFeature(["a", "b"])
  expect(() => testFeature("anderson", words, words)).toThrow("the feature is not numeric")
})

test("constant features are drift only where the constant changed", () => {
  const [one, same, two] = [1, 1, 2].map((x) => numericFeature(new Float64Array(300).fill(x)))
  expect(testFeature("ks", one!, same!).pvalue).toBe(1)
  expect(testFeature("ks", one!, two!).pvalue).toBeLessThan(1e-12)
  expect(() => testFeature("anderson", one!, same!)).toThrow("all observations are equal")
})

test("the effect of a test on numbers is the Kolmogorov-Smirnov distance", () => {
  const [x, y] = [values(300), values(200, 0.3)]
  const { statistic } = kolmogorovSmirnov(x, y)
  for (const name of ["anderson", "cvm", "mann-whitney", "ks-asymptotic"] as const)
    expect(testFeature(name, numericFeature(x), numericFeature(y)).effect).toBeCloseTo(
      statistic,
      12,
    )
})

test("profiles choose the tools' tests and comparisons", () => {
  const small = numericFeature(values(500))
  const large = numericFeature(values(1_500))
  const flags = numericFeature(
    values(500)
      .map(Math.round)
      .map((x) => Math.min(1, x)),
  )
  const words = categoricalFeature(colours(500, 0.5))
  expect(profiles.alibi.choose(small)).toMatchObject({ test: "ks-asymptotic" })
  expect(profiles.alibi.choose(words)).toMatchObject({ test: "chi-squared" })
  expect(profiles.scipy.choose(small)).toMatchObject({ test: "ks", comparison: "below" })
  const evidently = (one: typeof small | typeof words) => profiles.evidently.choose(one, one).test
  expect([small, large, flags, words].map(evidently)).toEqual([
    "ks",
    "wasserstein-normed",
    "z",
    "z",
  ])
})

test("comparisons are strict where the tools' are, and corrections lower the threshold", () => {
  const result = { statistic: 0.1, pvalue: 0.05, effect: 0.1 }
  const judge = (comparison: "below" | "at-most" | "at-least", threshold: number) =>
    exceeds({ test: "ks", threshold, comparison }, result)
  expect([judge("below", 0.05), judge("at-most", 0.05), judge("at-least", 0.1)]).toEqual([
    false,
    true,
    true,
  ])
  expect(correctedThreshold([0.01, 0.5], 0.05, "bonferroni")).toBe(0.025)
  expect(correctedThreshold([0.01, 0.04, 0.9], 0.06, "fdr")).toBe(0.02)
  expect(correctedThreshold([0.01, 0.035, 0.9], 0.06, "fdr")).toBe(0.04)
})

test("categories that the reference never had are counted", () => {
  const { unseen, rate } = unseenRate(new Set(["a", "b"]), ["a", "c", "c", "b"])
  expect([...unseen]).toEqual([["c", 2]])
  expect(rate).toBe(0.5)
})
