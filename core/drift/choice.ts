// Which test a column gets and what it has to pass, by the profile and what is configured.
import { asCategories, categoryTable, type Feature } from "#core/statistics/feature"
import type { Category } from "#core/statistics/histogram"
import { exceeds, evidentlyChoice, profiles, type Comparison } from "#core/statistics/profile"
import type { TestName } from "#core/statistics/univariate"
import type { TestOutcome } from "#proto/finding"
import type { ColumnSettings, DriftSettings } from "./settings.ts"

export interface Chosen<Test extends string = string> {
  readonly test: Test
  readonly threshold: number
  readonly comparison: Comparison
}

/** Tests whose answer is a distance, to be at least a threshold. */
const DISTANCES: ReadonlySet<TestName> = new Set<TestName>([
  "psi",
  "psi-evidently",
  "jensen-shannon",
  "kullback-leibler",
  "hellinger",
  "total-variation",
  "largest-shift",
  "wasserstein",
  "wasserstein-normed",
  "energy",
])

export const isDistance = (test: TestName): boolean => DISTANCES.has(test)

/** What most tools take as the first distance that matters. */
const DISTANCE_MIN = 0.1

const asked = (test: TestName, { profile, alpha }: DriftSettings): Chosen<TestName> => {
  if (profile === "evidently") return evidentlyChoice(test)
  return isDistance(test)
    ? { test, threshold: DISTANCE_MIN, comparison: "at-least" }
    : { test, threshold: alpha, comparison: "below" }
}

/** The column's own test, else the profile's: KS and χ² where nothing else is said. */
export const chooseTest = (
  settings: DriftSettings,
  own: ColumnSettings | undefined,
  reference: Feature,
  window: Feature,
): Chosen<TestName> => {
  const usual = (): Chosen<TestName> =>
    settings.profile === "weir"
      ? asked(reference.kind === "numeric" ? "ks-asymptotic" : "chi-squared", settings)
      : settings.profile === "evidently"
        ? profiles.evidently.choose(reference, window)
        : { ...profiles[settings.profile].choose(reference), threshold: settings.alpha }
  const chosen = own?.test === undefined ? usual() : asked(own.test, settings)
  return own?.threshold === undefined ? chosen : { ...chosen, threshold: own.threshold }
}

/** Whether an outcome passes what was chosen. */
export const judge = ({ threshold, comparison }: Chosen, outcome: TestOutcome): boolean =>
  outcome.statistic !== undefined || outcome.pvalue !== undefined
    ? exceeds(
        { test: "ks", threshold, comparison },
        {
          statistic: outcome.statistic ?? NaN,
          pvalue: outcome.pvalue ?? null,
          effect: outcome.effect ?? NaN,
        },
      )
    : false

/** With fewer expected rows in a category the law of χ² is no longer that of the counts. */
const EXPECTED_ROWS_MIN = 5
const RARE = "(rare)"

/**
 * Categories of which fewer than five rows are expected on a side, in one: hundreds of rare ones
 * would make false alarms of the χ² test.
 *
 * @throws Error where every category is so rare: one for all would be the same on both sides.
 */
export const mergeRare = (
  reference: Feature,
  window: Feature,
): readonly [reference: Feature, window: Feature] => {
  const { keys, reference: x, window: y } = categoryTable(reference, window)
  const [n, m] = [sum(x), sum(y)]
  const least = Math.min(n, m) / (n + m)
  const rare = new Set<Category>(
    keys.filter((_, i) => ((x[i] ?? 0) + (y[i] ?? 0)) * least < EXPECTED_ROWS_MIN),
  )
  if (rare.size < 2) return [reference, window]
  if (rare.size === keys.length)
    throw new Error(
      `each of ${keys.length} categories is too rare: fewer than ${EXPECTED_ROWS_MIN} rows are ` +
        "expected of it; take larger windows, or another test",
    )
  const merge = (feature: Feature): Feature => {
    const { counts, rows } = asCategories(feature)
    const merged = new Map<Category, number>()
    for (const [value, count] of counts) {
      const key = rare.has(value) ? RARE : value
      merged.set(key, (merged.get(key) ?? 0) + count)
    }
    return { kind: "categorical", counts: merged, rows }
  }
  return [merge(reference), merge(window)]
}

const sum = (counts: Float64Array): number => counts.reduce((total, one) => total + one, 0)
