// The two-sample Cramér-von Mises test as `scipy.stats.cramervonmises_2samp` does it: exact by
// counting lattice paths for small samples, else the limiting law. It refuses NaN.
import { besselKScaled } from "./bessel.ts"
import { binomial, logGamma } from "./gamma.ts"
import { requireNumbers, StatisticUndefined } from "./undefined.ts"

export interface CramerVonMises {
  readonly statistic: number
  readonly pvalue: number
  readonly method: "exact" | "asymptotic"
}

/** `auto` counts exactly while both samples are at most this long, in rows. */
const EXACT_ROWS_MAX = 20
const ROWS_MIN = 2
/** Terms of the limiting law below this are left out, as in SciPy. */
const TERM_MIN = 1e-7

/** P(T ≤ t) of the limiting law (Csörgő & Faraway 1996, equation 1.3). */
export const cramerVonMisesLimit = (t: number): number => {
  if (t < 0.003) return 0
  let sum = 0
  for (let k = 0; ; k++) {
    const y = 4 * k + 1
    const q = (y * y) / (16 * t)
    const weight = Math.exp(logGamma(k + 0.5) - logGamma(k + 1)) / (Math.PI ** 1.5 * Math.sqrt(t))
    const term = weight * Math.sqrt(y) * Math.exp(-2 * q) * besselKScaled(0.25, q)
    sum += term
    if (term < TERM_MIN) return Math.min(1, sum)
  }
}

interface Frequencies {
  readonly values: Float64Array
  readonly counts: Float64Array
}

/** Distinct values that counting may hold in one table: 64 MiB. */
const VALUES_MAX = 4_194_304

const NONE: Frequencies = { values: new Float64Array(0), counts: new Float64Array(0) }

/** The union of two sorted frequency tables with every value moved by `shift`. */
const merge = (a: Frequencies, b: Frequencies, shift: number): Frequencies => {
  if (a.values.length + b.values.length > VALUES_MAX)
    throw new StatisticUndefined({
      statistic: "exact Cramér-von Mises",
      reason: "the samples are too large to count",
    })
  const values = new Float64Array(a.values.length + b.values.length)
  const counts = new Float64Array(values.length)
  let i = 0
  let j = 0
  let size = 0
  while (i < a.values.length || j < b.values.length) {
    const left = i < a.values.length ? a.values[i]! : Infinity
    const right = j < b.values.length ? b.values[j]! : Infinity
    values[size] = Math.min(left, right) + shift
    counts[size++] = (left <= right ? a.counts[i++]! : 0) + (right <= left ? b.counts[j++]! : 0)
  }
  return { values: values.slice(0, size), counts: counts.slice(0, size) }
}

/** P(U ≥ u) over all paths, by the recursion of Xiao, Gordon & Yakovlev (2006). */
const exactTail = (u: number, m: number, n: number): number => {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
  const lcm = (m / gcd(m, n)) * n
  const product = m * n
  const least = Math.floor(
    (lcm ** 2 * (m + n) * (6 * u - product * (4 * product - 1))) / (6 * product ** 2),
  )
  const one: Frequencies = { values: new Float64Array([0]), counts: new Float64Array([1]) }
  let row: ReadonlyArray<Frequencies> = [one, ...Array.from({ length: m }, () => NONE)]
  for (let b = 0; b <= n; b++) {
    let left = NONE
    row = row.map((above, a) => {
      left = merge(left, above, ((lcm / m) * a - (lcm / n) * b) ** 2)
      return left
    })
  }
  const { values, counts } = row[m]!
  let extreme = 0
  for (let i = 0; i < values.length; i++) if (values[i]! >= least) extreme += counts[i]!
  return extreme / binomial(m + n, m)
}

/** n·Σ(rank x_i - i)² + m·Σ(rank y_j - j)² with midranks in the pooled sample. */
const rankDistance = (x: Float64Array, y: Float64Array): number => {
  let sumX = 0
  let sumY = 0
  let i = 0
  let j = 0
  while (i < x.length || j < y.length) {
    const value = Math.min(i < x.length ? x[i]! : Infinity, j < y.length ? y[j]! : Infinity)
    const startX = i
    const startY = j
    while (i < x.length && x[i] === value) i++
    while (j < y.length && y[j] === value) j++
    const rank = startX + startY + (i - startX + j - startY + 1) / 2
    for (let k = startX; k < i; k++) sumX += (rank - k - 1) ** 2
    for (let k = startY; k < j; k++) sumY += (rank - k - 1) ** 2
  }
  return x.length * sumX + y.length * sumY
}

/** The test on samples sorted ascending without NaN, which the caller vouches for. */
export const cramerVonMisesSorted = (
  x: Float64Array,
  y: Float64Array,
  method: "auto" | "exact" | "asymptotic" = "auto",
): CramerVonMises => {
  const n = x.length
  const m = y.length
  if (Math.min(n, m) < ROWS_MIN)
    throw new StatisticUndefined({
      statistic: "Cramér-von Mises",
      reason: `both samples need ${ROWS_MIN} rows, they have ${n} and ${m}`,
    })
  const u = rankDistance(x, y)
  const product = n * m
  const total = n + m
  const statistic = u / (product * total) - (4 * product - 1) / (6 * total)
  if (method === "exact" || (method === "auto" && Math.max(n, m) <= EXACT_ROWS_MAX))
    return { statistic, pvalue: exactTail(u, n, m), method: "exact" }
  const mean = (1 + 1 / total) / 6
  const variance =
    ((total + 1) * (4 * product * total - 3 * (n * n + m * m) - 2 * product)) /
    (45 * total ** 2 * 4 * product)
  const standard = 1 / 6 + (statistic - mean) / Math.sqrt(45 * variance)
  const pvalue = Math.max(0, 1 - cramerVonMisesLimit(standard))
  return { statistic, pvalue, method: "asymptotic" }
}

/** The test on samples in any order; throws `StatisticUndefined` on NaN or fewer than two rows. */
export const cramerVonMises = (
  x: Float64Array,
  y: Float64Array,
  method: "auto" | "exact" | "asymptotic" = "auto",
): CramerVonMises => {
  requireNumbers("Cramér-von Mises", "the first sample", x)
  requireNumbers("Cramér-von Mises", "the second sample", y)
  return cramerVonMisesSorted(x.toSorted(), y.toSorted(), method)
}
