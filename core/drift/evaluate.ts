// A window against its reference: every column tested as configured, nulls and new categories on
// their own, corrected over all of it; all columns together; and detectors over the stream. A test
// that cannot be done is reported as that and stops nothing else. Random choices come from the seed
// alone.
import type { ColumnSummary, TestOutcome } from "#proto/finding"
import { present, type Feature } from "#core/statistics/feature"
import type { MmdGraphRunner } from "#core/statistics/mmd-graph"
import { nullRateShift } from "#core/statistics/missing"
import { correctedThreshold } from "#core/statistics/profile"
import { testFeature } from "#core/statistics/univariate"
import { chooseTest, judge, mergeRare, type Chosen } from "./choice.ts"
import { testTogether } from "./multivariate.ts"
import { runDetectors, type Remembered } from "./online.ts"
import type { PreparedReference, PreparedSlice } from "./prepared.ts"
import { featureOf, sliceOf } from "./samples.ts"
import type { ColumnSettings, DriftSettings } from "./settings.ts"
import type { Column, Table } from "./table.ts"

export interface Evaluation {
  readonly columns: ReadonlyArray<ColumnSummary>
  readonly tests: ReadonlyArray<TestOutcome>
  readonly verdict: "drift" | "none" | "insufficient"
  /** What detectors over the stream remember; absent where there are none. */
  readonly online?: Remembered
}

export interface EvaluateOptions {
  /** Of everything random. */
  readonly seed: number
  /** What detectors over the stream remembered of the windows before this one. */
  readonly online?: Remembered | undefined
  /** Runs the graph of the MMD test; without it that test is computed here. */
  readonly runner?: MmdGraphRunner | undefined
}

/** A test that was done, before the correction over all of them. */
interface Tested {
  readonly chosen: Chosen
  readonly outcome: TestOutcome
  /** What the thing tested costs in effect; `undefined` where only the statistic counts. */
  readonly effectMin: number | undefined
}

export const NULL_RATE_TEST = "null-rate"
export const UNSEEN_TEST = "unseen"

const SHARE_EPSILON = 1e-12

const finite = (value: number | null | undefined): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

const withNumbers = (outcome: TestOutcome, numbers: Readonly<Record<string, unknown>>) => {
  const entries = Object.entries(numbers).filter(([, value]) => value !== undefined)
  return { ...outcome, ...Object.fromEntries(entries) }
}

const unseenOf = (reference: Feature, window: Feature): number | undefined => {
  if (reference.kind !== "categorical" || window.kind !== "categorical") return undefined
  const rows = present(window)
  if (rows === 0) return undefined
  let unseen = 0
  for (const [value, count] of window.counts) if (!reference.counts.has(value)) unseen += count
  return unseen / rows
}

const failed = (outcome: TestOutcome, chosen: Chosen, problem: string): Tested => ({
  chosen,
  outcome: { ...outcome, problem },
  effectMin: undefined,
})

interface Pair {
  readonly column: Column
  readonly slice: PreparedSlice
  readonly reference: Feature
  readonly window: Feature
  readonly own: ColumnSettings | undefined
}

const base = ({ column, slice, reference, window }: Pair, test: string): TestOutcome => ({
  feature: column.name,
  ...(slice.slice === undefined ? {} : { slice: slice.slice }),
  test,
  rows: present(window),
  referenceRows: present(reference),
  drifted: false,
})

const testValues = (pair: Pair, settings: DriftSettings): Tested => {
  const { reference, window, own } = pair
  const chosen = chooseTest(settings, own, reference, window)
  const outcome = base(pair, chosen.test)
  const least = Math.min(outcome.rows, outcome.referenceRows)
  if (least === 0) {
    const side = outcome.referenceRows === 0 ? ["reference", reference] : ["window", window]
    const [name, feature] = side
    const rows = typeof feature === "object" ? feature.rows : 0
    return failed(outcome, chosen, rows === 0 ? `the ${name} is empty` : `the ${name} is all null`)
  }
  if (least < settings.rowsMin)
    return failed(outcome, chosen, `${least} rows, of at least ${settings.rowsMin}`)
  try {
    const merged = settings.profile === "weir" && chosen.test === "chi-squared"
    const [x, y] = merged ? mergeRare(reference, window) : [reference, window]
    const result = testFeature(chosen.test, x, y)
    const pvalue = finite(result.pvalue)
    const effectMin = pvalue === undefined ? undefined : (own?.effect ?? settings.effect)
    const numbers = {
      statistic: finite(result.statistic),
      pvalue,
      effect: finite(result.effect),
      effectMin,
      threshold: chosen.threshold,
    }
    return { chosen, outcome: withNumbers(outcome, numbers), effectMin }
  } catch (cause) {
    return failed(outcome, chosen, cause instanceof Error ? cause.message : String(cause))
  }
}

const testNulls = (pair: Pair, settings: DriftSettings): ReadonlyArray<Tested> => {
  const { reference, window, column } = pair
  // A caller may leave outputs out: that they are missing says nothing about the data.
  if (column.source === "output" || settings.nulls >= 1) return []
  if (Math.min(reference.rows, window.rows) < settings.rowsMin) return []
  const rate = (feature: Feature) => {
    const nulls = feature.rows - present(feature)
    return { nulls, rows: feature.rows, rate: nulls / feature.rows }
  }
  const [before, now] = [rate(reference), rate(window)]
  if (before.nulls + now.nulls === 0 || (before.rate === 1 && now.rate === 1)) return []
  const { statistic, pvalue, effect } = nullRateShift(before, now)
  const chosen: Chosen = { test: NULL_RATE_TEST, threshold: settings.alpha, comparison: "below" }
  const numbers = {
    statistic: finite(statistic),
    pvalue: finite(pvalue),
    effect: Math.abs(effect),
    effectMin: settings.nulls,
    threshold: settings.alpha,
  }
  const rows = { rows: now.rows, referenceRows: before.rows }
  const outcome = withNumbers({ ...base(pair, NULL_RATE_TEST), ...rows }, numbers)
  return [{ chosen, outcome, effectMin: settings.nulls }]
}

/**
 * Rows of the reference whose category came once: as large a share as theirs would be new without
 * any change (Good 1953, the Good-Turing estimate).
 */
const seenOnce = (reference: Feature): number => {
  if (reference.kind !== "categorical") return 0
  let once = 0
  for (const count of reference.counts.values()) if (count === 1) once++
  return once
}

const testUnseen = (pair: Pair, settings: DriftSettings): ReadonlyArray<Tested> => {
  const share = unseenOf(pair.reference, pair.window)
  const outcome = base(pair, UNSEEN_TEST)
  const { rows, referenceRows } = outcome
  if (share === undefined || share === 0 || settings.unseen > 1) return []
  if (Math.min(rows, referenceRows) < settings.rowsMin) return []
  const once = seenOnce(pair.reference)
  const expected = { nulls: once, rows: referenceRows, rate: once / referenceRows }
  const found = { nulls: Math.round(share * rows), rows, rate: share }
  const { effect, pvalue: p } = nullRateShift(expected, found)
  // Fewer new values than the reference may have missed are no news.
  const pvalue = effect > 0 ? finite(p) : 1
  const chosen: Chosen = { test: UNSEEN_TEST, threshold: settings.alpha, comparison: "below" }
  const numbers = {
    statistic: share,
    pvalue,
    effect: Math.max(0, effect),
    effectMin: settings.unseen,
    threshold: settings.alpha,
  }
  return [{ chosen, outcome: withNumbers(outcome, numbers), effectMin: settings.unseen }]
}

const testSlice = (
  slice: PreparedSlice,
  window: Table,
  settings: DriftSettings,
): ReadonlyArray<Tested> => {
  const selected = slice.slice === undefined ? undefined : sliceOf(window, slice.slice)
  return slice.features.flatMap(({ column, feature }) => {
    const own = settings.columns[column.name]
    if (own?.ignore === true) return []
    const pair = {
      column,
      slice,
      reference: feature,
      window: featureOf(window, column, selected),
      own,
    }
    return [testValues(pair, settings), ...testNulls(pair, settings), ...testUnseen(pair, settings)]
  })
}

/** All thresholds corrected together, and who drifted by them. */
const correct = (
  all: ReadonlyArray<Tested>,
  settings: DriftSettings,
): ReadonlyArray<TestOutcome> => {
  const pvalues = all.flatMap(({ outcome }) => outcome.pvalue ?? [])
  const corrected = correctedThreshold(pvalues, settings.alpha, settings.correction)
  return all.map(({ chosen, outcome, effectMin }) => {
    if (outcome.problem !== undefined) return outcome
    const asCorrected = settings.correction !== "none" && outcome.pvalue !== undefined
    const threshold = asCorrected ? corrected : chosen.threshold
    const enough =
      effectMin === undefined || (outcome.effect ?? 0) >= effectMin * (1 - SHARE_EPSILON)
    const drifted = judge({ ...chosen, threshold }, outcome) && enough
    return { ...outcome, threshold, drifted }
  })
}

const summaries = (
  { all }: PreparedReference,
  window: Table,
  settings: DriftSettings,
): ReadonlyArray<ColumnSummary> =>
  all.features
    .filter(({ column }) => settings.columns[column.name]?.ignore !== true)
    .map(({ column, feature }) => {
      const now = featureOf(window, column, undefined)
      const { name, source, kind } = column
      const rate = (of: Feature) => finite((of.rows - present(of)) / of.rows)
      const numbers = {
        nullRate: rate(now),
        referenceNullRate: rate(feature),
        unseenRate: unseenOf(feature, now),
      }
      const known = Object.entries(numbers).filter(([, value]) => value !== undefined)
      return { name, source, kind, ...Object.fromEntries(known) }
    })

/** Whether any test of a column drifted, and enough of them. */
const columnsDrift = (tests: ReadonlyArray<TestOutcome>, share: number): boolean => {
  const drifted = tests.filter((one) => one.drifted).length
  const done = tests.filter((one) => one.problem === undefined).length
  return drifted > 0 && drifted / Math.max(1, done) >= share
}

/** Tests a window; the same arguments give the same evaluation. */
export const evaluateWindow = async (
  reference: PreparedReference,
  window: Table,
  settings: DriftSettings,
  { seed, online = {}, runner }: EvaluateOptions,
): Promise<Evaluation> => {
  const slices = settings.each ? [reference.all, ...reference.slices] : []
  const tested = slices.flatMap((slice) => testSlice(slice, window, settings))
  const each = correct(tested, settings)
  const together = await testTogether({ reference, window, settings, seed }, runner)
  const streams = runDetectors(reference, window, settings, seed, online)
  const others = [...together, ...streams.tests]
  const drift = columnsDrift(each, settings.share) || others.some(({ drifted }) => drifted)
  const insufficient = Math.min(window.rows, reference.table.rows) < settings.rowsMin
  return {
    columns: summaries(reference, window, settings),
    tests: [...each, ...others],
    verdict: drift ? "drift" : insufficient ? "insufficient" : "none",
    ...(settings.online.length === 0 ? {} : { online: streams.remembered }),
  }
}
