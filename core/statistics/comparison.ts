// Whether one of two models is better on the same rows: McNemar's test on right and wrong answers,
// and the paired bootstrap of any mean difference. Neither decides a release.
import { binomialBelow } from "./beta.ts"
import { binomial, chiSquaredTail, logBinomial } from "./gamma.ts"
import { quantileSorted } from "./histogram.ts"
import { seededRandom } from "./seeded-random.ts"
import { requireNumbers } from "./undefined.ts"

export interface McNemar {
  /** Two-sided binomial p. */
  readonly exact: number
  /** The exact p less half the probability of what was observed. */
  readonly midP: number
  /** χ² with and without continuity correction; null where the models never differ. */
  readonly corrected: { readonly statistic: number; readonly pvalue: number } | null
  readonly plain: { readonly statistic: number; readonly pvalue: number } | null
}

/** From the rows that only the first and only the second model got right (McNemar 1947). */
export const mcNemar = (onlyFirst: number, onlySecond: number): McNemar => {
  const n = onlyFirst + onlySecond
  const smaller = Math.min(onlyFirst, onlySecond)
  const below = binomialBelow(smaller, n, 0.5)
  const exactPoint = binomial(n, smaller) / 2 ** n
  const point = Number.isFinite(exactPoint)
    ? exactPoint
    : Math.exp(logBinomial(n, smaller) - n * Math.LN2)
  const chi = (correction: number) => {
    if (n === 0) return null
    const statistic = (Math.abs(onlyFirst - onlySecond) - correction) ** 2 / n
    return { statistic, pvalue: chiSquaredTail(statistic, 1) }
  }
  const equal = n === 0 ? 1 : 1 - point / 2
  return {
    exact: Math.min(1, 2 * below),
    midP: onlyFirst === onlySecond ? equal : 2 * below - point,
    corrected: chi(1),
    plain: chi(0),
  }
}

export const BOOTSTRAP_RESAMPLES = 2_000

export interface PairedBootstrap {
  /** Mean of second minus first. */
  readonly difference: number
  /** Percentile interval of that mean. */
  readonly low: number
  readonly high: number
  /** Share of resamples in which the second model's mean is the larger one, ties a half. */
  readonly superiority: number
}

/**
 * Resamples rows with replacement, both models' values together (Efron 1979). The interval covers
 * `confidence`; the same seed gives the same interval.
 */
export const pairedBootstrap = (
  first: Float64Array,
  second: Float64Array,
  seed: number,
  { confidence = 0.95, resamples = BOOTSTRAP_RESAMPLES } = {},
): PairedBootstrap => {
  const differences = second.map((one, i) => one - (first[i] ?? NaN))
  requireNumbers("paired bootstrap", "the difference of the models", differences)
  const n = differences.length
  const random = seededRandom(seed)
  const means = new Float64Array(resamples)
  let superior = 0
  for (let b = 0; b < resamples; b++) {
    let sum = 0
    for (let i = 0; i < n; i++) sum += differences[Math.floor(random() * n)]!
    means[b] = sum / n
    superior += sum > 0 ? 1 : sum === 0 ? 0.5 : 0
  }
  means.sort()
  return {
    difference: differences.reduce((sum, one) => sum + one, 0) / n,
    low: quantileSorted(means, (1 - confidence) / 2),
    high: quantileSorted(means, (1 + confidence) / 2),
    superiority: superior / resamples,
  }
}
