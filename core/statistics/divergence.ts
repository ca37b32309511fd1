// Distances between two vectors of shares over the same bins. How values were put in the bins is
// the caller's choice; vectors of counts are normalised first.
import { shares } from "./histogram.ts"
import { StatisticUndefined } from "./undefined.ts"

const pair = (statistic: string, p: Float64Array, q: Float64Array) => {
  if (p.length !== q.length || p.length === 0)
    throw new StatisticUndefined({ statistic, reason: `${p.length} and ${q.length} bins` })
  return { p: shares(p), q: shares(q) }
}

const relativeEntropy = (p: number, q: number): number => {
  if (p === 0) return 0
  return q === 0 ? Infinity : p * Math.log(p / q)
}

/** Kullback-Leibler divergence Σ p·ln(p/q) in nats; infinite where q is empty and p is not. */
export const kullbackLeibler = (counts1: Float64Array, counts2: Float64Array): number => {
  const { p, q } = pair("Kullback-Leibler", counts1, counts2)
  return p.reduce((sum, one, i) => sum + relativeEntropy(one, q[i]!), 0)
}

/**
 * Jensen-Shannon distance, the root of the divergence, as `scipy.spatial.distance.jensenshannon`;
 * natural logarithm unless a base is given (base 2 makes it 0 to 1).
 */
export const jensenShannon = (
  counts1: Float64Array,
  counts2: Float64Array,
  base: number = Math.E,
): number => {
  const { p, q } = pair("Jensen-Shannon", counts1, counts2)
  let sum = 0
  for (let i = 0; i < p.length; i++) {
    const middle = (p[i]! + q[i]!) / 2
    sum += relativeEntropy(p[i]!, middle) + relativeEntropy(q[i]!, middle)
  }
  return Math.sqrt(Math.max(0, sum / Math.log(base) / 2))
}

/** Hellinger distance √(1 - Σ√(p·q)), 0 to 1. */
export const hellinger = (counts1: Float64Array, counts2: Float64Array): number => {
  const { p, q } = pair("Hellinger", counts1, counts2)
  const affinity = p.reduce((sum, one, i) => sum + Math.sqrt(one * q[i]!), 0)
  return Math.sqrt(1 - Math.min(1, affinity))
}

/** Total variation distance ½·Σ|p - q|, 0 to 1. */
export const totalVariation = (counts1: Float64Array, counts2: Float64Array): number => {
  const { p, q } = pair("total variation", counts1, counts2)
  return p.reduce((sum, one, i) => sum + Math.abs(one - q[i]!), 0) / 2
}

/** The largest difference of any one share, 0 to 1 (the L-infinity of TFDV and NannyML). */
export const largestShift = (counts1: Float64Array, counts2: Float64Array): number => {
  const { p, q } = pair("L-infinity", counts1, counts2)
  return p.reduce((most, one, i) => Math.max(most, Math.abs(one - q[i]!)), 0)
}
