// Maximum mean discrepancy of two tables with Gaussian kernels and a permutation test, as Alibi
// Detect defines it: unbiased, median heuristic on the reference alone. In float64; for the same
// test as one ONNX graph see mmd-graph.ts.
import { requireComparable, type Rows } from "./rows.ts"
import { choose, seededRandom } from "./seeded-random.ts"
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
  /** `alibi`: the share of permutations at least as large; `valid` counts the observed one too. */
  readonly pvalues?: "alibi" | "valid"
}

/** Squared distances from row i of `a` to rows `from` and later of `b`, written from `at` on. */
const squaredDistances = (
  a: Rows,
  i: number,
  b: Rows,
  from: number,
  out: Float64Array,
  at: number,
): void => {
  const { width } = a
  const row = a.values.subarray(i * width, (i + 1) * width)
  const { values } = b
  let q = from * width
  for (let j = from; j < b.count; j++) {
    let sum = 0
    for (let k = 0; k < width; k++) {
      const gap = row[k]! - values[q++]!
      sum += gap * gap
    }
    out[at++] = sum < SQUARED_DISTANCE_MIN ? SQUARED_DISTANCE_MIN : sum
  }
}

/** exp(-d²/(2σ²)), the mean over several bandwidths. */
export const gaussianKernel = (squared: number, sigmas: ReadonlyArray<number>): number => {
  let sum = 0
  for (const sigma of sigmas) sum += Math.exp(-squared / (2 * sigma * sigma))
  return sum / sigmas.length
}

const kernelInPlace = (squared: Float64Array, sigmas: ReadonlyArray<number>): Float64Array => {
  const [sigma = NaN] = sigmas
  if (sigmas.length === 1) {
    const gamma = -1 / (2 * sigma * sigma)
    for (let i = 0; i < squared.length; i++) squared[i] = Math.exp(squared[i]! * gamma)
  } else for (let i = 0; i < squared.length; i++) squared[i] = gaussianKernel(squared[i]!, sigmas)
  return squared
}

/** Squared distances of the pairs i < j, packed row by row. */
const packedDistances = (rows: Rows): Float64Array => {
  const n = rows.count
  const squared = new Float64Array((n * (n - 1)) / 2)
  let at = 0
  for (let i = 0; i < n; i++) {
    squaredDistances(rows, i, rows, i + 1, squared, at)
    at += n - i - 1
  }
  return squared
}

/**
 * σ = √(½·d²) at element n + ⌊(n² - n)/2⌋ - 1 of the sorted n×n squared distances, diagonal
 * included: close to the median distance between two rows.
 */
const medianBandwidth = (packed: Float64Array): number => {
  // Off the diagonal every distance stands twice, so half the rank finds it among the pairs.
  const rank = Math.floor((packed.length - 1) / 2)
  return Math.sqrt(0.5 * selectInPlace(packed.slice(), rank))
}

/** Per row, the packed kernel summed over all other rows. */
const packedSums = (kernel: Float64Array, n: number): Float64Array => {
  const sums = new Float64Array(n)
  let at = 0
  for (let i = 0; i < n; i++) {
    let sum = 0
    for (let j = i + 1; j < n; j++) {
      const value = kernel[at++]!
      sums[j]! += value
      sum += value
    }
    sums[i]! += sum
  }
  return sums
}

/** Prepares a reference once; bandwidths by the median heuristic unless they are given. */
export const mmdReference = (rows: Rows, sigmas?: ReadonlyArray<number>): MmdReference => {
  requireComparable("MMD", rows, rows)
  const squared = packedDistances(rows)
  const bandwidths = sigmas ?? [medianBandwidth(squared)]
  const kernel = kernelInPlace(squared, bandwidths)
  return { rows, sigmas: bandwidths, kernel, sums: packedSums(kernel, rows.count) }
}

/**
 * Permutations of the pooled rows, reference first: of each the `window` places whose rows play the
 * window. In which order the rows of a side stand changes nothing.
 */
export const drawPermutations = (
  reference: number,
  window: number,
  count: number,
  seed: number,
): ReadonlyArray<Uint32Array> => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => choose(reference + window, window, random))
}

/** The places below `pooled` that are not in `places`, in their order. */
const allBut = (places: Uint32Array, pooled: number): Uint32Array => {
  const isTaken = new Uint8Array(pooled)
  for (const place of places) isTaken[place] = 1
  return Uint32Array.from({ length: pooled }, (_, place) => place).filter((at) => !isTaken[at])
}

/** The kernel of the pooled rows in three blocks, and its sums without the diagonal. */
const pooledKernel = (reference: MmdReference, window: Rows) => {
  const { rows, sigmas } = reference
  const n = rows.count
  const m = window.count
  const inner = kernelInPlace(packedDistances(window), sigmas)
  const cross = new Float64Array(n * m)
  for (let i = 0; i < n; i++) squaredDistances(rows, i, window, 0, cross, i * m)
  kernelInPlace(cross, sigmas)
  const sums = new Float64Array(n + m)
  sums.set(reference.sums)
  sums.set(packedSums(inner, m), n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) {
      sums[i]! += cross[i * m + j]!
      sums[n + j]! += cross[i * m + j]!
    }
  return { n, m, kernel: reference.kernel, cross, inner, sums }
}

type PooledKernel = ReturnType<typeof pooledKernel>

/**
 * Per order, the kernel summed over all ordered pairs of different members. All orders are served
 * row by row, so that a row of the kernel is read while it is in the processor's cache.
 */
const within = (
  { n, m, kernel, cross, inner }: PooledKernel,
  orders: ReadonlyArray<Uint32Array>,
): Float64Array => {
  const sums = new Float64Array(orders.length)
  const cursors = new Uint32Array(orders.length)
  const splits = orders.map((members) => {
    let split = 0
    while (split < members.length && members[split]! < n) split++
    return split
  })
  for (let i = 0; i < n + m; i++) {
    const row =
      i < n ? (i * (2 * n - i - 1)) / 2 - i - 1 : ((i - n) * (2 * m - i + n - 1)) / 2 - i - 1
    const crossRow = i * m - n
    for (let p = 0; p < orders.length; p++) {
      const members = orders[p]!
      if (members[cursors[p]!] !== i) continue
      cursors[p]! += 1
      const split = i < n ? splits[p]! : members.length
      const block = i < n ? kernel : inner
      let sum = 0
      let b = cursors[p]!
      for (; b < split; b++) sum += block[row + members[b]!]!
      for (; b < members.length; b++) sum += cross[crossRow + members[b]!]!
      sums[p]! += 2 * sum
    }
  }
  return sums
}

/**
 * MMD² for each order whose `members` play one side, by the indicator trick: with K's sums known,
 * only the pairs inside the smaller side must be visited.
 */
const discrepancies = (pooled: PooledKernel, orders: ReadonlyArray<Uint32Array>): Float64Array => {
  const { n, m, sums } = pooled
  const total = sums.reduce((sum, one) => sum + one, 0)
  const insides = within(pooled, orders)
  return insides.map((inside, p) => {
    const members = orders[p]!
    const size = members.length
    const others = n + m - size
    const between = members.reduce((sum, i) => sum + sums[i]!, 0) - inside
    const outside = total - 2 * between - inside
    const apart = inside / (size * (size - 1)) + outside / (others * (others - 1))
    return apart - (2 * between) / (size * others)
  })
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

/** The test of a window against a prepared reference, over permutations from `drawPermutations`. */
export const mmd = (
  reference: MmdReference,
  window: Rows,
  permutations: ReadonlyArray<Uint32Array>,
  options: MmdOptions = {},
): Mmd => {
  requireComparable("MMD", reference.rows, window)
  const pooled = pooledKernel(reference, window)
  const { n, m } = pooled
  const smaller = (places: Uint32Array) => (m <= n ? places.toSorted() : allBut(places, n + m))
  const observed = Uint32Array.from({ length: m }, (_, i) => n + i)
  const distances = discrepancies(pooled, [observed, ...permutations].map(smaller))
  const judged = judgeMmd(distances[0]!, distances.slice(1), options)
  return { ...judged, sigmas: reference.sigmas }
}
