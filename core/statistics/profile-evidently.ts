// Columns and tables judged as Evidently 0.7.23 judges them, so that its users find their numbers
// again. Faithful where the tool is odd too: infinities count as missing, `n_bins` is ignored.
import { categoricalFeature, numericFeature, present, type Feature } from "./feature.ts"
import type { Category } from "./histogram.ts"
import { evidentlyChoice, exceeds, profiles } from "./profile.ts"
import { StatisticUndefined } from "./undefined.ts"
import { testFeature, type TestName } from "./univariate.ts"

export type FeatureKind = "num" | "cat"

/** A column as Evidently sees it: null for missing. */
export type EvidentlyColumn = ReadonlyArray<Category | null>

/** The tool's names of tests, ours, and how its reports spell them. */
const TESTS = {
  ks: ["ks", "K-S p_value"],
  chisquare: ["chi-squared-fit", "chi-square p_value"],
  z: ["z", "Z-test p_value"],
  wasserstein: ["wasserstein-normed", "Wasserstein distance (normed)"],
  jensenshannon: ["jensen-shannon", "Jensen-Shannon distance"],
  psi: ["psi-evidently", "PSI"],
  kl_div: ["kullback-leibler", "Kullback-Leibler divergence"],
  hellinger: ["hellinger", "Hellinger distance"],
  anderson: ["anderson", "Anderson-Darling"],
  cramer_von_mises: ["cvm", "Cramer-von Mises"],
  ed: ["energy", "Energy-distance"],
  mannw: ["mann-whitney-less", "Mann-Whitney U-rank test"],
  t_test: ["student-t", "t_test"],
  fisher_exact: ["fisher", "Fisher's Exact test"],
  g_test: ["g-test-fit", "g_test"],
} as const satisfies Record<string, readonly [TestName, string]>
export type EvidentlyTest = keyof typeof TESTS

/** Whether a name is a test of the tool that is offered here. */
export const isEvidentlyTest = (name: string): name is EvidentlyTest => Object.hasOwn(TESTS, name)

const spelling = new Map<TestName, string>(Object.values(TESTS))

export interface EvidentlyScore {
  readonly stattest: string
  readonly threshold: number
  readonly score: number
  readonly drifted: boolean
  readonly type: FeatureKind
}

/** The column as the tool prepares it. */
export const evidentlyFeature = (column: EvidentlyColumn, kind: FeatureKind): Feature => {
  const finite = (value: Category | null) => typeof value !== "number" || Number.isFinite(value)
  if (kind === "cat") return categoricalFeature(column.map((one) => (finite(one) ? one : null)))
  return numericFeature(
    Float64Array.from(column, (one) => (one !== null && finite(one) ? Number(one) : NaN)),
  )
}

/** One column's test; the tool's own choice unless a test or threshold is given. */
export const evidentlyColumn = (
  reference: EvidentlyColumn,
  window: EvidentlyColumn,
  kind: FeatureKind,
  given: { readonly stattest?: EvidentlyTest; readonly threshold?: number } = {},
): EvidentlyScore => {
  const r = evidentlyFeature(reference, kind)
  const w = evidentlyFeature(window, kind)
  if (present(r) === 0 || present(w) === 0)
    throw new StatisticUndefined({ statistic: "Evidently", reason: "a column has no values" })
  const usual = given.stattest
    ? evidentlyChoice(TESTS[given.stattest][0])
    : profiles.evidently.choose(r, w)
  const choice = { ...usual, threshold: given.threshold ?? usual.threshold }
  const result = testFeature(choice.test, r, w)
  return {
    stattest: spelling.get(choice.test) ?? choice.test,
    threshold: choice.threshold,
    score: result.pvalue ?? result.statistic,
    drifted: exceeds(choice, result),
    type: kind,
  }
}

/** The verdict on a table: drift when the share of drifted columns reaches `driftShare`. */
export const evidentlyDataset = (
  drifted: ReadonlyArray<boolean>,
  driftShare: number = profiles.evidently.driftShare,
) => {
  const count = drifted.filter(Boolean).length
  const share = count / drifted.length
  return { columns: drifted.length, drifted: count, share, drift: share >= driftShare }
}
