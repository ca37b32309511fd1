// Quality that is estimated without labels, against the quality that the labels give then: on the
// flights of March, the same with another mix of flights, and where labels changed their
// meaning, which no estimate of this kind can see.
import { readFile } from "node:fs/promises"
import { openSession, type ModelSession } from "#core/inference/session"
import { encodeTexts } from "#core/inference/string-elements"
import { Ledger } from "#core/outcomes/ledger"
import { Calibrations, measured, taskOf } from "#core/outcomes/measure"
import { CALIBRATION_STEPS } from "#core/outcomes/quality"
import type { Signature } from "#proto/signature"
import type { Prediction } from "#proto/prediction"
import type { Tensor } from "#proto/tensor"
import { parseDeclaredSignature } from "#core/inference/signature-derivation"
import { DELAYED_ABOVE_MINUTES, parseFlights, type Flight } from "../../examples/flights/flights.ts"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { figuresText, type Figures } from "../laboratory/figures.ts"
import { seededRandom, shuffled } from "../laboratory/random.ts"
import { inProject } from "../project.ts"
import type { Show } from "../show.ts"

const MODEL = ["examples", "flights", "models", "flights", "1"] as const
/** The model learned from the months before. */
const HELD_OUT_FROM = "2001-03"
const ROWS_OF_FACT = 100
const NANOS_PER_MICRO = 1_000
const CALIBRATION_ROWS_MAX = Math.max(...CALIBRATION_STEPS)
/** Late flights leave in the evening: from here on the mix changes. */
const EVENING_HOUR = 17
const SHARE_OF_DAY = 0.15
const FLIPPED_SHARE = 0.3
/** Mean error of the accuracy over windows that still counts as right: two of its own. */
const ERROR_MAX = 0.02

const flags = {
  window: { value: "ROWS", help: "rows of a window (default 500)" },
  seed: { value: "N", help: "repeats a run (default 1)" },
} as const

interface Truth {
  readonly flight: Flight
  readonly label: number
}

type Scenario = readonly [name: string, rows: ReadonlyArray<Truth>]

const tensor = (name: string, datatype: Tensor["datatype"], rows: number, data: Uint8Array) => ({
  name,
  datatype,
  shape: [rows, 1],
  data,
})

const inputsOf = (rows: ReadonlyArray<Truth>): ReadonlyArray<Tensor> => {
  const of = <A>(read: (flight: Flight) => A) => rows.map(({ flight }) => read(flight))
  const whole = (values: ReadonlyArray<number>) =>
    new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
  const distance = Float32Array.from(of((one) => one.distance))
  const n = rows.length
  return [
    tensor("distance", "FP32", n, new Uint8Array(distance.buffer)),
    tensor("hour", "INT64", n, whole(of(({ hour }) => hour))),
    tensor("weekday", "INT64", n, whole(of(({ weekday }) => weekday))),
    tensor("origin", "BYTES", n, encodeTexts(of(({ origin }) => origin))),
    tensor("destination", "BYTES", n, encodeTexts(of(({ destination }) => destination))),
  ]
}

/** Runs the model on the rows and folds them with their labels, as the monitor does. */
const fold = async (
  session: ModelSession,
  signature: Signature,
  rows: ReadonlyArray<Truth>,
  windowRows: number,
): Promise<Ledger> => {
  const ledger = new Ledger({
    rule: { kind: "rows", rows: windowRows },
    from: 1,
    firstNumber: 1,
    horizonMillis: 1,
    factsMax: rows.length,
    signatureOf: () => signature,
    sliceFeatures: [],
  })
  for (let from = 0; from < rows.length; from += ROWS_OF_FACT) {
    const some = rows.slice(from, from + ROWS_OF_FACT)
    const inputs = inputsOf(some)
    const { outputs } = await session.run(inputs)
    const id = `flights-${from}`
    const times = { stored: 0, taken: 0 }
    const about = { id, model: "flights", version: "1", times, deliveries: 1 }
    const fact: Prediction = { ...about, request: { inputs }, outputs }
    ledger.takeFact(fact, 1 + from / ROWS_OF_FACT)
    const value = some.map(({ label }) => label)
    const data = new TextEncoder().encode(JSON.stringify({ value }))
    ledger.takeOutcome({ id, position: 0, at: 0, data })
  }
  return ledger
}

export interface ScenarioResult {
  readonly name: string
  readonly windows: number
  /** Realised and expected accuracy, mean over the windows, and before the first of them. */
  readonly before: number
  readonly realised: number
  readonly expected: number
  /** Mean and largest |expected - realised| over the windows; the mean error of "as before". */
  readonly meanError: number
  readonly worstError: number
  readonly naiveError: number
  /** What sampling alone makes of the mean error: √(2/π) of the standard error. */
  readonly byChance: number
  readonly aucError: number
  readonly brierError: number
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, one) => sum + one, 0) / values.length

const compare = (name: string, ledger: Ledger, windowRows: number): ScenarioResult => {
  const task = taskOf(ledger)
  const calibrations = new Calibrations(ledger, task)
  const all = ledger.windows
    .filter(({ closed }) => closed)
    .map((window) => measured(ledger, "flights", window, 0, task, calibrations).groups[0])
    .flatMap((group) => group ?? [])
  const first = CALIBRATION_ROWS_MAX / windowRows
  const [before, after] = [all.slice(0, first), all.slice(first)]
  const gaps = (metric: string) =>
    after.map(({ metrics, estimate }) =>
      Math.abs((metrics[metric] ?? NaN) - (estimate?.metrics[metric] ?? NaN)),
    )
  const accuracyOf = (group: (typeof all)[number]) => group.metrics["accuracy"] ?? NaN
  const known = mean(before.map(accuracyOf))
  return {
    name,
    windows: after.length,
    before: known,
    realised: mean(after.map(accuracyOf)),
    expected: mean(after.map(({ estimate }) => estimate?.metrics["accuracy"] ?? NaN)),
    meanError: mean(gaps("accuracy")),
    worstError: Math.max(...gaps("accuracy")),
    naiveError: mean(after.map((group) => Math.abs(accuracyOf(group) - known))),
    byChance:
      mean(after.map(({ estimate }) => estimate?.accuracyError ?? NaN)) * Math.sqrt(2 / Math.PI),
    aucError: mean(gaps("auc")),
    brierError: mean(gaps("brier")),
  }
}

/** March in its order; then with ever fewer flights by day; then with labels turned over. */
const scenarios = (march: ReadonlyArray<Truth>, random: () => number): ReadonlyArray<Scenario> => {
  const mixed = shuffled(march, random)
  const [calibrating, rest] = [
    mixed.slice(0, CALIBRATION_ROWS_MAX),
    mixed.slice(CALIBRATION_ROWS_MAX),
  ]
  const evening = rest.filter(
    ({ flight }) => flight.hour >= EVENING_HOUR || random() < SHARE_OF_DAY,
  )
  const turned = rest.map((one) =>
    random() < FLIPPED_SHARE ? { ...one, label: 1 - one.label } : one,
  )
  return [
    ["March in its order", march],
    ["covariate shift: evenings", [...calibrating, ...evening]],
    ["labels turned over", [...calibrating, ...turned]],
  ]
}

export const runEstimate = async (
  windowRows: number,
  seed: number,
): Promise<ReadonlyArray<ScenarioResult>> => {
  const csv = await readFile(inProject("examples", "flights", "flights.csv"), "utf8")
  const declared = await readFile(inProject(...MODEL, "signature.json"), "utf8")
  const bytes = new Uint8Array(await Bun.file(inProject(...MODEL, "model.onnx")).arrayBuffer())
  const signature: Signature = {
    task: "classification",
    features: [],
    ...parseDeclaredSignature(declared),
    inputs: [],
    outputs: [],
    batching: true,
  }
  const march = parseFlights(csv)
    .filter(({ date }) => date >= HELD_OUT_FROM)
    .map((flight) => ({ flight, label: Number(flight.delay > DELAYED_ABOVE_MINUTES) }))
  const session = await openSession(bytes, () => Bun.nanoseconds() / NANOS_PER_MICRO)
  try {
    const results: Array<ScenarioResult> = []
    for (const [name, rows] of scenarios(march, seededRandom(seed)))
      results.push(compare(name, await fold(session, signature, rows, windowRows), windowRows))
    return results
  } finally {
    await session.release()
  }
}

const figures = (...values: ReadonlyArray<number>) =>
  values.map((value) => value.toFixed(4)).join(", ")
const figuresOf = (one: ScenarioResult): Figures => [
  [`${one.name}: windows`, one.windows],
  ["  accuracy: before, realised, expected", figures(one.before, one.realised, one.expected)],
  ["  error of the expected one: mean, worst", figures(one.meanError, one.worstError)],
  ["  mean error that sampling alone makes", figures(one.byChance)],
  ["  mean error of taking it to be as before", figures(one.naiveError)],
  ["  mean error of AUC, of the Brier score", figures(one.aucError, one.brierError)],
]

/** The figures must be right where labels keep their meaning, and wrong where they do not. */
export const brokenOf = ([order, shift, turned]: ReadonlyArray<ScenarioResult>) => [
  // Weather makes whole days late, which no input of this model tells: some of that stays unseen.
  ...((order?.meanError ?? 1) < (order?.naiveError ?? 0)
    ? []
    : ["in the order of time it is no better than taking nothing to have changed"]),
  ...((shift?.meanError ?? 1) <= ERROR_MAX ? [] : ["the estimate under covariate shift is off"]),
  ...((shift?.meanError ?? 1) < (shift?.naiveError ?? 0)
    ? []
    : ["under covariate shift it is no better than taking nothing to have changed"]),
  ...((turned?.meanError ?? 0) > ERROR_MAX
    ? []
    : ["labels turned over were seen without labels, which cannot be"]),
]

const USAGE = `Usage: ./weir show estimate [flags]

Runs the demo model on the flights of March 2001, which it did not learn from, and estimates the
quality of each window without its labels (CBPE, calibrated on the first ${CALIBRATION_ROWS_MAX}
labelled rows). Then the labels say what it was: in the order of time, where the weather of a day
changes what the inputs mean; with a mix of flights that changes (covariate shift: the error must
be below ${ERROR_MAX}); and with ${FLIPPED_SHARE * 100} % of the labels turned over, to which such
an estimate is blind.

${describeFlags(flags)}`

export const show: Show = {
  summary: "Quality estimated without labels against what the labels say then",
  usage: USAGE,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const results = await runEstimate(
      wholeNumber("window", set.window, { least: 100, most: 2_000, otherwise: 500 }),
      wholeNumber("seed", set.seed, { least: 1, most: 2 ** 31, otherwise: 1 }),
    )
    const broken = brokenOf(results)
    console.log(figuresText(results.flatMap(figuresOf), broken))
    return broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
