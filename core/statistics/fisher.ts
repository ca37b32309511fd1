// Fisher's exact test on a table of two by two, as `scipy.stats.fisher_exact` does it.
import { logBinomial } from "./gamma.ts"
import type { Alternative } from "./kolmogorov-smirnov.ts"
import { StatisticUndefined } from "./undefined.ts"

export interface Fisher {
  /** The sample odds ratio a·d/(b·c); NaN where a row or column is empty. */
  readonly oddsRatio: number
  readonly pvalue: number
}

/** Two-sided: a table is no more probable than the observed one within this relative slack. */
const SLACK = 1 + 1e-11

/** The hypergeometric probabilities of the first cell from `low` on, by ratios from the mode. */
const hypergeometric = (row: number, rest: number, column: number) => {
  const low = Math.max(0, column - rest)
  const high = Math.min(row, column)
  const mode = Math.floor(((row + 1) * (column + 1)) / (row + rest + 2))
  const peak = Math.min(high, Math.max(low, mode))
  const mass = new Float64Array(high - low + 1)
  mass[peak - low] = Math.exp(
    logBinomial(row, peak) + logBinomial(rest, column - peak) - logBinomial(row + rest, column),
  )
  for (let k = peak + 1; k <= high; k++)
    mass[k - low] =
      (mass[k - low - 1]! * (row - k + 1) * (column - k + 1)) / (k * (rest - column + k))
  for (let k = peak - 1; k >= low; k--)
    mass[k - low] =
      (mass[k - low + 1]! * (k + 1) * (rest - column + k + 1)) / ((row - k) * (column - k))
  return { low, mass }
}

/** p of the table [[a, b], [c, d]]; `greater` tests an odds ratio above one. */
export const fisherExact = (
  a: number,
  b: number,
  c: number,
  d: number,
  alternative: Alternative = "two-sided",
): Fisher => {
  if ([a, b, c, d].some((count) => !(count >= 0) || !Number.isInteger(count)))
    throw new StatisticUndefined({ statistic: "Fisher", reason: "counts must be whole and ≥ 0" })
  if (a + b === 0 || c + d === 0 || a + c === 0 || b + d === 0) return { oddsRatio: NaN, pvalue: 1 }
  const oddsRatio = b > 0 && c > 0 ? (a * d) / (b * c) : Infinity
  const { low, mass } = hypergeometric(a + b, c + d, a + c)
  const observed = mass[a - low]! * SLACK
  const counts = {
    less: (k: number) => k <= a,
    greater: (k: number) => k >= a,
    "two-sided": (k: number) => mass[k - low]! <= observed,
  }[alternative]
  let pvalue = 0
  for (let i = 0; i < mass.length; i++) if (counts(low + i)) pvalue += mass[i]!
  return { oddsRatio, pvalue: Math.min(1, pvalue) }
}
