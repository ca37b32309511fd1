// Chooses tests, bins and thresholds as Evidently 0.7.23 does, so that its users find their numbers
// again. Faithful where the tool is odd too: infinities count as missing, `n_bins` is ignored.
import { chiSquaredFit, twoProportions } from "./contingency.ts"
import { jensenShannon, kullbackLeibler, hellinger as hellingerShares } from "./divergence.ts"
import {
  countCategories,
  fillEmpty,
  histogram,
  shares,
  sturgesEdges,
  type Category,
} from "./histogram.ts"
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts"
import { stabilityIndex } from "./population-stability.ts"
import { StatisticUndefined } from "./undefined.ts"
import { wassersteinNormed } from "./wasserstein.ts"

export type FeatureKind = "num" | "cat"
export type EvidentlyTest =
  "ks" | "chisquare" | "z" | "wasserstein" | "jensenshannon" | "psi" | "kl_div" | "hellinger"

/** A column as Evidently sees it: null for missing. */
export type EvidentlyColumn = ReadonlyArray<Category | null>

const DISPLAY = {
  ks: "K-S p_value",
  chisquare: "chi-square p_value",
  z: "Z-test p_value",
  wasserstein: "Wasserstein distance (normed)",
  jensenshannon: "Jensen-Shannon distance",
  psi: "PSI",
  kl_div: "Kullback-Leibler divergence",
  hellinger: "Hellinger distance",
} as const satisfies Record<EvidentlyTest, string>

const PVALUE_MAX = 0.05
const DISTANCE_MIN = 0.1
export const DRIFT_SHARE = 0.5
/** Above this many reference rows distances replace tests. */
const TEST_ROWS_MAX = 1_000
/** A numeric feature with more distinct reference values than this gets equal-width bins. */
const DISTINCT_BINS_MAX = 20
/** A numeric feature with no more distinct values than this is treated as categories. */
const DISTINCT_CATEGORIES_MAX = 5

export interface EvidentlyScore {
  readonly stattest: string
  readonly threshold: number
  readonly score: number
  readonly drifted: boolean
  readonly type: FeatureKind
}

const clean = (column: EvidentlyColumn): ReadonlyArray<Category> =>
  column.filter(
    (value): value is Category =>
      value !== null && (typeof value === "string" || Number.isFinite(value)),
  )

const numeric = (values: ReadonlyArray<Category>): Float64Array => Float64Array.from(values, Number)

const defaultTest = (kind: FeatureKind, rows: number, distinct: number): EvidentlyTest => {
  const categorical = kind === "cat" || distinct <= DISTINCT_CATEGORIES_MAX
  if (rows > TEST_ROWS_MAX) return categorical ? "jensenshannon" : "wasserstein"
  if (!categorical) return "ks"
  return distinct > 2 ? "chisquare" : "z"
}

/** The tool's bins: equal width by Sturges over both sides, or one per distinct value. */
export const evidentlyBins = (
  reference: ReadonlyArray<Category>,
  window: ReadonlyArray<Category>,
  kind: FeatureKind,
) => {
  if (kind === "num" && new Set(reference).size > DISTINCT_BINS_MAX) {
    const edges = sturgesEdges(numeric([...reference, ...window]))
    return {
      edges,
      reference: histogram(numeric(reference), edges),
      window: histogram(numeric(window), edges),
    }
  }
  return { edges: undefined, ...countCategories(reference, window) }
}

/** Hellinger in the tool's own way: numeric bins by Sturges over the distinct values of both sides. */
const hellinger = (
  reference: ReadonlyArray<Category>,
  window: ReadonlyArray<Category>,
  kind: FeatureKind,
): number => {
  const counts = countCategories(reference, window)
  if (kind === "cat") return hellingerShares(counts.reference, counts.window)
  const edges = sturgesEdges(numeric(counts.keys))
  return hellingerShares(histogram(numeric(reference), edges), histogram(numeric(window), edges))
}

const chiSquared = (reference: ReadonlyArray<Category>, window: ReadonlyArray<Category>) => {
  const counts = countCategories(reference, window)
  const scale = window.length / reference.length
  return chiSquaredFit([...counts.window], [...counts.reference.map((one) => one * scale)]).pvalue
}

const proportions = (reference: ReadonlyArray<Category>, window: ReadonlyArray<Category>) => {
  const counts = countCategories(reference, window)
  if (counts.keys.length === 1) return 1
  const other = (side: Float64Array, rows: number) => rows - side[0]!
  return twoProportions(
    other(counts.reference, reference.length),
    reference.length,
    other(counts.window, window.length),
    window.length,
  ).pvalue
}

const binned = (
  reference: ReadonlyArray<Category>,
  window: ReadonlyArray<Category>,
  kind: FeatureKind,
) => {
  const bins = evidentlyBins(reference, window, kind)
  return { reference: shares(bins.reference), window: shares(bins.window) }
}

const scores: Record<
  EvidentlyTest,
  (r: ReadonlyArray<Category>, w: ReadonlyArray<Category>, kind: FeatureKind) => number
> = {
  ks: (r, w) => kolmogorovSmirnov(numeric(r), numeric(w)).pvalue,
  chisquare: chiSquared,
  z: proportions,
  wasserstein: (r, w) => wassersteinNormed(numeric(r), numeric(w)),
  jensenshannon: (r, w, kind) => {
    const { reference, window } = binned(r, w, kind)
    return jensenShannon(reference, window)
  },
  psi: (r, w, kind) => {
    const { reference, window } = binned(r, w, kind)
    return stabilityIndex(fillEmpty(reference), fillEmpty(window))
  },
  kl_div: (r, w, kind) => {
    const { reference, window } = binned(r, w, kind)
    return kullbackLeibler(fillEmpty(reference), fillEmpty(window))
  },
  hellinger,
}

const drifts = (test: EvidentlyTest, score: number, threshold: number): boolean => {
  if (test === "ks") return score <= threshold
  return test === "chisquare" || test === "z" ? score < threshold : score >= threshold
}

/** One column's test; the tool's own choice unless a test or threshold is given. */
export const evidentlyColumn = (
  reference: EvidentlyColumn,
  window: EvidentlyColumn,
  kind: FeatureKind,
  given: { readonly stattest?: EvidentlyTest; readonly threshold?: number } = {},
): EvidentlyScore => {
  const r = clean(reference)
  const w = clean(window)
  if (r.length === 0 || w.length === 0)
    throw new StatisticUndefined({ statistic: "Evidently", reason: "a column has no values" })
  const distinct = new Set([...r, ...w]).size
  const test = given.stattest ?? defaultTest(kind, r.length, distinct)
  const tested = test === "ks" || test === "chisquare" || test === "z"
  const threshold = given.threshold ?? (tested ? PVALUE_MAX : DISTANCE_MIN)
  const score = scores[test](r, w, kind)
  const drifted = drifts(test, score, threshold)
  return { stattest: DISPLAY[test], threshold, score, drifted, type: kind }
}

/** The verdict on a table: drift when the share of drifted columns reaches `driftShare`. */
export const evidentlyDataset = (drifted: ReadonlyArray<boolean>, driftShare = DRIFT_SHARE) => {
  const count = drifted.filter(Boolean).length
  const share = count / drifted.length
  return { columns: drifted.length, drifted: count, share, drift: share >= driftShare }
}
