// The quality of rows by the task of their model: from labels where they have come, and estimated
// from calibrated probabilities where they have not. Metrics that the rows do not define are left
// out.
import {
  binsByWidth,
  calibrate,
  calibrationError,
  fitIsotonic,
  type Isotonic,
} from "#core/statistics/calibration"
import {
  accuracy,
  binaryLogLoss,
  brier,
  classCounts,
  confusion,
  f1Average,
  logLoss,
  rocAuc,
} from "#core/statistics/classification"
import { expectedQuality } from "#core/statistics/estimate"
import { regressionQuality } from "#core/statistics/regression"
import type { PerformanceGroup } from "#proto/outcome"
import type { RowColumns } from "./window-rows.ts"

export type Metrics = Readonly<Record<string, number>>

export interface Task {
  readonly kind: "classification" | "regression" | "other"
  /** Code of the positive class; undefined without one. */
  readonly positive: number | undefined
}

/**
 * Labelled rows that calibrate a version: the largest of these numbers that there are, so that not
 * every label changes every estimate.
 */
export const CALIBRATION_STEPS = [100, 200, 500, 1_000, 2_000] as const

export interface Calibration {
  readonly map: Isotonic
  readonly rows: number
}

const finite = (metrics: Readonly<Record<string, number>>): Metrics =>
  Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)))

const pick = (values: ReadonlyArray<number>, rows: ReadonlyArray<number>): Float64Array =>
  Float64Array.from(rows, (row) => values[row] ?? Number.NaN)

const binaryMetrics = (columns: RowColumns, rows: ReadonlyArray<number>, positive: number) => {
  const scored = rows.filter((row) => !Number.isNaN(columns.positive[row] ?? Number.NaN))
  if (scored.length === 0) return {}
  const labels = Float64Array.from(scored, (row) => Number(columns.truth[row] === positive))
  const scores = pick(columns.positive, scored)
  return {
    auc: rocAuc(labels, scores),
    log_loss: binaryLogLoss(labels, scores),
    brier: brier(labels, scores),
    calibration_error: calibrationError(binsByWidth(labels, scores)).expected,
  }
}

const manyClassMetrics = (columns: RowColumns, rows: ReadonlyArray<number>) => {
  const scored = rows.filter((row) => columns.chances[row] !== undefined)
  if (scored.length === 0) return {}
  const truth = pick(columns.truth, scored)
  const chance = (at: number, label: number) => columns.chances[scored[at] ?? 0]?.[label] ?? 0
  const right = Float64Array.from(scored, (row) =>
    Number(columns.truth[row] === columns.predicted[row]),
  )
  const confidence = Float64Array.from(scored, (row) => Math.max(...(columns.chances[row] ?? [0])))
  return {
    log_loss: logLoss(truth, chance),
    calibration_error: calibrationError(binsByWidth(right, confidence)).expected,
  }
}

/** Of more classes than this, which only a signature without classes lets labels name, no F1. */
const F1_CLASSES_MAX = 256

/** Accuracy and F1; the classes that occur are numbered anew, so that a table of them is small. */
const hitMetrics = (columns: RowColumns, rows: ReadonlyArray<number>, positive?: number) => {
  const judged = rows.filter((row) => !Number.isNaN(columns.predicted[row] ?? Number.NaN))
  if (judged.length === 0) return {}
  const [truth, predicted] = [pick(columns.truth, judged), pick(columns.predicted, judged)]
  const codes = [...new Set([...truth, ...predicted])].toSorted((a, b) => a - b)
  if (codes.length > F1_CLASSES_MAX) {
    const hits = truth.filter((code, at) => code === predicted[at]).length
    return { accuracy: hits / judged.length }
  }
  const places = new Map(codes.map((code, place) => [code, place]))
  const place = (code: number) => places.get(code) ?? 0
  const counts = confusion(truth.map(place), predicted.map(place), codes.length)
  const at = positive === undefined ? undefined : places.get(positive)
  const ofPositive = at === undefined ? 0 : classCounts(counts, at).f1
  const f1 = positive === undefined ? f1Average(counts, "macro") : ofPositive
  return { accuracy: accuracy(counts), f1 }
}

const classMetrics = (
  columns: RowColumns,
  rows: ReadonlyArray<number>,
  { positive }: Task,
): Metrics =>
  finite({
    ...hitMetrics(columns, rows, positive),
    ...(positive === undefined
      ? manyClassMetrics(columns, rows)
      : binaryMetrics(columns, rows, positive)),
  })

const numberMetrics = (columns: RowColumns, rows: ReadonlyArray<number>): Metrics => {
  const judged = rows.filter((row) => Number.isFinite(columns.predicted[row] ?? Number.NaN))
  if (judged.length === 0) return {}
  const { mae, rmse, r2 } = regressionQuality(
    pick(columns.truth, judged),
    pick(columns.predicted, judged),
  )
  return finite({ mae, rmse, r2 })
}

/** The metrics of those of the rows that have labels. */
export const realised = (columns: RowColumns, rows: ReadonlyArray<number>, task: Task): Metrics => {
  if (rows.length === 0 || task.kind === "other") return {}
  return task.kind === "regression"
    ? numberMetrics(columns, rows)
    : classMetrics(columns, rows, task)
}

/** What a row claims (chance of the positive class, or of being right), and whether it was so. */
export const claimOf = (columns: RowColumns, row: number, { positive }: Task) => {
  const truth = columns.truth[row] ?? Number.NaN
  if (positive !== undefined)
    return { claim: columns.positive[row] ?? Number.NaN, held: Number(truth === positive) }
  const chances = columns.chances[row]
  const claim = chances === undefined ? Number.NaN : Math.max(...chances)
  return { claim, held: Number(truth === columns.predicted[row]) }
}

/** Isotonic, from claims and whether they held; undefined where they are too few or all alike. */
export const calibration = (
  claims: ReadonlyArray<number>,
  held: ReadonlyArray<number>,
): Calibration | undefined => {
  const hits = held.filter((one) => one === 1).length
  if (claims.length < CALIBRATION_STEPS[0] || hits === 0 || hits === held.length) return undefined
  return { map: fitIsotonic(held, Float64Array.from(claims)), rows: claims.length }
}

/**
 * What is to be expected of the rows: CBPE for two classes; the mean calibrated confidence for
 * more. `calibrationOf` takes the code of a version.
 */
export const estimated = (
  columns: RowColumns,
  rows: ReadonlyArray<number>,
  task: Task,
  calibrationOf: (version: number) => Calibration | undefined,
): PerformanceGroup["estimate"] => {
  if (task.kind !== "classification") return undefined
  const used = rows.filter((row) => !Number.isNaN(claimOf(columns, row, task).claim))
  if (used.length === 0) return undefined
  const scores = Float64Array.from(used, (row) => claimOf(columns, row, task).claim)
  const versions = new Set<number>()
  const calibrated = Float64Array.from(used, (row, at) => {
    const version = columns.version[row] ?? -1
    versions.add(version)
    const known = calibrationOf(version)
    return known === undefined ? (scores[at] ?? 0) : calibrate(known.map, scores[at] ?? 0)
  })
  const predicted = used.map((row) =>
    Number(task.positive === undefined || columns.predicted[row] === task.positive),
  )
  const found = expectedQuality(scores, calibrated, predicted)
  const calibratedOn = [...versions].reduce((sum, one) => sum + (calibrationOf(one)?.rows ?? 0), 0)
  const ofScores =
    task.positive === undefined
      ? {}
      : { auc: found.auc, brier: found.brier, log_loss: found.logLoss }
  return {
    metrics: finite({ accuracy: found.accuracy, ...ofScores }),
    accuracyError: found.accuracyError,
    calibratedOn,
  }
}
