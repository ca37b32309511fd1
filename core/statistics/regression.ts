// Quality of predicted numbers, as scikit-learn 1.9 defines it. Errors are in units of the target.
import { requireNumbers, StatisticUndefined } from "./undefined.ts"

export interface RegressionQuality {
  readonly mae: number
  readonly mse: number
  readonly rmse: number
  /** 1 - residual/total squares; 1 at best, 0 like the mean, negative below that. */
  readonly r2: number
  /** Mean |error|/|target|, a ratio and no percentage. */
  readonly mape: number
  readonly medianAbsoluteError: number
}

const TARGET_MIN = 2 ** -52

/** All of them in one pass; throws `StatisticUndefined` on missing or unequal rows. */
export const regressionQuality = (
  targets: Float64Array,
  predicted: Float64Array,
): RegressionQuality => {
  requireNumbers("regression", "the targets", targets)
  requireNumbers("regression", "the predictions", predicted)
  const n = targets.length
  if (predicted.length !== n)
    throw new StatisticUndefined({
      statistic: "regression",
      reason: `${n} targets and ${predicted.length} predictions`,
    })
  const mean = targets.reduce((sum, one) => sum + one, 0) / n
  const errors = targets.map((target, i) => Math.abs(target - predicted[i]!))
  const squares = errors.reduce((sum, one) => sum + one * one, 0)
  const total = targets.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  const relative = errors.reduce(
    (sum, one, i) => sum + one / Math.max(Math.abs(targets[i]!), TARGET_MIN),
    0,
  )
  const constant = squares === 0 ? 1 : 0
  const sorted = errors.toSorted()
  return {
    mae: errors.reduce((sum, one) => sum + one, 0) / n,
    mse: squares / n,
    rmse: Math.sqrt(squares / n),
    r2: total === 0 ? constant : 1 - squares / total,
    mape: relative / n,
    medianAbsoluteError: (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2,
  }
}
