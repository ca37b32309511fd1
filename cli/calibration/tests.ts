// The tests whose false alarms and power `show calibration` counts: the very functions that a
// monitor calls, each as a p-value of a sample.
import { classifierTwoSample } from "#core/statistics/classifier-two-sample"
import { numericFeature } from "#core/statistics/feature"
import { nullRateShift } from "#core/statistics/missing"
import { drawPermutations, mmd, mmdReference, PERMUTATIONS } from "#core/statistics/mmd"
import { fromFeatures } from "#core/statistics/rows"
import { correctedThreshold } from "#core/statistics/profile"
import { testFeature, type TestName } from "#core/statistics/univariate"
import type { Sample, SampleKind } from "./samples.ts"

/** The p-value of a sample; the seed is for what is drawn inside. */
type Solve = (sample: Sample, seed: number) => number

export interface CalibratedTest {
  readonly name: string
  readonly title: string
  readonly kind: SampleKind
  /** Counts have few values: an exact test of them is wrong at most as often as α says. */
  readonly counts?: boolean
  readonly solve: Solve
}

const oneFeature =
  (test: TestName): Solve =>
  ({ reference: [x = new Float64Array()], window: [y = new Float64Array()] }) =>
    testFeature(test, numericFeature(x), numericFeature(y)).pvalue ?? NaN

const allTogether =
  (pvalues: "valid" | "alibi"): Solve =>
  ({ reference, window }, seed) => {
    const [x, y] = [fromFeatures(reference), fromFeatures(window)]
    const orders = drawPermutations(x.count, y.count, PERMUTATIONS, seed)
    return mmd(mmdReference(x), y, orders, { pvalues }).pvalue
  }

/** Category 1 stands for a missing value. */
const nulls: Solve = ({
  reference: [x = new Float64Array()],
  window: [y = new Float64Array()],
}) => {
  const rate = (values: Float64Array) => {
    const count = values.reduce((sum, one) => sum + one, 0)
    return { nulls: count, rows: values.length, rate: count / values.length }
  }
  return nullRateShift(rate(x), rate(y)).pvalue
}

/** Ten features at once: the p-value that α itself may be compared with. */
const corrected =
  (correction: "bonferroni" | "fdr"): Solve =>
  ({ reference, window }) => {
    const pvalues = reference.map((x, i) =>
      oneFeature("ks-asymptotic")({ reference: [x], window: [window[i] ?? x] }, 0),
    )
    // The least α at which the correction lets any of them through.
    const sorted = pvalues.toSorted((a, b) => a - b)
    const adjusted = sorted.map((p, i) =>
      correction === "bonferroni" ? p * sorted.length : (p * sorted.length) / (i + 1),
    )
    const least = Math.min(1, ...adjusted)
    const threshold = correctedThreshold(pvalues, least * (1 + 1e-9), correction)
    return pvalues.some((p) => p < threshold) ? least : 1
  }

export const TESTS: ReadonlyArray<CalibratedTest> = [
  { name: "ks", title: "Kolmogorov-Smirnov, exact", kind: "number", solve: oneFeature("ks") },
  {
    name: "ks-asymptotic",
    title: "Kolmogorov-Smirnov, asymptotic",
    kind: "number",
    solve: oneFeature("ks-asymptotic"),
  },
  { name: "anderson", title: "Anderson-Darling", kind: "number", solve: oneFeature("anderson") },
  { name: "cvm", title: "Cramér-von Mises", kind: "number", solve: oneFeature("cvm") },
  {
    name: "mann-whitney",
    title: "Mann-Whitney",
    kind: "number",
    solve: oneFeature("mann-whitney"),
  },
  { name: "student-t", title: "Student's t", kind: "number", solve: oneFeature("student-t") },
  { name: "chi-squared", title: "χ²", kind: "category", solve: oneFeature("chi-squared") },
  { name: "g-test", title: "G", kind: "category", solve: oneFeature("g-test") },
  { name: "z", title: "z of two shares", kind: "yes-no", solve: oneFeature("z") },
  {
    name: "fisher",
    title: "Fisher, exact",
    kind: "yes-no",
    counts: true,
    solve: oneFeature("fisher"),
  },
  { name: "null-rate", title: "null rate", kind: "yes-no", counts: true, solve: nulls },
  { name: "mmd", title: "MMD, 100 permutations", kind: "numbers", solve: allTogether("valid") },
  {
    name: "mmd-alibi",
    title: "MMD, p as alibi-detect counts it",
    kind: "numbers",
    solve: allTogether("alibi"),
  },
  {
    name: "classifier",
    title: "classifier two-sample",
    kind: "numbers",
    solve: ({ reference, window }, seed) =>
      classifierTwoSample(fromFeatures(reference), fromFeatures(window), seed).pvalue,
  },
  {
    name: "bonferroni",
    title: "KS of all features, Bonferroni",
    kind: "numbers",
    solve: corrected("bonferroni"),
  },
  {
    name: "fdr",
    title: "KS of all features, Benjamini-Hochberg",
    kind: "numbers",
    solve: corrected("fdr"),
  },
]

/** Tests of a sample of this kind for which power is counted. */
export const POWER_TESTS: Readonly<Record<SampleKind, ReadonlyArray<string>>> = {
  number: ["ks", "anderson", "cvm", "mann-whitney", "student-t", "mmd", "classifier"],
  numbers: ["bonferroni", "mmd", "classifier"],
  category: ["chi-squared", "g-test"],
  "yes-no": [],
}

export const testNamed = (name: string): CalibratedTest => {
  const found = TESTS.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no test ${name}`)
  return found
}
