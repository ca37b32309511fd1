// The classifier two-sample test (Lopez-Paz & Oquab 2017): if a classifier, on rows it was not
// fitted to, can tell window from reference, they differ. The classifier is logistic regression on
// features and their squares, so that it sees moved means and changed spreads.
import { rocAuc } from "./classification.ts"
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts"
import { fitLogistic, logisticScore } from "./logistic.ts"
import { requireComparable, standardiser, type Rows } from "./rows.ts"
import { permutation, seededRandom } from "./seeded-random.ts"

export const FOLDS = 5

export interface ClassifierTwoSample {
  /** Area under the ROC curve of the held-out probabilities: 0.5 is no difference. The effect. */
  readonly auc: number
  /** Largest distance of the two sides' held-out probabilities, one-sided Kolmogorov-Smirnov. */
  readonly statistic: number
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
  const order = permutation(count, seededRandom(seed))
  const scores = new Float64Array(count)
  for (let fold = 0; fold < folds; fold++) {
    const weights = Float64Array.from({ length: count })
    order.forEach((row, place) => (weights[row] = place % folds === fold ? 0 : 1))
    const coefficients = fitLogistic(design, labels, weights)
    for (let i = 0; i < count; i++)
      if (weights[i] === 0) scores[i] = logisticScore(design, i, coefficients)
  }
  // The window's probabilities being larger means that its distribution function is the lower one.
  const { statistic, pvalue } = kolmogorovSmirnov(
    scores.slice(0, reference.count),
    scores.slice(reference.count),
    { alternative: "greater" },
  )
  return { auc: rocAuc(labels, scores), statistic, pvalue }
}
