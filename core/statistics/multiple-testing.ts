// Decides over several p-values at once so that many features do not mean many false alarms.

export interface Correction {
  readonly drift: boolean
  /** What a p-value had to be below. */
  readonly threshold: number
}

/** Bonferroni: drift when any p is below alpha divided by the number of tests. */
export const bonferroni = (pvalues: ArrayLike<number>, alpha: number): Correction => {
  const threshold = alpha / pvalues.length
  return { drift: Array.prototype.some.call(pvalues, (p: number) => p < threshold), threshold }
}

export interface FalseDiscovery extends Correction {
  /** q·i/F for i = 1 to F: what the sorted p-values were compared with. */
  readonly thresholds: Float64Array
}

/**
 * Benjamini & Hochberg (1995) with a strict comparison: the largest sorted p below its q·i/F sets
 * the threshold; where there is none, the threshold is 0.
 */
export const benjaminiHochberg = (pvalues: ArrayLike<number>, q: number): FalseDiscovery => {
  const sorted = Float64Array.from(pvalues).sort()
  const thresholds = sorted.map((_, i) => (q * (i + 1)) / sorted.length)
  let last = -1
  for (let i = 0; i < sorted.length; i++) if (sorted[i]! < thresholds[i]!) last = i
  return { drift: last >= 0, threshold: last >= 0 ? thresholds[last]! : 0, thresholds }
}
