// The classifier two-sample test (Lopez-Paz & Oquab 2017): if a classifier, on rows it was not
// fitted to, can tell window from reference, they differ. The classifier is logistic regression on
// features and their squares, so that it sees moved means and changed spreads.
import { rocAuc } from "./classification.ts"
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts"
import { fitLogistic, logisticScore } from "./logistic.ts"
import { requireComparable, standardiser, type Rows } from "./rows.ts"
import { permutation, seededRandom } from "./seeded-random.ts"

/** Two: with more, each fold is smaller and the smallest p has to stand for more of them. */
export const FOLDS = 2

export interface ClassifierTwoSample {
  /** Area under the ROC curve of held-out probabilities, the folds' mean: 0.5 is no difference. */
  readonly auc: number
  /** Largest distance of the two sides' held-out probabilities in the fold of the smallest p. */
  readonly statistic: number
  /**
   * The smallest p of the folds times their number. Held-out rows of all folds together would be
   * no independent sample: each has helped to score the others, and p would be too small too often.
   */
  readonly pvalue: number
}

/** Standardised features, their squares, and a constant. */
const expand = (rows: Rows): Rows => {
  const width = 2 * rows.width + 1
  const values = new Float64Array(rows.count * width)
  for (let i = 0; i < rows.count; i++) {
    for (let k = 0; k < rows.width; k++) {
      const value = rows.values[i * rows.width + k]!
      values[i * width + k] = value
      values[i * width + rows.width + k] = value * value
    }
    values[(i + 1) * width - 1] = 1
  }
  return { values, count: rows.count, width }
}

/** Which fold each row is held out in; both sides are spread evenly over the folds. */
const dealFolds = (reference: number, window: number, folds: number, seed: number): Uint8Array => {
  const random = seededRandom(seed)
  const dealt = new Uint8Array(reference + window)
  permutation(reference, random).forEach((row, place) => (dealt[row] = place % folds))
  permutation(window, random).forEach((row, place) => (dealt[reference + row] = place % folds))
  return dealt
}

/** The test; folds are drawn from the seed. Throws `StatisticUndefined` on NaN or unlike tables. */
export const classifierTwoSample = (
  reference: Rows,
  window: Rows,
  seed: number,
  folds = FOLDS,
): ClassifierTwoSample => {
  requireComparable("classifier two-sample", reference, window)
  const count = reference.count + window.count
  const values = new Float64Array(count * reference.width)
  values.set(reference.values)
  values.set(window.values, reference.values.length)
  const pooled = { values, count, width: reference.width }
  const design = expand(standardiser(pooled)(pooled))
  const labels = Float64Array.from({ length: count }, (_, i) => Number(i >= reference.count))
  const dealt = dealFolds(reference.count, window.count, folds, seed)
  let best = { statistic: 0, pvalue: 1 }
  let areas = 0
  for (let fold = 0; fold < folds; fold++) {
    const weights = Float64Array.from(dealt, (one) => Number(one !== fold))
    const coefficients = fitLogistic(design, labels, weights)
    const held = Uint32Array.from(dealt.keys()).filter((row) => dealt[row] === fold)
    const scores = Float64Array.from(held, (row) => logisticScore(design, row, coefficients))
    const sides = Float64Array.from(held, (row) => labels[row]!)
    areas += rocAuc(sides, scores)
    // The window's probabilities being larger means that its distribution function is the lower.
    const found = kolmogorovSmirnov(
      scores.filter((_, i) => sides[i] === 0),
      scores.filter((_, i) => sides[i] === 1),
      { alternative: "greater" },
    )
    if (found.pvalue < best.pvalue) best = found
  }
  const { statistic, pvalue } = best
  return { auc: areas / folds, statistic, pvalue: Math.min(1, folds * pvalue) }
}
