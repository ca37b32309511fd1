// Detectors over the stream: they take a window row after row and go on from what they remembered
// of the rows before it. What they remember is part of the window's finding, so a restart changes
// nothing. A sampled window has no order of rows and is refused.
import { present, type NumericFeature } from "#core/statistics/feature"
import { quantileSorted } from "#core/statistics/histogram"
import { calibrateOnlineMmd, OnlineMmd } from "#core/statistics/mmd-online"
import type { Rows } from "#core/statistics/rows"
import type { StreamDetector } from "#core/statistics/stream-detector"
import { StatisticUndefined } from "#core/statistics/undefined"
import type { TestOutcome } from "#proto/finding"
import {
  detectorTest,
  makeDetector,
  scaleOf,
  type ColumnDetector,
  type OnlineDetector,
} from "./detectors.ts"
import { TOGETHER, togetherRows, type Together } from "./multivariate.ts"
import type { PreparedFeature, PreparedReference } from "./prepared.ts"
import { errorsOf, numericColumns } from "./samples.ts"
import type { DriftSettings } from "./settings.ts"
import type { Table } from "./table.ts"
import { TRUTH_ERROR } from "./truth.ts"

/** What detectors remember, by their place in the configuration and their column. */
export type Remembered = Readonly<Record<string, string>>

export interface OnlineEvaluation {
  readonly tests: ReadonlyArray<TestOutcome>
  readonly remembered: Remembered
}

/** Detectors times columns; what they remember is part of one message. */
const STREAMS_MAX = 200
const MMD_WINDOW_ROWS = 50
const MMD_REFERENCE_ROWS = 500
/** Draws of the calibration: the same for every window of a reference. */
const CALIBRATION_SEED = 1
/** Values beyond these quantiles of the reference count as these, on the scale from 0 to 1. */
const TAIL = 0.005
/** Apart enough for generators of neighbouring columns. */
const SEED_STEP = 7_919

const encode = (numbers: ReadonlyArray<number>): string =>
  Buffer.from(Float64Array.from(numbers).buffer).toString("base64")

const decode = (text: string): ReadonlyArray<number> => {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"))
  return [...new Float64Array(bytes.buffer)]
}

interface Stream {
  readonly key: string
  readonly detector: ColumnDetector
  readonly column: PreparedFeature
}

const fits = (detector: ColumnDetector, { column }: PreparedFeature): boolean =>
  scaleOf(detector) === "errors" ? column.name === TRUTH_ERROR : column.kind === "numeric"

const streamsOf = (
  { all }: PreparedReference,
  detector: ColumnDetector,
  at: number,
  settings: DriftSettings,
): ReadonlyArray<Stream> =>
  all.features
    .filter(({ column }) => settings.columns[column.name]?.ignore !== true)
    .filter((one) => detector.columns?.includes(one.column.name) ?? fits(detector, one))
    .map((column) => ({ key: `${at} ${column.column.name}`, detector, column }))

const scaler = (scale: "unit" | "deviations", { sorted }: NumericFeature) => {
  if (scale === "unit") {
    const low = quantileSorted(sorted, TAIL)
    const width = quantileSorted(sorted, 1 - TAIL) - low
    if (width > 0) return (value: number) => Math.min(1, Math.max(0, (value - low) / width))
  } else {
    const mean = sorted.reduce((sum, value) => sum + value / sorted.length, 0)
    const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2 / sorted.length, 0)
    if (squares > 0) return (value: number) => (value - mean) / Math.sqrt(squares)
  }
  throw new StatisticUndefined({ statistic: scale, reason: "the reference is constant" })
}

const valuesOf = ({ detector, column }: Stream, window: Table): Float64Array => {
  const scale = scaleOf(detector)
  const { name } = column.column
  if (scale === "errors") return errorsOf(window, name)
  const { feature } = column
  if (feature.kind !== "numeric" || feature.sorted.length === 0)
    throw new StatisticUndefined({
      statistic: detector.detector,
      reason: feature.kind === "numeric" ? "the reference is all null" : "the column is no number",
    })
  const [values = new Float64Array(0)] = numericColumns(window, [name])
  return scale === "as-they-are" ? values : values.map(scaler(scale, feature))
}

interface Fired {
  readonly taken: number
  readonly drifts: number
  /** From 1. */
  readonly firedAt: number | undefined
}

const follow = (detector: StreamDetector, values: Float64Array): Fired => {
  let taken = 0
  let drifts = 0
  let firedAt: number | undefined
  values.forEach((value, row) => {
    if (Number.isNaN(value)) return
    taken++
    detector.update(value)
    if (!detector.drift) return
    drifts++
    firedAt ??= row + 1
  })
  return { taken, drifts, firedAt }
}

const outcomeOf = (
  test: string,
  feature: string,
  referenceRows: number,
  { taken, drifts, firedAt }: Fired,
): TestOutcome => ({
  feature,
  test,
  rows: taken,
  referenceRows,
  statistic: drifts,
  threshold: 1,
  ...(firedAt === undefined ? {} : { firedAt }),
  drifted: drifts > 0,
})

const words = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

interface Followed {
  readonly test: TestOutcome
  /** Absent when nothing could be taken: then what was remembered stays. */
  readonly saved?: string
}

const followColumn = (
  stream: Stream,
  window: Table,
  seed: number,
  saved: string | undefined,
): Followed => {
  const { detector, column } = stream
  const referenceRows = present(column.feature)
  const { name } = column.column
  const test = detectorTest(detector)
  try {
    if (window.rows < window.seen) throw sampled(test, window)
    const values = valuesOf(stream, window)
    const made = makeDetector(detector, seed)
    if (saved !== undefined) made.restore(decode(saved))
    const fired = follow(made, values)
    return { test: outcomeOf(test, name, referenceRows, fired), saved: encode(made.save()) }
  } catch (cause) {
    const nothing = { feature: name, test, rows: 0, referenceRows, drifted: false }
    return { test: { ...nothing, problem: words(cause) } }
  }
}

const sampled = (statistic: string, { rows, seen }: Table): StatisticUndefined =>
  new StatisticUndefined({
    statistic,
    reason: `${rows} of ${seen} rows are held, a detector takes every row in order (rows_max)`,
  })

type MmdDetector = Extract<OnlineDetector, { readonly detector: "mmd" }>

/** Calibrated once for a reference: it takes a second. */
const calibrated = new WeakMap<Rows, Map<string, OnlineMmd>>()

const onlineMmd = (detector: MmdDetector, reference: Rows): OnlineMmd => {
  const known = calibrated.get(reference) ?? new Map<string, OnlineMmd>()
  calibrated.set(reference, known)
  const windowSize = detector.window ?? MMD_WINDOW_ROWS
  const key = `${detector.run_length} ${windowSize}`
  const options = {
    expectedRunLength: detector.run_length,
    windowSize,
    seed: CALIBRATION_SEED,
  }
  const made = known.get(key) ?? new OnlineMmd(calibrateOnlineMmd(reference, options))
  known.set(key, made)
  return made
}

const followRows = (made: OnlineMmd, { values, count, width }: Rows): Fired => {
  let drifts = 0
  let firedAt: number | undefined
  for (let row = 0; row < count; row++) {
    made.update(values.slice(row * width, (row + 1) * width))
    if (!made.drift) continue
    drifts++
    firedAt ??= row + 1
    made.reset()
  }
  return { taken: count, drifts, firedAt }
}

const followTogether = (
  detector: MmdDetector,
  reference: PreparedReference,
  window: Table,
  settings: DriftSettings,
  saved: string | undefined,
): Followed => {
  const test = detectorTest(detector)
  const nothing = { feature: TOGETHER, test, rows: 0, referenceRows: 0, drifted: false }
  try {
    if (window.rows < window.seen) throw sampled(test, window)
    const names = detector.columns
    const together: Together = togetherRows(
      reference,
      settings,
      detector.rows ?? MMD_REFERENCE_ROWS,
      names,
    )
    const made = onlineMmd(detector, together.rows)
    made.restore(saved === undefined ? [] : decode(saved))
    const fired = followRows(made, together.complete(window))
    const outcome = outcomeOf(test, TOGETHER, together.rows.count, fired)
    return { test: { ...outcome, effect: made.statistic }, saved: encode(made.save()) }
  } catch (cause) {
    return { test: { ...nothing, problem: words(cause) } }
  }
}

/**
 * What the detectors that are configured say about a window, and what they remember after it.
 * `before` is what they remembered; without it they begin.
 */
export const runDetectors = (
  reference: PreparedReference,
  window: Table,
  settings: DriftSettings,
  seed: number,
  before: Remembered,
): OnlineEvaluation => {
  const tests: Array<TestOutcome> = []
  const remembered = new Map<string, string>()
  const take = (key: string, { test, saved }: Followed) => {
    tests.push(test)
    const kept = saved ?? before[key]
    if (kept !== undefined) remembered.set(key, kept)
  }
  let streams = 0
  settings.online.forEach((detector, at) => {
    if (detector.detector === "mmd") {
      const key = `${at} ${TOGETHER}`
      take(key, followTogether(detector, reference, window, settings, before[key]))
      return
    }
    for (const stream of streamsOf(reference, detector, at, settings)) {
      if (++streams > STREAMS_MAX) return
      const own = (seed + streams * SEED_STEP) >>> 0
      take(stream.key, followColumn(stream, window, own, before[stream.key]))
    }
  })
  return { tests, remembered: Object.fromEntries(remembered) }
}
