// Maximum mean discrepancy of two tables with Gaussian kernels and a permutation test, as Alibi
// Detect defines it: unbiased, median heuristic on the reference alone. In float64; for the same
// test as one ONNX graph see mmd-graph.ts.
import { requireComparable, type Rows } from "./rows.ts"
import { seededRandom, permutation } from "./seeded-random.ts"
import { selectInPlace } from "./selection.ts"

/** Squared distances are no smaller than this, so that equal rows still have a bandwidth. */
const SQUARED_DISTANCE_MIN = 1e-30
export const PERMUTATIONS = 100

/** A reference with everything that stays the same from window to window. */
export interface MmdReference {
  readonly rows: Rows
  readonly sigmas: ReadonlyArray<number>
  /** Kernel of the pairs i < j, packed row by row. */
  readonly kernel: Float64Array
  /** Per row, the kernel summed over all other reference rows. */
  readonly sums: Float64Array
}

export interface Mmd {
  /** Unbiased MMD², which may be negative. */
  readonly distance: number
  readonly pvalue: number
  /** What the distance had to exceed: the permuted distance of rank alpha. */
  readonly threshold: number
  readonly drift: boolean
  readonly sigmas: ReadonlyArray<number>
  readonly permuted: Float64Array
}

export interface MmdOptions {
  readonly alpha?: number
  /** `alibi` is the share of permutations at least as large; `valid` counts the observed one too. */
  readonly pvalues?: "alibi" | "valid"
}

const squaredDistance = (a: Rows, i: number, b: Rows, j: number): number => {
  const { width } = a
  let sum = 0
  let p = i * width
  let q = j * width
  for (const end = p + width; p < end; p++, q++) {
    const gap = a.values[p]! - b.values[q]!
    sum += gap * gap
  }
  return sum < SQUARED_DISTANCE_MIN ? SQUARED_DISTANCE_MIN : sum
}

/** exp(-d²/(2σ²)), the mean over several bandwidths. */
export const gaussianKernel = (squared: number, sigmas: ReadonlyArray<number>): number => {
  let sum = 0
  for (const sigma of sigmas) sum += Math.exp(-squared / (2 * sigma * sigma))
  return sum / sigmas.length
}

/**
 * σ = √(½·d²) at element n + ⌊(n² - n)/2⌋ - 1 of the sorted n×n squared distances, diagonal
 * included: close to the median distance between two rows.
 */
export const medianBandwidth = (reference: Rows): number => {
  const n = reference.count
  const squared = new Float64Array((n * (n - 1)) / 2)
  let at = 0
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) squared[at++] = squaredDistance(reference, i, reference, j)
  // Off the diagonal every distance stands twice, so half the rank finds it among the pairs.
  const rank = Math.floor((squared.length - 1) / 2)
  return Math.sqrt(0.5 * selectInPlace(squared, rank))
}

const packedKernel = (rows: Rows, sigmas: ReadonlyArray<number>) => {
  const n = rows.count
  const kernel = new Float64Array((n * (n - 1)) / 2)
  const sums = new Float64Array(n)
  let at = 0
  for (let i = 0; i < n; i++) {
    let sum = 0
    for (let j = i + 1; j < n; j++) {
      const value = gaussianKernel(squaredDistance(rows, i, rows, j), sigmas)
      kernel[at++] = value
      sums[j]! += value
      sum += value
    }
    sums[i]! += sum
  }
  return { kernel, sums }
}

/** Prepares a reference once; bandwidths by the median heuristic unless they are given. */
export const mmdReference = (rows: Rows, sigmas?: ReadonlyArray<number>): MmdReference => {
  requireComparable("MMD", rows, rows)
  const bandwidths = sigmas ?? [medianBandwidth(rows)]
  return { rows, sigmas: bandwidths, ...packedKernel(rows, bandwidths) }
}

/** Orders of the pooled rows: the first `reference` entries of each play the reference. */
export const drawPermutations = (
  pooled: number,
  count: number,
  seed: number,
): ReadonlyArray<Uint32Array> => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => permutation(pooled, random))
}

/** The kernel of the pooled rows in three blocks, and its sums without the diagonal. */
const pooledKernel = (reference: MmdReference, window: Rows) => {
  const { rows, sigmas } = reference
  const n = rows.count
  const m = window.count
  const cross = new Float64Array(n * m)
  const sums = new Float64Array(n + m)
  const inner = packedKernel(window, sigmas)
  sums.set(reference.sums)
  sums.set(inner.sums, n)
  for (let i = 0; i < n; i++) {
    let sum = 0
    for (let j = 0; j < m; j++) {
      const value = gaussianKernel(squaredDistance(rows, i, window, j), sigmas)
      cross[i * m + j] = value
      sums[n + j]! += value
      sum += value
    }
    sums[i]! += sum
  }
  return { n, m, kernel: reference.kernel, cross, inner: inner.kernel, sums }
}

type PooledKernel = ReturnType<typeof pooledKernel>

const packedSum = (
  kernel: Float64Array,
  size: number,
  members: Uint32Array,
  from: number,
  to: number,
  offset: number,
): number => {
  let sum = 0
  for (let a = from; a < to; a++) {
    const i = members[a]! - offset
    const row = (i * (2 * size - i - 1)) / 2 - i - 1 - offset
    for (let b = a + 1; b < to; b++) sum += kernel[row + members[b]!]!
  }
  return sum
}

/** ∑ of the kernel over all ordered pairs of different members, which are sorted ascending. */
const within = ({ n, m, kernel, cross, inner }: PooledKernel, members: Uint32Array): number => {
  let split = 0
  while (split < members.length && members[split]! < n) split++
  const end = members.length
  let sum = packedSum(kernel, n, members, 0, split, 0)
  sum += packedSum(inner, m, members, split, end, n)
  for (let a = 0; a < split; a++) {
    const row = members[a]! * m - n
    for (let b = split; b < end; b++) sum += cross[row + members[b]!]!
  }
  return 2 * sum
}

/**
 * MMD² when `members` play one side, by the indicator trick: with K's sums known, only the pairs
 * inside the smaller side must be visited.
 */
const discrepancy = (pooled: PooledKernel, total: number, members: Uint32Array): number => {
  const { n, m, sums } = pooled
  const size = members.length
  const others = n + m - size
  let reach = 0
  for (const i of members) reach += sums[i]!
  const inside = within(pooled, members)
  const between = reach - inside
  const outside = total - 2 * between - inside
  return (
    inside / (size * (size - 1)) +
    outside / (others * (others - 1)) -
    (2 * between) / (size * others)
  )
}

/** p-value, threshold and verdict of an observed distance among permuted ones. */
export const judgeMmd = (
  distance: number,
  permuted: Float64Array,
  { alpha = 0.05, pvalues = "valid" }: MmdOptions,
) => {
  const count = permuted.length
  let extreme = 0
  for (const one of permuted) if (one >= distance) extreme++
  const pvalue = pvalues === "alibi" ? extreme / count : (extreme + 1) / (count + 1)
  const threshold = permuted.toSorted()[count - 1 - Math.floor(alpha * count)] ?? NaN
  return { distance, pvalue, threshold, drift: pvalue < alpha, permuted }
}

/** The test of a window against a prepared reference over the permutations given. */
export const mmd = (
  reference: MmdReference,
  window: Rows,
  permutations: ReadonlyArray<Uint32Array>,
  options: MmdOptions = {},
): Mmd => {
  requireComparable("MMD", reference.rows, window)
  const pooled = pooledKernel(reference, window)
  const { n, m } = pooled
  const total = pooled.sums.reduce((sum, one) => sum + one, 0)
  const smaller = (order: Uint32Array) => (m <= n ? order.slice(n) : order.slice(0, n)).sort()
  const observed = Uint32Array.from({ length: n + m }, (_, i) => i)
  const distance = discrepancy(pooled, total, smaller(observed))
  const permuted = Float64Array.from(permutations, (order) =>
    discrepancy(pooled, total, smaller(order)),
  )
  return { ...judgeMmd(distance, permuted, options), sigmas: reference.sigmas }
}
