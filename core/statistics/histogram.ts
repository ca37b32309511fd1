// How values are put in bins: NumPy's equal widths by Sturges' rule, reference quantiles, and one
// bin per category. Bins only; what is computed from them is elsewhere.
import { requireNumbers } from "./undefined.ts"

export type Category = string | number | boolean

/** What a share of nothing is replaced by before a logarithm is taken of it (Evidently). */
const SHARE_MIN = 1e-4
const SHARE_MIN_DIVISOR = 1e6

/**
 * `numpy.histogram_bin_edges(values, bins="sturges")`: equal widths of range/(log2 n + 1). For a
 * feature of whole numbers NumPy 2 makes no bin narrower than 1.
 */
export const sturgesEdges = (values: Float64Array, whole = false): Float64Array => {
  requireNumbers("histogram", "the sample", values)
  let low = Infinity
  let high = -Infinity
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
  }
  const width = (high - low) / (Math.log2(values.length) + 1)
  const step = whole && width < 1 ? 1 : width
  if (low === high) {
    low -= 0.5
    high += 0.5
  }
  const bins = width === 0 ? 1 : Math.ceil((high - low) / step)
  const edges = new Float64Array(bins + 1)
  for (let i = 0; i < bins; i++) edges[i] = i * ((high - low) / bins) + low
  edges[bins] = high
  return edges
}

/** The first index whose edge is above the value (or at it, with `orEqual`). */
const firstAbove = (edges: Float64Array, value: number, orEqual: boolean): number => {
  let from = 0
  let to = edges.length
  while (from < to) {
    const middle = (from + to) >> 1
    const above = orEqual ? edges[middle]! >= value : edges[middle]! > value
    if (above) to = middle
    else from = middle + 1
  }
  return from
}

/** `numpy.histogram`: counts in [edge, next), the last bin closed; values outside are left out. */
export const histogram = (values: Float64Array, edges: Float64Array): Float64Array => {
  const bins = edges.length - 1
  const counts = new Float64Array(bins)
  for (const value of values) {
    const bin = value === edges[bins] ? bins - 1 : firstAbove(edges, value, false) - 1
    if (bin >= 0 && bin < bins) counts[bin]! += 1
  }
  return counts
}

/** `numpy.quantile` by linear interpolation, of a sample sorted ascending; 0 ≤ q ≤ 1. */
export const quantileSorted = (sorted: Float64Array, q: number): number => {
  const at = (sorted.length - 1) * q
  const below = Math.floor(at)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  const share = at - below
  // NumPy interpolates from the nearer end so that the result is monotone in q.
  return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share)
}

/** Distinct inner edges between `bins` equally filled parts of the reference. */
export const quantileEdges = (reference: Float64Array, bins: number): Float64Array => {
  requireNumbers("quantiles", "the reference", reference)
  const sorted = reference.toSorted()
  const edges = Array.from({ length: bins + 1 }, (_, i) => quantileSorted(sorted, i / bins))
  return Float64Array.from(new Set(edges)).sort().slice(1, -1)
}

/** Counts in right-closed bins with open ends: the bin of v is the count of inner edges below. */
export const histogramOpen = (values: Float64Array, innerEdges: Float64Array): Float64Array => {
  const counts = new Float64Array(innerEdges.length + 1)
  for (const value of values) counts[firstAbove(innerEdges, value, true)]! += 1
  return counts
}

/** Counts per value of either side, in the same order for both. */
export const countCategories = (
  reference: Iterable<Category>,
  window: Iterable<Category>,
): { keys: ReadonlyArray<Category>; reference: Float64Array; window: Float64Array } => {
  const index = new Map<Category, number>()
  const tally = (values: Iterable<Category>): ReadonlyArray<number> => {
    const counts: Array<number> = []
    for (const value of values) {
      const at = index.get(value) ?? index.size
      index.set(value, at)
      counts[at] = (counts[at] ?? 0) + 1
    }
    return counts
  }
  const first = tally(reference)
  const second = tally(window)
  const full = (counts: ReadonlyArray<number>) =>
    Float64Array.from({ length: index.size }, (_, i) => counts[i] ?? 0)
  return { keys: [...index.keys()], reference: full(first), window: full(second) }
}

/** Counts as shares of their sum. */
export const shares = (counts: Float64Array): Float64Array => {
  const total = counts.reduce((sum, one) => sum + one, 0)
  return counts.map((one) => one / total)
}

/** Empty shares filled as Evidently does: by 0.0001, or a millionth of the least share below it. */
export const fillEmpty = (given: Float64Array): Float64Array => {
  const least = given.reduce((min, one) => (one > 0 && one < min ? one : min), Infinity)
  const filler = least <= SHARE_MIN ? least / SHARE_MIN_DIVISOR : SHARE_MIN
  return given.map((one) => (one === 0 ? filler : one))
}

/** Shares no smaller than 0.0001: the usual guard of the stability index. */
export const floorShares = (given: Float64Array): Float64Array =>
  given.map((one) => Math.max(one, SHARE_MIN))
