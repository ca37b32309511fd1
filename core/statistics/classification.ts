// Quality of a classifier from its labels and probabilities, as scikit-learn 1.9 defines it:
// counts, ranking and probability scores. Undefined precision, recall and F1 are 0; ranking scores
// of one class are NaN.
import { StatisticUndefined } from "./undefined.ts"

/** Probabilities are kept this far from 0 and 1 before a logarithm is taken (double epsilon). */
const PROBABILITY_MIN = 2 ** -52

/** counts[true class][predicted class]. */
export type Confusion = ReadonlyArray<Float64Array>

const requireSameLength = (metric: string, labels: ArrayLike<number>, other: ArrayLike<number>) => {
  if (labels.length === 0 || labels.length !== other.length)
    throw new StatisticUndefined({
      statistic: metric,
      reason: `${labels.length} labels and ${other.length} predictions`,
    })
}

/** Counts per true and predicted class, both numbered from 0. */
export const confusion = (
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
): Confusion => {
  requireSameLength("confusion", labels, predicted)
  const counts = Array.from({ length: classes }, () => new Float64Array(classes))
  for (let i = 0; i < labels.length; i++) {
    const row = counts[labels[i]!]
    if (row === undefined || !(predicted[i]! < classes))
      throw new StatisticUndefined({
        statistic: "confusion",
        reason: `row ${i} is ${labels[i]} predicted as ${predicted[i]}, of ${classes} classes`,
      })
    row[predicted[i]!]! += 1
  }
  return counts
}

const sum = (values: Float64Array): number => values.reduce((total, one) => total + one, 0)
const column = (counts: Confusion, j: number): number =>
  counts.reduce((total, row) => total + row[j]!, 0)
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

export interface ClassCounts {
  readonly precision: number
  readonly recall: number
  readonly f1: number
  /** Rows whose true class this is. */
  readonly support: number
}

/** Precision, recall and F1 of one class against all others. */
export const classCounts = (counts: Confusion, one: number): ClassCounts => {
  const hit = counts[one]![one]!
  const support = sum(counts[one]!)
  const claimed = column(counts, one)
  return {
    precision: ratio(hit, claimed),
    recall: ratio(hit, support),
    f1: ratio(2 * hit, support + claimed),
    support,
  }
}

/** The share of rows predicted rightly. */
export const accuracy = (counts: Confusion): number =>
  counts.reduce((hits, row, i) => hits + row[i]!, 0) /
  counts.reduce((total, row) => total + sum(row), 0)

/** Mean F1 over the classes seen; weighted by rows, plain (macro), or of all rows (micro). */
export const f1Average = (counts: Confusion, average: "macro" | "weighted" | "micro"): number => {
  if (average === "micro") return accuracy(counts)
  const seen = counts
    .map((row, i) => ({ ...classCounts(counts, i), rows: sum(row) + column(counts, i) }))
    .filter((one) => one.rows > 0)
  const weight = (one: ClassCounts) => (average === "weighted" ? one.support : 1)
  const total = seen.reduce((all, one) => all + weight(one), 0)
  return seen.reduce((all, one) => all + weight(one) * one.f1, 0) / total
}

/** Mean recall over the classes that occur; NaN where only one does. */
export const balancedAccuracy = (counts: Confusion): number => {
  const occurring = counts.map((_, i) => classCounts(counts, i)).filter((one) => one.support > 0)
  if (occurring.length < 2) return NaN
  return occurring.reduce((all, one) => all + one.recall, 0) / occurring.length
}

/** Matthews' correlation of a 2×2 confusion; 0 where a row or column is empty. */
export const matthews = (counts: Confusion): number => {
  const [[tn = 0, fp = 0] = [], [fn = 0, tp = 0] = []] = counts.map((row) => [...row])
  const product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
  return product === 0 ? 0 : (tp * tn - fp * fn) / Math.sqrt(product)
}

/** Row numbers by falling score. */
const byScore = (scores: Float64Array): Uint32Array =>
  Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!)

/** Calls `visit` with the positives and negatives of each group of equal scores, highest first. */
const scan = (
  labels: ArrayLike<number>,
  scores: Float64Array,
  visit: (positives: number, negatives: number) => void,
): void => {
  requireSameLength("ranking", labels, scores)
  const order = byScore(scores)
  let i = 0
  while (i < order.length) {
    const score = scores[order[i]!]!
    let positives = 0
    let group = 0
    for (; i < order.length && scores[order[i]!] === score; i++, group++)
      if (labels[order[i]!] === 1) positives++
    visit(positives, group - positives)
  }
}

/** Area under the ROC curve: the chance that a positive scores above a negative, ties a half. */
export const rocAuc = (labels: ArrayLike<number>, scores: Float64Array): number => {
  let above = 0
  let below = 0
  let area = 0
  scan(labels, scores, (positives, negatives) => {
    area += negatives * (above + positives / 2)
    above += positives
    below += negatives
  })
  return above === 0 || below === 0 ? NaN : area / (above * below)
}

/** Σ (recall step)·precision over falling thresholds; NaN without a positive row. */
export const averagePrecision = (labels: ArrayLike<number>, scores: Float64Array): number => {
  let above = 0
  let rows = 0
  let area = 0
  scan(labels, scores, (positives, negatives) => {
    above += positives
    rows += positives + negatives
    area += (positives * above) / rows
  })
  return above === 0 ? NaN : area / above
}

/** Mean of -ln p of the true class, natural logarithm, p kept within [2^-52, 1 - 2^-52]. */
export const logLoss = (
  labels: ArrayLike<number>,
  probability: (row: number, label: number) => number,
): number => {
  let loss = 0
  for (let i = 0; i < labels.length; i++) {
    const p = probability(i, labels[i]!)
    loss -= Math.log(Math.min(1 - PROBABILITY_MIN, Math.max(PROBABILITY_MIN, p)))
  }
  return loss / labels.length
}

/** The log loss of a binary classifier from the probability of class 1. */
export const binaryLogLoss = (labels: ArrayLike<number>, positive: Float64Array): number =>
  logLoss(labels, (i, label) => (label === 1 ? positive[i]! : 1 - positive[i]!))

/** Mean squared distance of the probability of class 1 to the label. */
export const brier = (labels: ArrayLike<number>, positive: Float64Array): number => {
  requireSameLength("Brier score", labels, positive)
  return positive.reduce((all, p, i) => all + (p - labels[i]!) ** 2, 0) / positive.length
}

/** Mean AUC of each class against the rest. `probabilities[k]` holds all rows of class k. */
export const rocAucOneVersusRest = (
  labels: ArrayLike<number>,
  probabilities: ReadonlyArray<Float64Array>,
): number => {
  const areas = probabilities.map((scores, k) =>
    rocAuc(
      Array.from(labels, (label) => Number(label === k)),
      scores,
    ),
  )
  return areas.reduce((all, one) => all + one, 0) / areas.length
}

/** Mean over pairs of classes of the AUC on their rows, both ways (Hand & Till 2001). */
export const rocAucOneVersusOne = (
  labels: ArrayLike<number>,
  probabilities: ReadonlyArray<Float64Array>,
): number => {
  const pair = (a: number, b: number): number => {
    const rows = Array.from(labels, (_, i) => i).filter((i) => labels[i] === a || labels[i] === b)
    const scores = probabilities[a]!
    return rocAuc(
      rows.map((i) => Number(labels[i] === a)),
      Float64Array.from(rows, (i) => scores[i]!),
    )
  }
  let area = 0
  let pairs = 0
  for (let a = 0; a < probabilities.length; a++)
    for (let b = a + 1; b < probabilities.length; b++, pairs++)
      area += (pair(a, b) + pair(b, a)) / 2
  return area / pairs
}
