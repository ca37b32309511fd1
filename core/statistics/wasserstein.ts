// Distances between the empirical distributions of two samples: Wasserstein (earth mover's) and
// energy, as `scipy.stats` has them, and Evidently's normed form. They refuse NaN.
import { requireNumbers, StatisticUndefined } from "./undefined.ts"

/** Evidently divides by no less than this, in units of the feature. */
const DEVIATION_MIN = 0.001

/** Values sorted ascending with the weights that belong to them; absent weights count one each. */
interface Weighted {
  readonly values: Float64Array
  readonly weights: Float64Array | undefined
  readonly total: number
}

const weighted = (values: Float64Array, weights: Float64Array | undefined): Weighted => {
  if (weights === undefined) return { values: values.toSorted(), weights, total: values.length }
  const total = weights.reduce((sum, one) => sum + one, 0)
  if (weights.length !== values.length || !(total > 0) || weights.some((one) => one < 0))
    throw new StatisticUndefined({
      statistic: "Wasserstein",
      reason: "weights must be one per row, none negative, and not all zero",
    })
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!)
  return {
    values: Float64Array.from(order, (i) => values[i]!),
    weights: Float64Array.from(order, (i) => weights[i]!),
    total,
  }
}

/** ∫ |F1 - F2|^power over the line. */
const integral = (x: Weighted, y: Weighted, power: 1 | 2): number => {
  let sum = 0
  let i = 0
  let j = 0
  let massX = 0
  let massY = 0
  let previous = Math.min(x.values[0]!, y.values[0]!)
  while (i < x.values.length || j < y.values.length) {
    const a = i < x.values.length ? x.values[i]! : Infinity
    const b = j < y.values.length ? y.values[j]! : Infinity
    const value = a < b ? a : b
    if (value > previous) {
      const gap = Math.abs(massX / x.total - massY / y.total)
      sum += (power === 1 ? gap : gap * gap) * (value - previous)
      previous = value
    }
    if (a <= b) massX += x.weights === undefined ? 1 : x.weights[i]!
    else massY += y.weights === undefined ? 1 : y.weights[j]!
    if (a <= b) i++
    else j++
  }
  return sum
}

const distance = (
  x: Float64Array,
  y: Float64Array,
  power: 1 | 2,
  weightsX: Float64Array | undefined,
  weightsY: Float64Array | undefined,
): number => {
  requireNumbers("Wasserstein", "the first sample", x)
  requireNumbers("Wasserstein", "the second sample", y)
  return integral(weighted(x, weightsX), weighted(y, weightsY), power)
}

/** W1 in units of the feature: the area between the two empirical distribution functions. */
export const wasserstein = (
  x: Float64Array,
  y: Float64Array,
  weightsX?: Float64Array,
  weightsY?: Float64Array,
): number => distance(x, y, 1, weightsX, weightsY)

const unweighted = (values: Float64Array): Weighted => ({
  values,
  weights: undefined,
  total: values.length,
})

/** W1 of samples sorted ascending without NaN, which the caller vouches for. */
export const wassersteinSorted = (x: Float64Array, y: Float64Array): number =>
  integral(unweighted(x), unweighted(y), 1)

/** The energy distance of samples sorted ascending without NaN, which the caller vouches for. */
export const energyDistanceSorted = (x: Float64Array, y: Float64Array): number =>
  Math.sqrt(2 * integral(unweighted(x), unweighted(y), 2))

/** The energy distance √(2·∫(F1 - F2)²) (Székely 2002), in the root of the feature's unit. */
export const energyDistance = (
  x: Float64Array,
  y: Float64Array,
  weightsX?: Float64Array,
  weightsY?: Float64Array,
): number => Math.sqrt(2 * distance(x, y, 2, weightsX, weightsY))

/** Population standard deviation (divisor n), in two passes. */
export const deviation = (values: Float64Array): number => {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length
  const squares = values.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  return Math.sqrt(squares / values.length)
}

/** W1 over the reference's standard deviation, as Evidently's `wasserstein`: without unit. */
export const wassersteinNormed = (reference: Float64Array, window: Float64Array): number =>
  wasserstein(reference, window) / Math.max(deviation(reference), DEVIATION_MIN)

/** The same of samples sorted ascending without NaN, which the caller vouches for. */
export const wassersteinNormedSorted = (reference: Float64Array, window: Float64Array): number =>
  wassersteinSorted(reference, window) / Math.max(deviation(reference), DEVIATION_MIN)
