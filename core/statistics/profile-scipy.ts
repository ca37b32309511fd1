// Calls named and answered as SciPy 1.17 names and answers them, for those who compare with it:
// NaN policies instead of refusals, `asymp` for asymptotic.
import { kolmogorovSmirnov, type Alternative } from "./kolmogorov-smirnov.ts"
import { withoutNulls } from "./missing.ts"
import { StatisticUndefined } from "./undefined.ts"

export type NanPolicy = "propagate" | "omit" | "raise"

export interface Ks2sampOptions {
  readonly alternative?: Alternative
  readonly method?: "auto" | "exact" | "asymp"
  readonly nanPolicy?: NanPolicy
}

/**
 * `scipy.stats.ks_2samp`. An empty sample, or NaN under the policy `propagate`, gives NaN in every
 * field; under `raise` it throws `StatisticUndefined`.
 */
export const ks2samp = (x: Float64Array, y: Float64Array, options: Ks2sampOptions = {}) => {
  const { alternative = "two-sided", method = "auto", nanPolicy = "propagate" } = options
  const cleanX = withoutNulls(x)
  const cleanY = withoutNulls(y)
  const dropped = cleanX.length + cleanY.length < x.length + y.length
  if (dropped && nanPolicy === "raise")
    throw new StatisticUndefined({ statistic: "ks_2samp", reason: "the input contains NaN" })
  if (cleanX.length === 0 || cleanY.length === 0 || (dropped && nanPolicy === "propagate"))
    return { statistic: NaN, pvalue: NaN, location: NaN, sign: NaN, method: "none" }
  const law = method === "asymp" ? "asymptotic" : method
  return kolmogorovSmirnov(cleanX, cleanY, { alternative, method: law })
}
