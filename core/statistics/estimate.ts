// Quality that is to be expected of a binary classifier where no labels are known: confidence-based
// performance estimation (CBPE, NannyML) from calibrated probabilities. It holds while the labels
// keep their meaning: a changed relation of features and labels does not show.
import { StatisticUndefined } from "./undefined.ts"

const PROBABILITY_MIN = 2 ** -52

export interface ExpectedQuality {
  readonly accuracy: number
  /** Of the accuracy, by sampling alone: √(Σ c(1 - c))/n with c each row's chance to be right. */
  readonly accuracyError: number
  /** NaN where no row, or every row, is expected to be of class 1. */
  readonly auc: number
  readonly brier: number
  readonly logLoss: number
}

/**
 * The area under the ROC curve of the raw scores when row i is of class 1 with the chance
 * `calibrated[i]`: expected hits and false alarms at each threshold, ties a half. Ordered by the
 * raw score, since calibration may tie what the score tells apart.
 */
export const expectedAuc = (scores: Float64Array, calibrated: Float64Array): number => {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!)
  let above = 0
  let below = 0
  let area = 0
  for (let i = 0; i < order.length;) {
    const score = scores[order[i]!]!
    let positives = 0
    let negatives = 0
    for (; i < order.length && scores[order[i]!] === score; i++) {
      positives += calibrated[order[i]!]!
      negatives += 1 - calibrated[order[i]!]!
    }
    area += negatives * (above + positives / 2)
    above += positives
    below += negatives
  }
  return above === 0 || below === 0 ? NaN : area / (above * below)
}

/**
 * `scores` are the probabilities of class 1 that the model gave, `calibrated` the chances of class
 * 1 that they mean, `predicted` 1 or 0.
 *
 * @throws StatisticUndefined without rows or with unequal lengths.
 */
export const expectedQuality = (
  scores: Float64Array,
  calibrated: Float64Array,
  predicted: ArrayLike<number>,
): ExpectedQuality => {
  const n = scores.length
  if (n === 0 || calibrated.length !== n || predicted.length !== n)
    throw new StatisticUndefined({ statistic: "estimate", reason: `${n} scores and other rows` })
  let right = 0
  let variance = 0
  let brier = 0
  let logLoss = 0
  for (let i = 0; i < n; i++) {
    const p = calibrated[i]!
    const chance = predicted[i] === 1 ? p : 1 - p
    right += chance
    variance += chance * (1 - chance)
    brier += p * (1 - scores[i]!) ** 2 + (1 - p) * scores[i]! ** 2
    const score = Math.min(1 - PROBABILITY_MIN, Math.max(PROBABILITY_MIN, scores[i]!))
    logLoss -= p * Math.log(score) + (1 - p) * Math.log(1 - score)
  }
  return {
    accuracy: right / n,
    accuracyError: Math.sqrt(variance) / n,
    auc: expectedAuc(scores, calibrated),
    brier: brier / n,
    logLoss: logLoss / n,
  }
}
