// The Mann-Whitney U test as `scipy.stats.mannwhitneyu` does it, and the Hodges-Lehmann shift that
// says how large a difference it found. It refuses NaN.
import { binomial } from "./gamma.ts"
import type { Alternative } from "./kolmogorov-smirnov.ts"
import { normalAbove } from "./normal.ts"
import { requireNumbers, StatisticUndefined } from "./undefined.ts"

export interface MannWhitney {
  /** U of the first sample: pairs in which it is larger, ties counting a half. */
  readonly statistic: number
  readonly pvalue: number
  readonly method: "exact" | "asymptotic"
}

export interface MannWhitneyOptions {
  readonly alternative?: Alternative
  readonly method?: "auto" | "exact" | "asymptotic"
  /** Moves U by a half towards its mean in the normal approximation; on by default. */
  readonly continuity?: boolean
}

/** `auto` counts exactly without ties while the smaller sample has at most this many rows. */
const EXACT_ROWS_MAX = 8
/** Pairwise differences that the Hodges-Lehmann estimate may hold: 32 MiB of doubles. */
const DIFFERENCES_MAX = 4_194_304

/** P(U ≥ u) without ties; coefficients of the Gaussian binomial (Mann & Whitney 1947). */
const exactTail = (u: number, n: number, m: number): number => {
  const size = n * m
  const ways = new Float64Array(size + 1)
  ways[0] = 1
  for (let i = 1; i <= n; i++) {
    for (let k = size; k >= m + i; k--) ways[k]! -= ways[k - m - i]!
    for (let k = i; k <= size; k++) ways[k]! += ways[k - i]!
  }
  // U is symmetric about its mean, and the sum over the shorter side is the exact one.
  const tail = u > size / 2
  const from = tail ? u : 0
  const to = tail ? size : u - 1
  let sum = 0
  for (let k = from; k <= to; k++) sum += ways[Math.min(k, size - k)]!
  const share = sum / binomial(n + m, n)
  return tail ? share : 1 - share
}

const rankSums = (x: Float64Array, y: Float64Array) => {
  let statistic = 0
  let ties = 0
  let i = 0
  let j = 0
  while (i < x.length || j < y.length) {
    const value = Math.min(i < x.length ? x[i]! : Infinity, j < y.length ? y[j]! : Infinity)
    const startX = i
    const startY = j
    while (i < x.length && x[i] === value) i++
    while (j < y.length && y[j] === value) j++
    const mine = i - startX
    const theirs = j - startY
    statistic += mine * (startY + theirs / 2)
    ties += (mine + theirs) ** 3 - (mine + theirs)
  }
  return { statistic, ties }
}

/** The test on samples sorted ascending without NaN, which the caller vouches for. */
export const mannWhitneySorted = (
  x: Float64Array,
  y: Float64Array,
  options: MannWhitneyOptions = {},
): MannWhitney => {
  const { alternative = "two-sided", method = "auto", continuity = true } = options
  const n = x.length
  const m = y.length
  const { statistic, ties } = rankSums(x, y)
  const other = n * m - statistic
  const u = { greater: statistic, less: other, "two-sided": Math.max(statistic, other) }[
    alternative
  ]
  const sides = alternative === "two-sided" ? 2 : 1
  const counts =
    method === "exact" || (method === "auto" && ties === 0 && Math.min(n, m) <= EXACT_ROWS_MAX)
  // The number of orders overflows a double for large samples, as does SciPy's.
  if (counts && Number.isFinite(binomial(n + m, n))) {
    const tail = exactTail(Math.trunc(u), Math.min(n, m), Math.max(n, m))
    return { statistic, pvalue: Math.min(1, sides * tail), method: "exact" }
  }
  const total = n + m
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)))
  const z = (u - (n * m) / 2 - (continuity ? 0.5 : 0)) / Math.sqrt(variance)
  return { statistic, pvalue: Math.min(1, sides * normalAbove(z)), method: "asymptotic" }
}

/** The test on samples in any order; throws `StatisticUndefined` on an empty sample or NaN. */
export const mannWhitney = (
  x: Float64Array,
  y: Float64Array,
  options: MannWhitneyOptions = {},
): MannWhitney => {
  requireNumbers("Mann-Whitney", "the first sample", x)
  requireNumbers("Mann-Whitney", "the second sample", y)
  return mannWhitneySorted(x.toSorted(), y.toSorted(), options)
}

/** The median of all differences x_i - y_j (Hodges & Lehmann 1963), for at most 4 Mi pairs. */
export const hodgesLehmann = (x: Float64Array, y: Float64Array): number => {
  requireNumbers("Hodges-Lehmann", "the first sample", x)
  requireNumbers("Hodges-Lehmann", "the second sample", y)
  const size = x.length * y.length
  if (size > DIFFERENCES_MAX)
    throw new StatisticUndefined({
      statistic: "Hodges-Lehmann",
      reason: `${size} pairs are more than ${DIFFERENCES_MAX}; sample the rows first`,
    })
  const differences = new Float64Array(size)
  for (let i = 0; i < x.length; i++)
    for (let j = 0; j < y.length; j++) differences[i * y.length + j] = x[i]! - y[j]!
  differences.sort()
  return (differences[(size - 1) >> 1]! + differences[size >> 1]!) / 2
}
