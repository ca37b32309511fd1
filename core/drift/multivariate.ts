// All numeric columns together, by MMD or a classifier on a seeded sample: what changes only in how
// columns go together shows nowhere else. Rows with a missing value are left out.
import { classifierTwoSample } from "#core/statistics/classifier-two-sample"
import { mmdByGraph, type MmdGraphRunner } from "#core/statistics/mmd-graph"
import { drawPermutations, mmd, mmdReference, type MmdReference } from "#core/statistics/mmd"
import { fromFeatures, standardiser, type Rows } from "#core/statistics/rows"
import { choose, seededRandom } from "#core/statistics/seeded-random"
import type { TestOutcome } from "#proto/finding"
import type { PreparedReference } from "./prepared.ts"
import { numericColumns } from "./samples.ts"
import type { DriftSettings } from "./settings.ts"
import type { Table } from "./table.ts"

export const TOGETHER = "(all numeric)"
export const MMD_TEST = "mmd"
export const CLASSIFIER_TEST = "classifier"

/** Draws of a reference's rows: the same for every window, so that what is known of it stays. */
const REFERENCE_SEED = 1
/** A classifier on hundreds of columns takes longer than a window lasts. */
const CLASSIFIER_COLUMNS_MAX = 64

/** Complete rows, at most so many, chosen by the seed. */
const sample = (
  table: Table,
  names: ReadonlyArray<string>,
  rowsMax: number,
  seed: number,
): Rows => {
  const columns = numericColumns(table, names)
  const complete: Array<number> = []
  for (let row = 0; row < table.rows; row++)
    if (columns.every((values) => Number.isFinite(values[row]))) complete.push(row)
  const kept =
    complete.length <= rowsMax
      ? complete
      : [...choose(complete.length, rowsMax, seededRandom(seed))].map((at) => complete[at] ?? 0)
  return fromFeatures(columns.map((values) => Float64Array.from(kept, (row) => values[row] ?? NaN)))
}

/** Rows of a reference on its own scale, and how a window comes to that scale. */
export interface Together {
  readonly rows: Rows
  /** At most so many complete rows of a window, chosen by the seed. */
  readonly sample: (window: Table, rowsMax: number, seed: number) => Rows
  /** All complete rows of a window in their order. */
  readonly complete: (window: Table) => Rows
  /** Kernel and bandwidth, computed once. */
  readonly mmd: () => MmdReference
}

const prepared = new WeakMap<PreparedReference, Map<string, Together>>()

/** The numeric columns of a reference (or those named) as standardised rows, made once. */
export const togetherRows = (
  reference: PreparedReference,
  settings: DriftSettings,
  rowsMax: number,
  columns?: ReadonlyArray<string>,
): Together => {
  const known = prepared.get(reference) ?? new Map<string, Together>()
  prepared.set(reference, known)
  const key = JSON.stringify([rowsMax, columns])
  const found = known.get(key)
  if (found !== undefined) return found
  const names = reference.all.features
    .filter(({ column }) => column.kind === "numeric")
    .map(({ column }) => column.name)
    .filter((name) => columns?.includes(name) ?? settings.columns[name]?.ignore !== true)
  const raw = sample(reference.table, names, rowsMax, REFERENCE_SEED)
  const scaled = standardiser(raw)
  let kernel: MmdReference | undefined
  const rows = scaled(raw)
  const made: Together = {
    rows,
    sample: (window, most, seed) => scaled(sample(window, names, most, seed)),
    complete: (window) => scaled(sample(window, names, Infinity, 0)),
    mmd: () => (kernel ??= mmdReference(rows)),
  }
  known.set(key, made)
  return made
}

interface Asked {
  readonly reference: PreparedReference
  readonly window: Table
  readonly settings: DriftSettings
  readonly seed: number
}

type Numbers = Pick<TestOutcome, "statistic" | "pvalue" | "effect" | "threshold" | "drifted">

const words = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const test = async (
  asked: Asked,
  name: string,
  rowsMax: number,
  solve: (together: Together, window: Rows) => Numbers | Promise<Numbers>,
): Promise<TestOutcome> => {
  const { reference, window, settings, seed } = asked
  const nothing = { feature: TOGETHER, test: name, rows: 0, referenceRows: 0, drifted: false }
  try {
    const together = togetherRows(reference, settings, rowsMax)
    const rows = together.sample(window, rowsMax, seed)
    const outcome = { ...nothing, rows: rows.count, referenceRows: together.rows.count }
    const least = Math.min(outcome.rows, outcome.referenceRows)
    if (least < Math.max(2, settings.rowsMin))
      return { ...outcome, problem: `${least} complete rows, of at least ${settings.rowsMin}` }
    return { ...outcome, ...(await solve(together, rows)) }
  } catch (cause) {
    return { ...nothing, problem: words(cause) }
  }
}

const testMmd = async (
  asked: Asked,
  { rows, permutations, by }: NonNullable<DriftSettings["mmd"]>,
  runner: MmdGraphRunner | undefined,
): Promise<TestOutcome> => {
  const { alpha } = asked.settings
  return test(asked, MMD_TEST, rows, async (together, window) => {
    const reference = together.mmd()
    const orders = drawPermutations(reference.rows.count, window.count, permutations, asked.seed)
    const { distance, pvalue, drift } =
      by === "graph" && runner !== undefined
        ? await mmdByGraph(reference, window, orders, runner, { alpha })
        : mmd(reference, window, orders, { alpha })
    return { statistic: distance, pvalue, effect: distance, threshold: alpha, drifted: drift }
  })
}

const testClassifier = async (
  asked: Asked,
  { rows, folds }: NonNullable<DriftSettings["classifier"]>,
): Promise<TestOutcome> => {
  const { alpha, effect: effectMin } = asked.settings
  return test(asked, CLASSIFIER_TEST, rows, (together, window) => {
    if (window.width > CLASSIFIER_COLUMNS_MAX)
      throw new Error(`${window.width} columns, of at most ${CLASSIFIER_COLUMNS_MAX}`)
    const { auc, statistic, pvalue } = classifierTwoSample(together.rows, window, asked.seed, folds)
    // 0 where the two cannot be told apart, 1 where they always can.
    const effect = Math.max(0, 2 * auc - 1)
    const drifted = pvalue < alpha && effect >= effectMin
    return { statistic, pvalue, effect, effectMin, threshold: alpha, drifted }
  })
}

/**
 * The tests of all columns together that are configured. α is their own: with permutations, p is at
 * least 1/(B + 1) and no correction could be passed. Without a runner MMD is computed here.
 */
export const testTogether = async (
  asked: Asked,
  runner: MmdGraphRunner | undefined,
): Promise<ReadonlyArray<TestOutcome>> => {
  const { mmd: byKernel, classifier } = asked.settings
  return [
    ...(byKernel === undefined ? [] : [await testMmd(asked, byKernel, runner)]),
    ...(classifier === undefined ? [] : [await testClassifier(asked, classifier)]),
  ]
}
