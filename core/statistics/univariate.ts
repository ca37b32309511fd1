// Every test and distance of one feature under one name each, with an effect size beside it: what a
// monitor configures, and what profiles choose from.
import { andersonDarlingSorted } from "./anderson-darling.ts"
import {
  chiSquaredContingency,
  chiSquaredFit,
  gTest,
  gTestFit,
  twoProportions,
} from "./contingency.ts"
import { cramerVonMisesSorted } from "./cramer-von-mises.ts"
import {
  hellinger,
  jensenShannon,
  kullbackLeibler,
  largestShift,
  totalVariation,
} from "./divergence.ts"
import { asCategories, categoryTable, distinct, present, type Feature } from "./feature.ts"
import { fisherExact } from "./fisher.ts"
import { fillEmpty, floorShares, histogram, shares, sturgesEdges } from "./histogram.ts"
import { kolmogorovSmirnovSorted, type KolmogorovSmirnovMethod } from "./kolmogorov-smirnov.ts"
import { mannWhitneySorted } from "./mann-whitney.ts"
import { populationStability, stabilityIndex } from "./population-stability.ts"
import { studentTest } from "./student.ts"
import { StatisticUndefined } from "./undefined.ts"
import { energyDistanceSorted, wassersteinNormedSorted, wassersteinSorted } from "./wasserstein.ts"

export interface TestResult {
  readonly statistic: number
  /** Null for a distance that has no law. */
  readonly pvalue: number | null
  /**
   * How large the difference is, whatever the number of rows: for tests on numbers the largest
   * distance of the two distribution functions, for tests on categories the total variation, both 0
   * to 1; for a distance the distance itself.
   */
  readonly effect: number
}

/** A numeric feature with more distinct reference values than this gets equal-width bins. */
const DISTINCT_BINS_MAX = 20

const sortedPair = (test: string, reference: Feature, window: Feature) => {
  if (reference.kind !== "numeric" || window.kind !== "numeric")
    throw new StatisticUndefined({ statistic: test, reason: "the feature is not numeric" })
  return [reference.sorted, window.sorted] as const
}

type Law = (x: Float64Array, y: Float64Array) => { statistic: number; pvalue: number }
type Solve = (reference: Feature, window: Feature) => TestResult

const numeric =
  (test: string, law: Law): Solve =>
  (reference, window) => {
    const [x, y] = sortedPair(test, reference, window)
    const { statistic, pvalue } = law(x, y)
    const { statistic: effect } = kolmogorovSmirnovSorted(x, y, { method: "asymptotic" })
    return { statistic, pvalue, effect }
  }

const kolmogorovSmirnov =
  (method: KolmogorovSmirnovMethod): Solve =>
  (reference, window) => {
    const [x, y] = sortedPair("Kolmogorov-Smirnov", reference, window)
    const { statistic, pvalue } = kolmogorovSmirnovSorted(x, y, { method })
    return { statistic, pvalue, effect: statistic }
  }

const distance =
  (test: string, solve: Law | ((x: Float64Array, y: Float64Array) => number)): Solve =>
  (reference, window) => {
    const [x, y] = sortedPair(test, reference, window)
    const found = solve(x, y)
    const statistic = typeof found === "number" ? found : found.statistic
    return { statistic, pvalue: null, effect: statistic }
  }

const counted =
  (law: Law): Solve =>
  (reference, window) => {
    const table = categoryTable(reference, window)
    const { statistic, pvalue } = law(table.reference, table.window)
    return { statistic, pvalue, effect: totalVariation(table.reference, table.window) }
  }

/** One category against all others; only for two categories, or one on both sides. */
const proportions: Law = (x, y) => {
  const rows = (counts: Float64Array) => counts.reduce((sum, one) => sum + one, 0)
  if (x.length > 2)
    throw new StatisticUndefined({ statistic: "z", reason: `${x.length} categories, not two` })
  const [a, b] = [rows(x), rows(y)]
  return twoProportions(a - x[0]!, a, b - y[0]!, b)
}

const fisher: Law = (x, y) => {
  if (x.length > 2)
    throw new StatisticUndefined({ statistic: "Fisher", reason: `${x.length} categories, not two` })
  const { oddsRatio, pvalue } = fisherExact(y[1] ?? 0, y[0]!, x[1] ?? 0, x[0]!)
  return { statistic: oddsRatio, pvalue }
}

const goodnessOfFit: Law = (x, y) => {
  const rows = (counts: Float64Array) => counts.reduce((sum, one) => sum + one, 0)
  const scale = rows(y) / rows(x)
  return chiSquaredFit([...y], [...x.map((one) => one * scale)])
}

/** Evidently's bins: equal width by Sturges over both sides, or one per distinct value. */
export const sharedBins = (reference: Feature, window: Feature) => {
  const binned = reference.kind === "numeric" && distinct(reference) > DISTINCT_BINS_MAX
  if (!binned || window.kind !== "numeric")
    return { edges: undefined, ...categoryTable(reference, window) }
  const both = new Float64Array(reference.sorted.length + window.sorted.length)
  both.set(reference.sorted)
  both.set(window.sorted, reference.sorted.length)
  const edges = sturgesEdges(both)
  return {
    edges,
    reference: histogram(reference.sorted, edges),
    window: histogram(window.sorted, edges),
  }
}

const divergence =
  (
    solve: (p: Float64Array, q: Float64Array) => number,
    guard: (given: Float64Array) => Float64Array = (given) => given,
  ): Solve =>
  (reference, window) => {
    const bins = sharedBins(reference, window)
    const statistic = solve(guard(shares(bins.reference)), guard(shares(bins.window)))
    return { statistic, pvalue: null, effect: statistic }
  }

/** Numbers in bins by Sturges over the distinct values of both sides, as Evidently's Hellinger. */
const evidentlyHellinger: Solve = (reference, window) => {
  const { keys, ...counts } = categoryTable(reference, window)
  const edges = () => sturgesEdges(Float64Array.from(keys, Number))
  const numbers = reference.kind === "numeric" && window.kind === "numeric"
  const [x, y] = numbers
    ? ([reference.sorted, window.sorted] as const).map((one) => histogram(one, edges()))
    : [counts.reference, counts.window]
  const statistic = hellinger(x!, y!)
  return { statistic, pvalue: null, effect: statistic }
}

/** Deciles of the reference for numbers, one bin per category otherwise, shares at least 0.0001. */
const stability: Solve = (reference, window) => {
  if (reference.kind === "numeric" && window.kind === "numeric") {
    const { psi } = populationStability(reference.sorted, window.sorted)
    return { statistic: psi, pvalue: null, effect: psi }
  }
  const table = categoryTable(reference, window)
  const psi = stabilityIndex(
    floorShares(shares(table.reference)),
    floorShares(shares(table.window)),
  )
  return { statistic: psi, pvalue: null, effect: psi }
}

const tests = {
  ks: kolmogorovSmirnov("auto"),
  "ks-asymptotic": kolmogorovSmirnov("asymptotic"),
  anderson: numeric("Anderson-Darling", (x, y) => andersonDarlingSorted([x, y])),
  cvm: numeric("Cramér-von Mises", cramerVonMisesSorted),
  "mann-whitney": numeric("Mann-Whitney", (x, y) => mannWhitneySorted(x, y)),
  "mann-whitney-less": numeric("Mann-Whitney", (x, y) =>
    mannWhitneySorted(x, y, { alternative: "less" }),
  ),
  "student-t": numeric("Student's t", studentTest),
  "chi-squared": counted((x, y) => chiSquaredContingency([[...x], [...y]])),
  "chi-squared-fit": counted(goodnessOfFit),
  "g-test": counted((x, y) => gTest([[...x], [...y]])),
  "g-test-fit": counted((x, y) => gTestFit([...y], [...x])),
  z: counted(proportions),
  fisher: counted(fisher),
  psi: stability,
  "psi-evidently": divergence(stabilityIndex, fillEmpty),
  "jensen-shannon": divergence((p, q) => jensenShannon(p, q)),
  "kullback-leibler": divergence(kullbackLeibler, fillEmpty),
  hellinger: evidentlyHellinger,
  "total-variation": divergence(totalVariation),
  "largest-shift": divergence(largestShift),
  wasserstein: distance("Wasserstein", wassersteinSorted),
  "wasserstein-normed": distance("Wasserstein", wassersteinNormedSorted),
  energy: distance("energy distance", energyDistanceSorted),
} as const satisfies Record<string, Solve>

export type TestName = keyof typeof tests
export const testNames: ReadonlyArray<string> = Object.keys(tests)

/** Whether a name from a configuration is a test. */
export const isTestName = (name: string): name is TestName => Object.hasOwn(tests, name)

/** Tests on numbers that take a numeric feature; the others take numbers as categories too. */
const CATEGORICAL: ReadonlySet<TestName> = new Set<TestName>([
  "chi-squared",
  "chi-squared-fit",
  "g-test",
  "g-test-fit",
  "z",
  "fisher",
])

/**
 * Runs a test on two prepared samples, reference first. Throws `StatisticUndefined` where the
 * feature has no values on a side or the test does not fit it.
 */
export const testFeature = (test: TestName, reference: Feature, window: Feature): TestResult => {
  for (const [name, side] of [
    ["the reference", reference],
    ["the window", window],
  ] as const)
    if (present(side) === 0)
      throw new StatisticUndefined({
        statistic: test,
        reason: side.rows === 0 ? `${name} is empty` : `${name} is all null`,
      })
  if (CATEGORICAL.has(test)) return tests[test](asCategories(reference), asCategories(window))
  return tests[test](reference, window)
}
