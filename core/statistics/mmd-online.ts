// MMD over a sliding window of a stream, with thresholds calibrated by bootstrap so that without
// drift it fires once in `expectedRunLength` rows on average (Cobb, Van Looveren & Klaise 2022).
import { gaussianKernel, mmdReference } from "./mmd.ts"
import type { Rows } from "./rows.ts"
import { choose, seededRandom } from "./seeded-random.ts"
import { StatisticUndefined } from "./undefined.ts"

export interface OnlineMmdOptions {
  /** Rows between two false alarms, on average. */
  readonly expectedRunLength: number
  /** Rows of the sliding window. */
  readonly windowSize: number
  readonly bootstraps?: number
  readonly seed: number
  readonly sigmas?: ReadonlyArray<number>
}

export interface OnlineMmdConfiguration {
  readonly reference: Rows
  readonly sigmas: ReadonlyArray<number>
  /** Threshold by rows seen since the start; the last one holds from then on. */
  readonly thresholds: Float64Array
  readonly options: OnlineMmdOptions
}

/** The threshold is a quantile of rank 1/ERT: with fewer streams than that it would be a guess. */
const BOOTSTRAPS_PER_RUN_LENGTH = 10
const BOOTSTRAPS_MIN = 1_000
const BOOTSTRAPS_MAX = 100_000
/** The longest run length that so many streams can calibrate. */
export const RUN_LENGTH_MAX = BOOTSTRAPS_MAX / 2

const bootstrapsFor = (runLength: number): number =>
  Math.min(BOOTSTRAPS_MAX, Math.max(BOOTSTRAPS_MIN, BOOTSTRAPS_PER_RUN_LENGTH * runLength))

/** Draws of a first window that does not fire at once, before giving up. */
const START_DRAWS_MAX = 1_000

/** Kernel of two reference rows out of the packed triangle. */
const packedAt = (kernel: Float64Array, n: number, i: number, j: number): number => {
  if (i === j) return 1
  const low = Math.min(i, j)
  return kernel[(low * (2 * n - low - 1)) / 2 - low - 1 + Math.max(i, j)]!
}

/** Sums that give MMD² of every window inside `held`, rows that are taken out of the reference. */
const heldOut = (
  kernel: Float64Array,
  sums: Float64Array,
  total: number,
  held: Uint32Array,
  windowSize: number,
): Float64Array => {
  const n = sums.length
  const size = held.length
  const block = new Float64Array(size * size)
  const toHeld = new Float64Array(size)
  let heldTotal = 0
  let reach = 0
  for (let a = 0; a < size; a++) {
    reach += sums[held[a]!]!
    for (let b = 0; b < size; b++) {
      if (a === b) continue
      const value = packedAt(kernel, n, held[a]!, held[b]!)
      block[a * size + b] = value
      toHeld[a]! += value
      heldTotal += value
    }
  }
  const rest = n - size
  const inside = (total - 2 * reach + heldTotal) / (rest * (rest - 1))
  const distances = new Float64Array(size - windowSize + 1)
  // Each window is the one before without its first row and with one more.
  const across = (row: number, from: number): number => {
    let sum = 0
    for (let b = from; b < from + windowSize - 1; b++) sum += block[row * size + b]!
    return sum
  }
  let within = 0
  let between = 0
  for (let a = 0; a < windowSize; a++) {
    between += sums[held[a]!]! - toHeld[a]!
    for (let b = 0; b < windowSize; b++) within += block[a * size + b]!
  }
  for (let start = 0; start < distances.length; start++) {
    if (start > 0) {
      const [gone, come] = [start - 1, start + windowSize - 1]
      within += 2 * (across(come, start) - across(gone, start))
      between += sums[held[come]!]! - toHeld[come]! - sums[held[gone]!]! + toHeld[gone]!
    }
    distances[start] =
      inside + within / (windowSize * (windowSize - 1)) - (2 * between) / (windowSize * rest)
  }
  return distances
}

/** The least value that at most a share `rate` of the (sorted) values exceed. */
const upperQuantile = (sorted: Float64Array, rate: number): number => {
  const at = (sorted.length - 1) * (1 - rate)
  const low = Math.floor(at)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!)
}

/**
 * Simulates `bootstraps` streams out of the reference and sets, step by step, the threshold that a
 * share 1/ERT of the streams not stopped so far exceeds.
 */
export const calibrateOnlineMmd = (
  reference: Rows,
  options: OnlineMmdOptions,
): OnlineMmdConfiguration => {
  const { windowSize, expectedRunLength, bootstraps = bootstrapsFor(expectedRunLength) } = options
  const held = 2 * windowSize - 1
  if (windowSize < 2 || reference.count < held + 2 || !(expectedRunLength > 1))
    throw new StatisticUndefined({
      statistic: "online MMD",
      reason:
        `a window of ${windowSize} needs at least ${held + 2} reference rows, a size above 1 ` +
        `and a run length above 1`,
    })
  const { kernel, sums, sigmas } = mmdReference(reference, options.sigmas)
  const total = sums.reduce((sum, one) => sum + one, 0)
  const random = seededRandom(options.seed)
  let streams = Array.from({ length: bootstraps }, () =>
    heldOut(kernel, sums, total, choose(reference.count, held, random), windowSize),
  )
  const thresholds = new Float64Array(windowSize)
  for (let t = 0; t < windowSize; t++) {
    const sorted = Float64Array.from(streams, (one) => one[t]!).sort()
    const threshold = upperQuantile(sorted, 1 / expectedRunLength)
    thresholds[t] = threshold
    streams = streams.filter((one) => one[t]! <= threshold)
  }
  return { reference, sigmas, thresholds, options }
}

/**
 * The detector: its window starts full of held-out reference rows, and each row of the stream
 * replaces the oldest. Its work per row is one kernel row against reference and window.
 */
export class OnlineMmd {
  drift = false
  /** MMD² of the current window. */
  statistic = 0
  threshold = 0
  /** Rows seen since the start. */
  time = 0
  readonly #configuration: OnlineMmdConfiguration
  readonly #rest: ReadonlyArray<Float64Array>
  readonly #restMean: number
  readonly #first: ReadonlyArray<Float64Array>
  #window: ReadonlyArray<Float64Array>
  #between: ReadonlyArray<number>

  constructor(configuration: OnlineMmdConfiguration) {
    this.#configuration = configuration
    const { reference, options } = configuration
    const random = seededRandom(options.seed + 1)
    const row = (i: number) =>
      reference.values.subarray(i * reference.width, (i + 1) * reference.width)
    for (let draw = 0; draw < START_DRAWS_MAX; draw++) {
      const held = new Set(choose(reference.count, options.windowSize, random))
      const rest = Array.from({ length: reference.count }, (_, i) => i).filter((i) => !held.has(i))
      this.#rest = rest.map(row)
      this.#first = [...held].map(row)
      this.#window = this.#first
      this.#between = this.#window.map((one) => this.#reach(one))
      this.#restMean = this.#meanPair(this.#rest)
      this.#measure()
      if (this.statistic <= configuration.thresholds[0]!) return
    }
    throw new StatisticUndefined({
      statistic: "online MMD",
      reason: "every first window out of the reference fires at once",
    })
  }

  /** Starts anew, with the window that it started with. */
  reset(): void {
    this.restore([])
  }

  /** The rows seen since the start, and the window. */
  save(): ReadonlyArray<number> {
    return [this.time, ...this.#window.flatMap((row) => [...row])]
  }

  /** Goes on from what a detector of the same configuration saved; from nothing, it starts. */
  restore([time = 0, ...values]: ReadonlyArray<number>): void {
    const { width } = this.#configuration.reference
    const row = (_: unknown, at: number) =>
      Float64Array.from(values.slice(at * width, (at + 1) * width))
    const rows = values.length / width
    this.drift = false
    this.time = time
    this.#window = rows === this.#first.length ? Array.from({ length: rows }, row) : this.#first
    this.#between = this.#window.map((one) => this.#reach(one))
    this.#measure()
  }

  /** Takes the next row; after a drift the caller decides whether to start anew. */
  update(row: Float64Array): void {
    const { reference, thresholds } = this.#configuration
    if (row.length !== reference.width || row.some(Number.isNaN))
      throw new StatisticUndefined({
        statistic: "online MMD",
        reason: `a row must have ${reference.width} numbers`,
      })
    this.time += 1
    this.#window = [...this.#window.slice(1), row]
    this.#between = [...this.#between.slice(1), this.#reach(row)]
    this.#measure()
    this.threshold = thresholds[Math.min(this.time, thresholds.length - 1)]!
    this.drift = this.statistic > this.threshold
  }

  #kernel(a: Float64Array, b: Float64Array): number {
    let squared = 0
    for (let k = 0; k < a.length; k++) squared += (a[k]! - b[k]!) ** 2
    return gaussianKernel(squared, this.#configuration.sigmas)
  }

  #reach(row: Float64Array): number {
    let sum = 0
    for (const one of this.#rest) sum += this.#kernel(one, row)
    return sum
  }

  #meanPair(rows: ReadonlyArray<Float64Array>): number {
    let sum = 0
    for (let i = 0; i < rows.length; i++)
      for (let j = i + 1; j < rows.length; j++) sum += this.#kernel(rows[i]!, rows[j]!)
    return (2 * sum) / (rows.length * (rows.length - 1))
  }

  #measure(): void {
    const pairs = this.#rest.length * this.#window.length
    const between = this.#between.reduce((sum, one) => sum + one, 0)
    this.statistic = this.#restMean + this.#meanPair(this.#window) - (2 * between) / pairs
  }
}
