// The two-sample Kolmogorov-Smirnov test as `scipy.stats.ks_2samp` 1.17 does it: statistic with
// sign and location, exact and asymptotic p-values, one- and two-sided. It refuses NaN.
import { logBinomial } from "./gamma.ts"
import {
  exactBand,
  exactEqualSizes,
  exactEqualSizesOneSided,
  pathsFitDouble,
} from "./kolmogorov-exact.ts"
import { kolmogorovTail } from "./kolmogorov.ts"
import { requireNumbers } from "./undefined.ts"

export type Alternative = "two-sided" | "less" | "greater"
export type KolmogorovSmirnovMethod = "auto" | "exact" | "asymptotic"

export interface KolmogorovSmirnov {
  /** The largest distance between the two empirical distribution functions, 0 to 1. */
  readonly statistic: number
  readonly pvalue: number
  /** The first pooled value at which that distance is attained. */
  readonly location: number
  /** +1 where the first sample's distribution function is the higher one, else -1. */
  readonly sign: 1 | -1
  /** Which law gave the p-value: exact counting is given up where it overflows, as in SciPy. */
  readonly method: "exact" | "asymptotic"
}

export interface KolmogorovSmirnovOptions {
  readonly alternative?: Alternative
  readonly method?: KolmogorovSmirnovMethod
}

/** `auto` counts exactly while both samples are at most this long, in rows. */
const EXACT_ROWS_MAX = 10_000
const INT32_MAX = 2 ** 31 - 1

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b)

const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x)
  if (x - floor !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}

/** Largest F1 - F2 and F2 - F1 over the pooled values, ties stepped together. */
const extremes = (x: Float64Array, y: Float64Array) => {
  const n = x.length
  const m = y.length
  // Where values of both samples attain an extreme, the smallest of the first sample is named.
  let highX = -Infinity
  let highXAt = 0
  let highY = -Infinity
  let highYAt = 0
  let lowX = Infinity
  let lowXAt = 0
  let lowY = Infinity
  let lowYAt = 0
  let i = 0
  let j = 0
  while (i < n || j < m) {
    const a = i < n ? x[i]! : Infinity
    const b = j < m ? y[j]! : Infinity
    const value = a < b ? a : b
    const fromX = a <= b && i < n
    while (i < n && x[i]! === value) i++
    while (j < m && y[j]! === value) j++
    const difference = i / n - j / m
    if (fromX) {
      if (difference > highX) ((highX = difference), (highXAt = value))
      if (difference < lowX) ((lowX = difference), (lowXAt = value))
    } else {
      if (difference > highY) ((highY = difference), (highYAt = value))
      if (difference < lowY) ((lowY = difference), (lowYAt = value))
    }
  }
  return {
    above: Math.max(highX, highY),
    aboveAt: highX >= highY ? highXAt : highYAt,
    below: Math.min(1, Math.max(0, -Math.min(lowX, lowY))),
    belowAt: lowX <= lowY ? lowXAt : lowYAt,
  }
}

const exact = (n: number, m: number, distance: number, alternative: Alternative) => {
  const gcd = greatestCommonDivisor(n, m)
  const lcm = (n / gcd) * m
  const h = Math.round(distance * lcm)
  const statistic = h / lcm
  const large = Math.max(n, m)
  const small = Math.min(n, m)
  if (h === 0) return { statistic, pvalue: 1 }
  if (alternative === "two-sided")
    return {
      statistic,
      pvalue: n === m ? exactEqualSizes(n, h) : exactBand(large, small, gcd, h, false),
    }
  if (n === m) return { statistic, pvalue: exactEqualSizesOneSided(n, h) }
  const countable = pathsFitDouble(logBinomial(n + m, n))
  return { statistic, pvalue: countable ? exactBand(large, small, gcd, h, true) : undefined }
}

const asymptotic = (n: number, m: number, distance: number, alternative: Alternative): number => {
  const large = Math.max(n, m)
  const small = Math.min(n, m)
  const effective = (large * small) / (large + small)
  if (alternative === "two-sided") return kolmogorovTail(distance, roundHalfEven(effective))
  const z = Math.sqrt(effective) * distance
  const skew = (large + 2 * small) / Math.sqrt(large * small * (large + small))
  return Math.exp(-2 * z * z - (2 * z * skew) / 3)
}

/**
 * The test on samples sorted ascending without NaN, which the caller vouches for: keep the
 * reference sorted and a window costs one small sort.
 */
export const kolmogorovSmirnovSorted = (
  x: Float64Array,
  y: Float64Array,
  options: KolmogorovSmirnovOptions = {},
): KolmogorovSmirnov => {
  const { alternative = "two-sided", method = "auto" } = options
  const n = x.length
  const m = y.length
  const { above, aboveAt, below, belowAt } = extremes(x, y)
  const negative = alternative === "less" || (alternative === "two-sided" && below > above)
  const sign = negative ? -1 : 1
  const location = negative ? belowAt : aboveAt
  let statistic = negative ? below : above
  const gcd = greatestCommonDivisor(n, m)
  const counts =
    method === "exact"
      ? n / gcd < INT32_MAX / (m / gcd)
      : method === "auto" && Math.max(n, m) <= EXACT_ROWS_MAX
  if (counts) {
    const counted = exact(n, m, statistic, alternative)
    statistic = counted.statistic
    if (counted.pvalue !== undefined && counted.pvalue <= 1)
      return { statistic, pvalue: counted.pvalue, location, sign, method: "exact" }
  }
  const pvalue = asymptotic(n, m, statistic, alternative)
  return { statistic, pvalue: Math.min(1, pvalue), location, sign, method: "asymptotic" }
}

/** The test on samples in any order; throws `StatisticUndefined` on an empty sample or NaN. */
export const kolmogorovSmirnov = (
  x: Float64Array,
  y: Float64Array,
  options: KolmogorovSmirnovOptions = {},
): KolmogorovSmirnov => {
  requireNumbers("Kolmogorov-Smirnov", "the first sample", x)
  requireNumbers("Kolmogorov-Smirnov", "the second sample", y)
  return kolmogorovSmirnovSorted(x.toSorted(), y.toSorted(), options)
}
