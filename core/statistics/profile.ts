// Which test a feature gets and when it counts as drift, by the habits of a tool. The tests are in
// univariate.ts; windows, slices and persistence are the monitor's.
import { benjaminiHochberg, bonferroni } from "./multiple-testing.ts"
import { distinct, present, categoryTable, type Feature } from "./feature.ts"
import type { TestName, TestResult } from "./univariate.ts"

/** Drift where p is `below` or `at-most` the threshold, or a distance `at-least` or `above` it. */
export type Comparison = "below" | "at-most" | "at-least" | "above"

export interface Choice {
  readonly test: TestName
  readonly threshold: number
  readonly comparison: Comparison
}

export interface Profile {
  readonly name: "alibi" | "evidently" | "scipy"
  readonly choose: (reference: Feature, window: Feature) => Choice
  /** Over the p-values of all features of a window. */
  readonly correction: "bonferroni" | "fdr" | "none"
  /** The share of drifted features from which the window as a whole drifts; 0 for any. */
  readonly driftShare: number
}

const ALPHA = 0.05
const DISTANCE_MIN = 0.1
/** Above this many reference rows Evidently takes distances instead of tests. */
const EVIDENTLY_TEST_ROWS_MAX = 1_000
/** Evidently treats numbers with no more distinct values than this as categories. */
const EVIDENTLY_CATEGORIES_MAX = 5

const bothDistinct = (reference: Feature, window: Feature): number => {
  const least = Math.max(distinct(reference), distinct(window))
  return least > EVIDENTLY_CATEGORIES_MAX ? least : categoryTable(reference, window).keys.length
}

const LOOSE_ALPHA = 0.1

/** Evidently's p-value tests; every other test is a distance to be at least 0.1. */
const EVIDENTLY_TESTS: ReadonlyMap<TestName, readonly [number, Comparison]> = new Map([
  ["ks", [ALPHA, "at-most"]],
  ["chi-squared-fit", [ALPHA, "below"]],
  ["z", [ALPHA, "below"]],
  ["mann-whitney-less", [ALPHA, "below"]],
  ["student-t", [ALPHA, "below"]],
  ["anderson", [LOOSE_ALPHA, "below"]],
  ["cvm", [LOOSE_ALPHA, "at-most"]],
  ["fisher", [LOOSE_ALPHA, "below"]],
  ["g-test-fit", [LOOSE_ALPHA, "below"]],
  ["energy", [DISTANCE_MIN, "above"]],
])

/** The threshold of Evidently 0.7.23 for a test, and how it compares. */
export const evidentlyChoice = (test: TestName): Choice => {
  const [threshold, comparison] = EVIDENTLY_TESTS.get(test) ?? [DISTANCE_MIN, "at-least"]
  return { test, threshold, comparison }
}

export const profiles = {
  alibi: {
    name: "alibi",
    choose: (reference) => ({
      test: reference.kind === "numeric" ? "ks-asymptotic" : "chi-squared",
      threshold: ALPHA,
      comparison: "below",
    }),
    correction: "bonferroni",
    driftShare: 0,
  },
  evidently: {
    name: "evidently",
    choose: (reference, window) => {
      const values = bothDistinct(reference, window)
      const categories = reference.kind === "categorical" || values <= EVIDENTLY_CATEGORIES_MAX
      if (present(reference) > EVIDENTLY_TEST_ROWS_MAX)
        return evidentlyChoice(categories ? "jensen-shannon" : "wasserstein-normed")
      if (!categories) return evidentlyChoice("ks")
      return evidentlyChoice(values > 2 ? "chi-squared-fit" : "z")
    },
    correction: "none",
    driftShare: 0.5,
  },
  scipy: {
    name: "scipy",
    choose: (reference) => ({
      test: reference.kind === "numeric" ? "ks" : "chi-squared",
      threshold: ALPHA,
      comparison: "below",
    }),
    correction: "none",
    driftShare: 0,
  },
} as const satisfies Record<string, Profile>

/** Whether a result counts as drift; replace the choice's threshold by a corrected one. */
export const exceeds = (
  { threshold, comparison }: Choice,
  { statistic, pvalue }: TestResult,
): boolean => {
  if (comparison === "at-least") return statistic >= threshold
  if (comparison === "above") return statistic > threshold
  if (pvalue === null) return false
  return comparison === "below" ? pvalue < threshold : pvalue <= threshold
}

/** The threshold each p-value is compared with after a correction over all features tested. */
export const correctedThreshold = (
  pvalues: ArrayLike<number>,
  alpha: number,
  correction: Profile["correction"],
): number => {
  if (correction === "none" || pvalues.length === 0) return alpha
  if (correction === "bonferroni") return bonferroni(pvalues, alpha).threshold
  return benjaminiHochberg(pvalues, alpha).threshold
}
