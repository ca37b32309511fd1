// Decides as the univariate detectors of Alibi Detect 0.13 do: which test, which mode, which
// correction, strict comparisons. Written from the tool's documented behaviour.
import { chiSquaredContingency } from "./contingency.ts"
import { cramerVonMises } from "./cramer-von-mises.ts"
import { fisherExact } from "./fisher.ts"
import { countCategories } from "./histogram.ts"
import { kolmogorovSmirnov, type Alternative } from "./kolmogorov-smirnov.ts"
import { benjaminiHochberg, bonferroni } from "./multiple-testing.ts"
import { StatisticUndefined } from "./undefined.ts"

export type AlibiTest = "ks" | "cvm" | "chi2" | "fisher"

export interface AlibiOptions {
  readonly alpha?: number
  readonly correction?: "bonferroni" | "fdr"
  /** `feature` decides per feature at the uncorrected alpha. */
  readonly driftType?: "batch" | "feature"
  readonly alternative?: Alternative
}

export interface AlibiVerdict {
  readonly isDrift: number | ReadonlyArray<number>
  readonly distance: Float64Array
  readonly pvalues: Float64Array
  /** One number, or the whole list q·i/F where nothing is significant under `fdr`. */
  readonly threshold: number | Float64Array
}

export const ALIBI_ALPHA = 0.05

const ones = (values: Float64Array): number => values.reduce((sum, one) => sum + one, 0)

const binaryTest = (x: Float64Array, y: Float64Array, alternative: Alternative) => {
  if ([...x, ...y].some((value) => value !== 0 && value !== 1))
    throw new StatisticUndefined({ statistic: "Fisher", reason: "values must be 0 or 1" })
  const [a, b] = [ones(y), ones(x)]
  const { oddsRatio, pvalue } = fisherExact(a, b, y.length - a, x.length - b, alternative)
  return { distance: oddsRatio, pvalue }
}

/** One feature: distance and p-value of the test, reference first. */
export const alibiFeature = (
  test: AlibiTest,
  reference: Float64Array,
  window: Float64Array,
  alternative: Alternative,
): { readonly distance: number; readonly pvalue: number } => {
  if (test === "fisher") return binaryTest(reference, window, alternative)
  if (test === "chi2") {
    const counts = countCategories(reference, window)
    const { statistic, pvalue } = chiSquaredContingency([[...counts.reference], [...counts.window]])
    return { distance: statistic, pvalue }
  }
  const { statistic, pvalue } =
    test === "ks"
      ? kolmogorovSmirnov(reference, window, { alternative, method: "asymptotic" })
      : cramerVonMises(reference, window)
  return { distance: statistic, pvalue }
}

/** A whole detector: one test per feature, then the correction over them. */
export const alibiDetector = (
  tests: ReadonlyArray<AlibiTest>,
  reference: ReadonlyArray<Float64Array>,
  window: ReadonlyArray<Float64Array>,
  options: AlibiOptions = {},
): AlibiVerdict => {
  const { alpha = ALIBI_ALPHA, correction = "bonferroni", driftType = "batch" } = options
  const results = tests.map((test, i) => {
    const usual = test === "fisher" ? "greater" : "two-sided"
    return alibiFeature(test, reference[i]!, window[i]!, options.alternative ?? usual)
  })
  const distance = Float64Array.from(results, (one) => one.distance)
  const pvalues = Float64Array.from(results, (one) => one.pvalue)
  if (driftType === "feature")
    return {
      isDrift: [...pvalues].map((p) => Number(p < alpha)),
      distance,
      pvalues,
      threshold: alpha,
    }
  if (correction === "bonferroni") {
    const { drift, threshold } = bonferroni(pvalues, alpha)
    return { isDrift: Number(drift), distance, pvalues, threshold }
  }
  const { drift, threshold, thresholds } = benjaminiHochberg(pvalues, alpha)
  return { isDrift: Number(drift), distance, pvalues, threshold: drift ? threshold : thresholds }
}
