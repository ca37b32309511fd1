// The population stability index Σ(r - c)·ln(r/c), over bins fixed by the reference's quantiles as
// industry uses it, or over Evidently's bins (see profile-evidently.ts).
import { floorShares, histogramOpen, quantileEdges, shares } from "./histogram.ts"
import { requireNumbers } from "./undefined.ts"

export const STABILITY_BINS = 10

/** The index of two vectors of shares without zeros. */
export const stabilityIndex = (reference: Float64Array, window: Float64Array): number =>
  reference.reduce((sum, r, i) => sum + (r - window[i]!) * Math.log(r / window[i]!), 0)

export interface QuantileStability {
  readonly psi: number
  readonly innerEdges: Float64Array
  readonly referenceShares: Float64Array
  readonly windowShares: Float64Array
}

/** The index over deciles (or `bins` parts) of the reference, shares floored at 0.0001. */
export const populationStability = (
  reference: Float64Array,
  window: Float64Array,
  bins = STABILITY_BINS,
): QuantileStability => {
  requireNumbers("PSI", "the window", window)
  const innerEdges = quantileEdges(reference, bins)
  const referenceShares = shares(histogramOpen(reference, innerEdges))
  const windowShares = shares(histogramOpen(window, innerEdges))
  const psi = stabilityIndex(floorShares(referenceShares), floorShares(windowShares))
  return { psi, innerEdges, referenceShares, windowShares }
}
