// The k-sample Anderson-Darling test of Scholz & Stephens (1987) as `scipy.stats.anderson_ksamp`
// 1.17 does it: three variants of the statistic, p interpolated between 0.001 and 0.25 or counted
// over splits of the pooled sample.
import { requireNumbers, StatisticUndefined } from "./undefined.ts"

export type AndersonDarlingVariant = "midrank" | "right" | "continuous"

export interface AndersonDarling {
  /** (A² - (k - 1))/σ. */
  readonly statistic: number
  readonly pvalue: number
  /** `high` where p is truly above 0.25, `low` where it is truly below 0.001. */
  readonly capped: "high" | "low" | null
  /** At the significance levels 25, 10, 5, 2.5, 1, 0.5 and 0.1 %. */
  readonly criticalValues: ReadonlyArray<number>
}

const SIGNIFICANCES = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001] as const
const B0 = [0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085] as const
const B1 = [-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615] as const
const B2 = [-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154] as const
/** The variance of the statistic divides by N - 3. */
const POOLED_ROWS_MIN = 4

const NAME = "Anderson-Darling"

export const pool = (samples: ReadonlyArray<Float64Array>): Float64Array => {
  const pooled = new Float64Array(samples.reduce((rows, one) => rows + one.length, 0))
  let at = 0
  for (const one of samples) {
    pooled.set(one, at)
    at += one.length
  }
  return pooled.sort()
}

/** ∑ over distinct pooled values of the squared distance of one sorted sample, by its variant. */
const distance = (sorted: Float64Array, pooled: Float64Array, midrank: boolean): number => {
  const total = pooled.length
  const size = sorted.length
  let sum = 0
  let below = 0
  let i = 0
  while (below < total) {
    const value = pooled[below]!
    let end = below + 1
    while (end < total && pooled[end] === value) end++
    const start = i
    while (i < size && sorted[i] === value) i++
    const ties = end - below
    if (midrank) {
      const rank = below + ties / 2
      const gap = total * (i - (i - start) / 2) - size * rank
      sum += ((ties / total) * gap * gap) / (rank * (total - rank) - (total * ties) / 4)
    } else if (end < total) {
      const gap = total * i - size * end
      sum += ((ties / total) * gap * gap) / (end * (total - end))
    }
    below = end
  }
  return sum / size
}

/** Every pooled value but the last as a step of its own, ties not joined (equation 3). */
const distanceContinuous = (sorted: Float64Array, pooled: Float64Array): number => {
  const total = pooled.length
  const size = sorted.length
  let sum = 0
  let i = 0
  for (let j = 1; j < total; j++) {
    while (i < size && sorted[i]! <= pooled[j - 1]!) i++
    const gap = total * i - j * size
    sum += (gap * gap) / (j * (total - j))
  }
  return sum / size / total
}

/**
 * The same for two samples in one walk over both: their distances differ in sign only, so each is
 * weighted by 1/n + 1/m.
 */
const distanceOfTwo = (x: Float64Array, y: Float64Array, midrank: boolean): number => {
  const n = x.length
  const m = y.length
  const total = n + m
  let sum = 0
  let i = 0
  let j = 0
  while (i < n || j < m) {
    const a = i < n ? x[i]! : Infinity
    const b = j < m ? y[j]! : Infinity
    const value = a < b ? a : b
    const startX = i
    const startY = j
    while (i < n && x[i] === value) i++
    while (j < m && y[j] === value) j++
    const ties = i - startX + j - startY
    if (midrank) {
      const rank = startX + startY + ties / 2
      const gap = total * ((startX + i) / 2) - n * rank
      sum += (ties * gap * gap) / (rank * (total - rank) - (total * ties) / 4)
    } else if (i + j < total) {
      const gap = total * i - n * (i + j)
      sum += (ties * gap * gap) / ((i + j) * (total - i - j))
    }
  }
  return (sum / total) * (1 / n + 1 / m)
}

/** A² itself, of samples sorted ascending; their sorted union is asked for only where needed. */
export const rawStatistic = (
  samples: ReadonlyArray<Float64Array>,
  total: number,
  variant: AndersonDarlingVariant,
  pooled: () => Float64Array,
): number => {
  const [x, y] = samples
  let sum = 0
  if (x !== undefined && y !== undefined && samples.length === 2 && variant !== "continuous")
    sum = distanceOfTwo(x, y, variant === "midrank")
  else {
    const union = pooled()
    for (const sorted of samples)
      sum +=
        variant === "continuous"
          ? distanceContinuous(sorted, union)
          : distance(sorted, union, variant === "midrank")
  }
  return variant === "midrank" ? (sum * (total - 1)) / total : sum
}

let harmonics = { total: 0, h: 0, g: 0 }

/** Σ 1/i and Σ Σ 1/((N-i)j) of equation 4; those of the last size are kept, windows repeat it. */
const harmonicSums = (total: number) => {
  if (harmonics.total === total) return harmonics
  let h = 0
  let g = 0
  for (let j = 2; j < total; j++) {
    h += 1 / (total - j + 1)
    g += h / j
  }
  harmonics = { total, h: h + 1, g }
  return harmonics
}

/** The standard deviation of A² under the null hypothesis (equation 4). */
const deviation = (samples: ReadonlyArray<Float64Array>, total: number): number => {
  const k = samples.length
  let inverses = 0
  for (const one of samples) inverses += 1 / one.length
  const { h, g } = harmonicSums(total)
  const a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverses
  const b = (2 * g - 4) * k ** 2 + 8 * h * k + (2 * g - 14 * h - 4) * inverses - 8 * h + 4 * g - 6
  const c = (6 * h + 2 * g - 2) * k ** 2 + (4 * h - 4 * g + 6) * k + (2 * h - 6) * inverses + 4 * h
  const d = (2 * h + 6) * k ** 2 - 4 * h * k
  const variance =
    (a * total ** 3 + b * total ** 2 + c * total + d) / ((total - 1) * (total - 2) * (total - 3))
  return Math.sqrt(variance)
}

/**
 * The value at `at` of the least-squares parabola through (x, y), on polynomials orthogonal over x
 * (Forsythe 1957), which needs no matrix.
 */
const quadraticFit = (x: ReadonlyArray<number>, y: ReadonlyArray<number>, at: number): number => {
  const mean = x.reduce((sum, one) => sum + one, 0) / x.length
  const first = (one: number) => one - mean
  const norm = x.reduce((sum, one) => sum + first(one) ** 2, 0)
  const slope = x.reduce((sum, one) => sum + first(one) ** 3, 0) / norm
  const second = (one: number) => first(one) * (first(one) - slope) - norm / x.length
  let fit = 0
  for (const basis of [() => 1, first, second]) {
    let along = 0
    let length = 0
    for (let i = 0; i < x.length; i++) {
      along += basis(x[i]!) * y[i]!
      length += basis(x[i]!) ** 2
    }
    fit += (along / length) * basis(at)
  }
  return fit
}

const refuse = (reason: string): never => {
  throw new StatisticUndefined({ statistic: NAME, reason })
}

/** The test on samples sorted ascending without NaN, which the caller vouches for. */
export const andersonDarlingSorted = (
  samples: ReadonlyArray<Float64Array>,
  variant: AndersonDarlingVariant = "midrank",
): AndersonDarling => {
  if (samples.length < 2) refuse("at least two samples are needed")
  if (samples.some((one) => one.length === 0)) refuse("a sample is empty")
  const total = samples.reduce((rows, one) => rows + one.length, 0)
  const least = samples.reduce((min, one) => Math.min(min, one[0]!), Infinity)
  if (samples.every((one) => one.at(-1) === least)) refuse("all observations are equal")
  if (total < POOLED_ROWS_MIN) refuse(`fewer than ${POOLED_ROWS_MIN} observations in all`)
  const m = samples.length - 1
  const raw = rawStatistic(samples, total, variant, () => pool(samples))
  const statistic = (raw - m) / deviation(samples, total)
  const criticalValues = B0.map((b0, i) => b0 + B1[i]! / Math.sqrt(m) + B2[i]! / m)
  if (statistic < criticalValues[0]!)
    return { statistic, pvalue: 0.25, capped: "high", criticalValues }
  if (statistic > criticalValues.at(-1)!)
    return { statistic, pvalue: 0.001, capped: "low", criticalValues }
  const pvalue = Math.exp(quadraticFit(criticalValues, SIGNIFICANCES.map(Math.log), statistic))
  return { statistic, pvalue, capped: null, criticalValues }
}

/** The test on samples in any order; throws `StatisticUndefined` where it has no value. */
export const andersonDarling = (
  samples: ReadonlyArray<Float64Array>,
  variant: AndersonDarlingVariant = "midrank",
): AndersonDarling => {
  samples.forEach((one, i) => requireNumbers(NAME, `sample ${i + 1}`, one))
  return andersonDarlingSorted(
    samples.map((one) => one.toSorted()),
    variant,
  )
}
