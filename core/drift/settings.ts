// How the windows of a model are tested, with every choice made: what a configuration comes to once
// its defaults are in. Plain data, so that it can travel to a worker and be digested.
import type { TestName } from "#core/statistics/univariate"
import { alarmsPerRow, type OnlineDetector } from "./detectors.ts"
import type { WindowEvaluated } from "#proto/finding"
import type { WindowRule } from "./window.ts"

export type ProfileName = "weir" | "alibi" | "evidently" | "scipy"

export interface ColumnSettings {
  readonly ignore: boolean
  readonly kind: "numeric" | "categorical" | undefined
  readonly test: TestName | undefined
  /** α of a test, or the distance from which it counts; the profile's when left out. */
  readonly threshold: number | undefined
  readonly effect: number | undefined
}

export interface SliceSettings {
  readonly feature: string
  /** Without them, the most frequent values of the reference. */
  readonly values: ReadonlyArray<string> | undefined
}

export type ReferenceSource =
  | { readonly kind: "first"; readonly rows: number }
  /** The first window, whatever makes one. */
  | { readonly kind: "window" }
  /** Positions, or names of marks; both ends included. */
  | { readonly kind: "range"; readonly from: number | string; readonly to: number | string }
  | { readonly kind: "file"; readonly path: string }
  /** An artifact that was made before. */
  | { readonly kind: "digest"; readonly digest: string }
  /** The training profile that the champion's signature names. */
  | { readonly kind: "profile" }

export interface MmdSettings {
  readonly rows: number
  readonly permutations: number
  /** The Gram matrix and permutations as one ONNX graph in float32, or here in float64. */
  readonly by: "graph" | "plain"
}

export interface ReferenceUpdate {
  readonly kind: "last" | "reservoir"
  /** Rows of the reference, at most. */
  readonly rows: number
}

/** What windows over ground truth have of their own; the rest is the model's. */
export interface TruthSettings {
  readonly window: WindowRule
  readonly reference: ReferenceSource & { readonly kind: "first" | "window" }
}

export interface DriftSettings {
  /** What is tested: features and outputs, or what came true. */
  readonly of: "predictions" | "truth"
  /** Absent where ground truth is not watched. */
  readonly truth: TruthSettings | undefined
  readonly window: WindowRule
  readonly reference: ReferenceSource
  readonly profile: ProfileName
  /** Rows that a window and a reference hold at most; more are sampled. */
  readonly rowsMax: number
  /** Fewer rows on either side are not tested. */
  readonly rowsMin: number
  /** False alarm rate of a window, over all its tests after the correction. */
  readonly alpha: number
  readonly correction: "bonferroni" | "fdr" | "none"
  /** A test with a p-value counts only from this effect on: distance of distributions, 0 to 1. */
  readonly effect: number
  /** Change of the null rate from which it counts, in shares; 1 turns it off. */
  readonly nulls: number
  /** Share of values that the reference never had from which it counts; above 1 turns it off. */
  readonly unseen: number
  /** Drift is reported when this many of the last windows drifted. */
  readonly hits: number
  readonly windows: number
  /** Drift is over after so many windows in a row without it. */
  readonly clear: number
  /** Share of the tests that must drift before the window counts; 0 for any. */
  readonly share: number
  readonly columns: Readonly<Record<string, ColumnSettings>>
  readonly slices: ReadonlyArray<SliceSettings>
  /** Tests each column by itself. */
  readonly each: boolean
  /** Tests all numeric columns together by MMD on so many rows a side. */
  readonly mmd: MmdSettings | undefined
  /** Whether a classifier can tell so many rows of window and reference apart. */
  readonly classifier: { readonly rows: number; readonly folds: number } | undefined
  /** Detectors that take row after row and remember them from window to window. */
  readonly online: ReadonlyArray<OnlineDetector>
  /** How the rows of windows that did not drift join the reference. */
  readonly update: ReferenceUpdate | undefined
}

/** The settings of the windows over ground truth; `undefined` where there are none. */
export const truthSettings = (settings: DriftSettings): DriftSettings | undefined => {
  const { truth } = settings
  if (truth === undefined) return undefined
  const { window, reference } = truth
  const none = { mmd: undefined, classifier: undefined, truth: undefined }
  return { ...settings, ...none, of: "truth", window, reference }
}

/** All reports per day that no change explains, at most or about, by what a window showed. */
export const expectedAlarms = (
  settings: DriftSettings,
  { tests, columns, window }: Pick<WindowEvaluated, "tests" | "columns" | "window">,
  windowsPerDay: number,
): number => {
  const tested = tests.filter(({ pvalue }) => pvalue !== undefined).length
  const numeric = columns.filter(({ kind }) => kind === "numeric").length
  return (
    falseAlarmsPerDay(settings, tested, windowsPerDay) +
    streamAlarmsPerDay(settings, numeric, windowsPerDay * window.rows)
  )
}

/**
 * Reports per day that no change explains, at most: each test drifts by chance with α (shared among
 * the tests by the correction) and is reported when that happens in `hits` of `windows` windows.
 * Windows are taken as independent, and the effect size, which only lowers it, is left out.
 */
export const falseAlarmsPerDay = (
  { alpha, correction, hits, windows }: DriftSettings,
  tests: number,
  windowsPerDay: number,
): number => {
  const each = correction === "none" ? alpha : alpha / Math.max(1, tests)
  let others = 0
  for (let k = hits - 1; k < windows; k++) others += binomial(windows - 1, k, each)
  return windowsPerDay * Math.max(1, tests) * each * others
}

/** The same of detectors over the stream, as far as a law of them is known. */
export const streamAlarmsPerDay = (
  { online }: DriftSettings,
  numericColumns: number,
  rowsPerDay: number,
): number => {
  const columnsOf = (one: OnlineDetector) =>
    one.detector === "mmd" ? 1 : (one.columns?.length ?? numericColumns)
  return online.reduce(
    (sum, one) => sum + columnsOf(one) * (alarmsPerRow(one) ?? 0) * rowsPerDay,
    0,
  )
}

const binomial = (n: number, k: number, p: number): number => {
  let ways = 1
  for (let i = 0; i < k; i++) ways = (ways * (n - i)) / (i + 1)
  return ways * p ** k * (1 - p) ** (n - k)
}
