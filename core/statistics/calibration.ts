// How far probabilities are from the frequencies they claim, and an isotonic map that brings them
// there (Zadrozny & Elkan 2002).
import { StatisticUndefined } from "./undefined.ts"

export const CALIBRATION_BINS = 10

export interface CalibrationError {
  /** Mean gap, each bin weighted by its share of rows. */
  readonly expected: number
  /** The largest gap of any bin. */
  readonly largest: number
}

export interface CalibrationBin {
  readonly rows: number
  /** Mean probability claimed in the bin. */
  readonly claimed: number
  /** Share of rows that are of class 1. */
  readonly observed: number
}

type Bins = ReadonlyArray<CalibrationBin>

const collect = (
  labels: ArrayLike<number>,
  positive: Float64Array,
  bins: number,
  order: Uint32Array,
  binOf: (place: number, row: number) => number,
): Bins => {
  if (positive.length === 0 || labels.length !== positive.length)
    throw new StatisticUndefined({
      statistic: "calibration",
      reason: `${labels.length} labels and ${positive.length} probabilities`,
    })
  const rows = new Float64Array(bins)
  const claimed = new Float64Array(bins)
  const observed = new Float64Array(bins)
  order.forEach((row, place) => {
    const bin = binOf(place, row)
    rows[bin]! += 1
    claimed[bin]! += positive[row]!
    observed[bin]! += labels[row]!
  })
  return Array.from(rows, (count, k) => ({
    rows: count,
    claimed: claimed[k]! / count,
    observed: observed[k]! / count,
  })).filter((bin) => bin.rows > 0)
}

const inOrder = (positive: Float64Array) => Uint32Array.from(positive.keys())

/** Bins of equal width over [0, 1]; the bin of p is min(⌊bins·p⌋, bins - 1). */
export const binsByWidth = (
  labels: ArrayLike<number>,
  positive: Float64Array,
  bins = CALIBRATION_BINS,
): Bins =>
  collect(labels, positive, bins, inOrder(positive), (_, row) =>
    Math.min(Math.floor(bins * positive[row]!), bins - 1),
  )

/** Consecutive groups of the rows sorted by p, the first n mod bins of them one row larger. */
export const binsByCount = (
  labels: ArrayLike<number>,
  positive: Float64Array,
  bins = CALIBRATION_BINS,
): Bins => {
  const order = inOrder(positive).sort((a, b) => positive[a]! - positive[b]! || a - b)
  const size = Math.floor(order.length / bins)
  const larger = order.length % bins
  return collect(labels, positive, bins, order, (place) =>
    place < larger * (size + 1)
      ? Math.floor(place / (size + 1))
      : larger + Math.floor((place - larger * (size + 1)) / size),
  )
}

/** The gaps |observed - claimed| of the bins, averaged over rows and at worst. */
export const calibrationError = (bins: Bins): CalibrationError => {
  const total = bins.reduce((sum, bin) => sum + bin.rows, 0)
  const gap = (bin: CalibrationBin) => Math.abs(bin.observed - bin.claimed)
  return {
    expected: bins.reduce((sum, bin) => sum + (bin.rows / total) * gap(bin), 0),
    largest: bins.reduce((most, bin) => Math.max(most, gap(bin)), 0),
  }
}

/** A rising step map given by its corners, linear between them and constant outside. */
export interface Isotonic {
  readonly scores: Float64Array
  readonly probabilities: Float64Array
}

/**
 * The rising function of the score closest to the labels in squares, by pooling adjacent violators
 * (Ayer et al. 1955), as scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.
 */
export const fitIsotonic = (labels: ArrayLike<number>, scores: Float64Array): Isotonic => {
  if (scores.length === 0 || labels.length !== scores.length)
    throw new StatisticUndefined({ statistic: "isotonic", reason: "no rows, or labels missing" })
  const order = inOrder(scores).sort((a, b) => scores[a]! - scores[b]!)
  const blocks: Array<{ from: number; to: number; sum: number; rows: number }> = []
  for (let i = 0; i < order.length;) {
    const score = scores[order[i]!]!
    const block = { from: score, to: score, sum: 0, rows: 0 }
    for (; i < order.length && scores[order[i]!] === score; i++) {
      block.sum += labels[order[i]!]!
      block.rows += 1
    }
    let last = blocks.at(-1)
    while (last !== undefined && last.sum / last.rows >= block.sum / block.rows) {
      blocks.pop()
      block.from = last.from
      block.sum += last.sum
      block.rows += last.rows
      last = blocks.at(-1)
    }
    blocks.push(block)
  }
  const corners = blocks.flatMap(({ from, to, sum, rows }) =>
    from === to
      ? [[from, sum / rows] as const]
      : ([
          [from, sum / rows],
          [to, sum / rows],
        ] as const),
  )
  return {
    scores: Float64Array.from(corners, ([score]) => score),
    probabilities: Float64Array.from(corners, ([, probability]) => probability),
  }
}

/** The calibrated probability of a score; scores outside the fitted range take the nearest end. */
export const calibrate = ({ scores, probabilities }: Isotonic, score: number): number => {
  const last = scores.length - 1
  if (score <= scores[0]!) return probabilities[0]!
  if (score >= scores[last]!) return probabilities[last]!
  let low = 0
  let high = last
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (scores[middle]! <= score) low = middle
    else high = middle
  }
  const share = (score - scores[low]!) / (scores[high]! - scores[low]!)
  return probabilities[low]! + share * (probabilities[high]! - probabilities[low]!)
}

/**
 * Accuracy expected without labels, from calibrated probabilities of class 1 (NannyML's CBPE): the
 * mean of p where 1 was predicted and of 1 - p elsewhere. Blind to a changed meaning of the labels.
 */
export const expectedAccuracy = (calibrated: Float64Array, predicted: ArrayLike<number>): number =>
  calibrated.reduce((sum, p, i) => sum + (predicted[i] === 1 ? p : 1 - p), 0) / calibrated.length
