// Student's t-test of two means with a common variance, as `scipy.stats.ttest_ind` by default.
import { studentTwoSided } from "./beta.ts"
import { StatisticUndefined } from "./undefined.ts"

const moments = (values: Float64Array) => {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length
  return { mean, squares: values.reduce((sum, one) => sum + (one - mean) ** 2, 0) }
}

/**
 * Two-sided; infinite with p = 0 where two constants differ. Throws `StatisticUndefined` where all
 * values are one.
 */
export const studentTest = (
  x: Float64Array,
  y: Float64Array,
): { readonly statistic: number; readonly pvalue: number } => {
  const freedom = x.length + y.length - 2
  const [a, b] = [moments(x), moments(y)]
  const variance = (a.squares + b.squares) / freedom
  if (variance === 0 && a.mean !== b.mean)
    return { statistic: a.mean > b.mean ? Infinity : -Infinity, pvalue: 0 }
  if (!(variance > 0))
    throw new StatisticUndefined({ statistic: "Student's t", reason: "there is no variance" })
  const statistic = (a.mean - b.mean) / Math.sqrt(variance * (1 / x.length + 1 / y.length))
  return { statistic, pvalue: studentTwoSided(statistic, freedom) }
}
