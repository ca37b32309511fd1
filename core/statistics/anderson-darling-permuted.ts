// p-values of the Anderson-Darling test by splitting the pooled sample anew, where the interpolated
// ones stop at 0.001 and 0.25: over every split, or over random ones from a seed.
import {
  andersonDarling,
  pool,
  rawStatistic,
  type AndersonDarlingVariant,
} from "./anderson-darling.ts"
import { permutation, seededRandom } from "./seeded-random.ts"
import { StatisticUndefined } from "./undefined.ts"

export interface PermutedAndersonDarling {
  readonly statistic: number
  readonly pvalue: number
  readonly splits: number
}

/** Relative slack within which a permuted statistic counts as equal to the observed one. */
const EQUAL = 100 * Number.EPSILON
/** More splits than this are not enumerated. */
const SPLITS_MAX = 2_000_000

const splitter = (samples: ReadonlyArray<Float64Array>, variant: AndersonDarlingVariant) => {
  const { statistic } = andersonDarling(samples, variant)
  const pooled = pool(samples)
  const raw = (parts: ReadonlyArray<Float64Array>) =>
    rawStatistic(parts, pooled.length, variant, () => pooled)
  const observed = raw(samples.map((one) => one.toSorted()))
  return { statistic, pooled, raw, threshold: observed - EQUAL * Math.abs(observed) }
}

/** Ways to split the pooled rows into parts of these sizes. */
const countSplits = (sizes: ReadonlyArray<number>): number => {
  let ways = 1
  let rows = 0
  for (const size of sizes)
    for (let i = 1; i <= size; i++) {
      rows += 1
      ways = (ways * rows) / i
    }
  return ways
}

/**
 * The share of all splits at least as extreme, as `anderson_ksamp(method=PermutationMethod())`
 * gives it when it can visit them all. Refuses more than two million splits.
 */
export const andersonDarlingExact = (
  samples: ReadonlyArray<Float64Array>,
  variant: AndersonDarlingVariant = "midrank",
): PermutedAndersonDarling => {
  const { statistic, pooled, raw, threshold } = splitter(samples, variant)
  const ways = countSplits(samples.map((one) => one.length))
  if (ways > SPLITS_MAX)
    throw new StatisticUndefined({
      statistic: "exact Anderson-Darling",
      reason: `more than ${SPLITS_MAX} splits`,
    })
  const parts = samples.map((one) => new Float64Array(one.length))
  const filled = samples.map(() => 0)
  let splits = 0
  let extreme = 0
  // Walking the sorted pool keeps every part of a split sorted.
  const place = (at: number): void => {
    if (at === pooled.length) {
      splits++
      if (raw(parts) >= threshold) extreme++
      return
    }
    parts.forEach((part, k) => {
      if (filled[k] === part.length) return
      part[filled[k]!] = pooled[at]!
      filled[k]! += 1
      place(at + 1)
      filled[k]! -= 1
    })
  }
  place(0)
  return { statistic, pvalue: extreme / splits, splits }
}

/** (extreme + 1)/(splits + 1) over random splits, which is valid however few they are. */
export const andersonDarlingPermuted = (
  samples: ReadonlyArray<Float64Array>,
  splits: number,
  seed: number,
  variant: AndersonDarlingVariant = "midrank",
): PermutedAndersonDarling => {
  const { statistic, pooled, raw, threshold } = splitter(samples, variant)
  const random = seededRandom(seed)
  const parts = samples.map((one) => new Float64Array(one.length))
  let extreme = 0
  for (let b = 0; b < splits; b++) {
    const order = permutation(pooled.length, random)
    let at = 0
    for (const part of parts) {
      const ranks = order.subarray(at, (at += part.length)).sort()
      for (let i = 0; i < part.length; i++) part[i] = pooled[ranks[i]!]!
    }
    if (raw(parts) >= threshold) extreme++
  }
  return { statistic, pvalue: (extreme + 1) / (splits + 1), splits }
}
