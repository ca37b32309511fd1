// Whether what comes out of the whole way over HTTP, queue, batch and log is what ONNX Runtime
// gives for the same row, bit by bit; and whether each request left exactly one fact in both logs.
import { readFile } from "node:fs/promises"
import { openSession } from "#core/inference/session"
import { encodeTexts } from "#core/inference/string-elements"
import { historyGaps } from "#core/log/history"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { ID, POSITION } from "#proto/headers"
import type { Tensor } from "#proto/tensor"
import { parseFlights, type Flight } from "../../examples/flights/flights.ts"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { compareHistory, emptiedQueue, readHotLog } from "../laboratory/audit.ts"
import { expected, figuresText, tally, type Figures } from "../laboratory/figures.ts"
import { FLIGHTS, importFlights } from "../laboratory/flights.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import { inProject } from "../project.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const CALLERS = 16
const ANSWER_WAIT_MILLIS = 60_000
const NANOS_PER_MICRO = 1_000

const flags = {
  rows: { value: "N", help: "flight rows, each asked about in both forms (default 2000)" },
} as const

export interface Outputs {
  readonly label: number
  /** 32-bit floats. */
  readonly probabilities: ReadonlyArray<number>
}

/** What ONNX Runtime gives for one flight, with nothing of ours in between. */
export type Oracle = (flight: Flight) => Promise<Outputs>

export interface EqualResult {
  readonly statuses: string
  readonly predictEqual: number
  readonly inferEqual: number
  readonly facts: number
  readonly twice: number
  /** Answers whose id is at the position in the hot log that the answer named. */
  readonly atPosition: number
  readonly historyDiffers: number
  readonly historyGaps: number
  readonly broken: ReadonlyArray<string>
}

export const flights = async (count: number): Promise<ReadonlyArray<Flight>> => {
  const text = await readFile(inProject("examples", "flights", "flights.csv"), "utf8")
  return parseFlights(text).slice(0, count)
}

export const modelPath = inProject("examples", "flights", "models", "flights", "1", "model.onnx")

const bytesOf = (array: Float32Array | BigInt64Array) => new Uint8Array(array.buffer)

const tensorsOf = (flight: Flight): ReadonlyArray<Tensor> => {
  const tensor = (name: string, datatype: Tensor["datatype"], data: Uint8Array): Tensor => ({
    name,
    datatype,
    shape: [1, 1],
    data,
  })
  return [
    tensor("distance", "FP32", bytesOf(new Float32Array([flight.distance]))),
    tensor("hour", "INT64", bytesOf(new BigInt64Array([BigInt(flight.hour)]))),
    tensor("weekday", "INT64", bytesOf(new BigInt64Array([BigInt(flight.weekday)]))),
    tensor("origin", "BYTES", encodeTexts([flight.origin])),
    tensor("destination", "BYTES", encodeTexts([flight.destination])),
  ]
}

/** The runtime in this process, one row at a time. */
export const runtimeOracle = async (): Promise<Oracle> => {
  const bytes = new Uint8Array(await readFile(modelPath))
  const session = await openSession(bytes, () => Bun.nanoseconds() / NANOS_PER_MICRO)
  return async (flight) => {
    const { outputs } = await session.run(tensorsOf(flight), ["label", "probabilities"])
    const [label, probabilities] = outputs.map(({ data }) => new Uint8Array(data).buffer)
    if (label === undefined || probabilities === undefined) throw new Error("an output is missing")
    const value = new BigInt64Array(label)[0] ?? -1n
    return { label: Number(value), probabilities: [...new Float32Array(probabilities)] }
  }
}

type Form = "predict" | "infer"

interface Asked {
  readonly form: Form
  readonly status: number
  readonly id: string
  readonly position: number
  readonly outputs: Outputs | undefined
}

const request = (form: Form, flight: Flight): readonly [path: string, body: string] => {
  const { distance, hour, weekday, origin, destination } = flight
  const values = { distance, hour, weekday, origin, destination }
  if (form === "predict")
    return [`/predict?model=${FLIGHTS}`, JSON.stringify({ data: [Object.values(values)] })]
  const datatypes = { distance: "FP32", hour: "INT64", weekday: "INT64" }
  const inputs = Object.entries(values).map(([name, value]) => {
    const datatype = new Map(Object.entries(datatypes)).get(name) ?? "BYTES"
    return { name, datatype, shape: [1, 1], data: [value] }
  })
  return [`/v2/models/${FLIGHTS}/infer`, JSON.stringify({ inputs })]
}

/** JSON writes a 32-bit float so that it reads back as the same one. */
const float32 = (values: ReadonlyArray<number>) => values.map(Math.fround)

const readOutputs = (form: Form, body: string): Outputs => {
  // Boundary: an answer of another form throws, or differs from what is expected.
  if (form === "predict") {
    const told = JSON.parse(body) as {
      readonly predictions: ReadonlyArray<number>
      readonly probabilities: ReadonlyArray<ReadonlyArray<number>>
    }
    return { label: told.predictions[0] ?? -1, probabilities: float32(told.probabilities[0] ?? []) }
  }
  const { outputs } = JSON.parse(body) as {
    readonly outputs: ReadonlyArray<{
      readonly name: string
      readonly data: ReadonlyArray<number>
    }>
  }
  const named = (name: string) => outputs.find((output) => output.name === name)?.data ?? []
  return { label: named("label")[0] ?? -1, probabilities: float32(named("probabilities")) }
}

const ask = async (url: string, form: Form, flight: Flight): Promise<Asked> => {
  const [path, body] = request(form, flight)
  const signal = AbortSignal.timeout(ANSWER_WAIT_MILLIS)
  const response = await fetch(`${url}${path}`, { method: "POST", body, signal })
  const text = await response.text()
  return {
    form,
    status: response.status,
    id: response.headers.get(ID) ?? "",
    position: Number(response.headers.get(POSITION)),
    outputs: response.status === 200 ? readOutputs(form, text) : undefined,
  }
}

const isEqual = (a: Outputs | undefined, b: Outputs): boolean =>
  a !== undefined &&
  a.label === b.label &&
  a.probabilities.length === b.probabilities.length &&
  a.probabilities.every((value, at) => Object.is(value, b.probabilities[at]))

const compare = async (laboratory: Laboratory, rows: number, oracle: Oracle) => {
  const url = laboratory.urls[0] ?? ""
  const asked: Array<Asked> = []
  const equal = { predict: 0, infer: 0 }
  const queue = (await flights(rows)).values()
  const caller = async () => {
    for (const flight of queue) {
      const wanted = await oracle(flight)
      for (const form of ["predict", "infer"] as const) {
        const told = await ask(url, form, flight)
        asked.push(told)
        if (isEqual(told.outputs, wanted)) equal[form]++
      }
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return { asked, equal }
}

/** Asks about each row in both forms; `oracle` says what is right. */
export const runEqual = async (rows: number, oracle: Oracle): Promise<EqualResult> => {
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 1,
    gateways: 1,
    servers: 1,
    prepare: async (log) => void (await importFlights(log)),
  })
  try {
    const { asked, equal } = await compare(laboratory, rows, oracle)
    const { log } = laboratory
    await emptiedQueue(log)
    const hot = await readHotLog(log)
    const there = asked.filter(({ id, position }) => hot.facts.get(id)?.position === position)
    const result = {
      statuses: tally(asked.map(({ status }) => status)),
      predictEqual: equal.predict,
      inferEqual: equal.infer,
      facts: hot.order.length,
      twice: hot.twice,
      atPosition: new Set(there.map(({ id }) => id)).size,
      historyDiffers: await compareHistory(log, hot),
      historyGaps: (await historyGaps(log)).length,
    }
    const broken = [
      ...expected(result.predictEqual, rows, "answers of /predict are equal"),
      ...expected(result.inferEqual, rows, "answers of /infer are equal"),
      ...expected(result.facts, 2 * rows, "facts"),
      ...expected(result.twice, 0, "ids with two facts"),
      ...expected(result.atPosition, 2 * rows, "answers are where they say they are"),
      ...expected(result.historyDiffers, 0, "facts that differ in the long log"),
      ...expected(result.historyGaps, 0, "gaps in the long log"),
    ]
    return { ...result, broken }
  } finally {
    await laboratory.stop()
  }
}

export const show: Show = {
  summary: "Real flights over HTTP in both forms: bit by bit what ONNX Runtime gives",
  usage: `Usage: ./weir show equal [flags]

${CALLERS} callers ask about real flight rows through /predict and through /v2/models/flights/infer.
Every answer must be bit by bit what ONNX Runtime gives for that row alone in this process, and each
request must have exactly one fact in the hot log and one in the long log, in one order.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const rows = wholeNumber("rows", set.rows, { least: 1, most: 20_000, otherwise: 2_000 })
    const result = await runEqual(rows, await runtimeOracle())
    const figures: Figures = [
      ["rows", rows],
      ["answers by status", result.statuses],
      ["answers of /predict equal to ONNX Runtime", result.predictEqual],
      ["answers of /v2/models/flights/infer equal", result.inferEqual],
      ["facts in the hot log; ids with two", `${result.facts}; ${result.twice}`],
      ["answers whose fact is at their Weir-Position", result.atPosition],
      ["facts missing, different or out of order in the long log", result.historyDiffers],
      ["gaps in the long log", result.historyGaps],
    ]
    console.log(figuresText(figures, result.broken))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
