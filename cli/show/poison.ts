// Requests that make the model's run fail, among many good ones in the same batches: each bad one
// must fail alone.
import { ELEMENT, floats, model, node, value } from "#core/inference/onnx-test-models"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { ID } from "#proto/headers"
import { predictionCodec } from "#proto/prediction"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue, readDeadLetters, readHotLog } from "../laboratory/audit.ts"
import { expected, figuresText, tally, type Figures } from "../laboratory/figures.ts"
import { readMetric } from "../laboratory/measures.ts"
import { importModel } from "../laboratory/models.ts"
import { seededRandom, shuffled } from "../laboratory/random.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const MODEL = "table"
const PATH = `/v2/models/${MODEL}/infer`
const CLIENTS = 128
const ANSWER_WAIT_MILLIS = 60_000
/** Rows of the table; an index outside of it is valid to the signature and fails the run. */
const TABLE_ROWS = 1_000
const OUTSIDE = 1_000_000
const SEED = 5

const flags = {
  good: { value: "N", help: "requests with a right answer (default 5000)" },
  poison: { value: "N", help: "requests that make the run fail (default 200)" },
} as const

export interface PoisonOptions {
  readonly good: number
  readonly poison: number
}

export interface PoisonResult {
  /** Good requests with the right answer; bad ones with a failure, its reason and their id. */
  readonly right: number
  readonly failed: number
  readonly statuses: string
  /** Good requests that were run again by themselves because a bad one was in their batch. */
  readonly runAlone: number
  readonly failureFacts: number
  readonly deadLetters: number
  readonly facts: number
  readonly largestBatch: number
  /** Requests in the queue at the end, parked ones included. */
  readonly left: number
  readonly broken: ReadonlyArray<string>
}

interface Told {
  readonly index: number
  readonly status: number
  readonly isRight: boolean
}

/** Looks rows up in a table of [i, −i]. */
const table = model(
  node("Gather", ["table", "ids"], ["y"]),
  floats(
    "table",
    [TABLE_ROWS, 2],
    Float32Array.from({ length: 2 * TABLE_ROWS }, (_, at) => (at % 2 === 0 ? at / 2 : -(at >> 1))),
  ),
  value(11, "ids", ELEMENT.INT64, ["N"]),
  value(12, "y", ELEMENT.FP32, ["N", 2]),
)

const isAnswer = (body: string, index: number): boolean => {
  const { outputs } = JSON.parse(body) as { outputs?: ReadonlyArray<{ data?: unknown }> }
  return JSON.stringify(outputs?.[0]?.data) === JSON.stringify([index, -index])
}

const isFailure = (body: string, id: string | null): boolean => {
  const told = JSON.parse(body) as { code?: unknown; id?: unknown; error?: unknown }
  return told.code === "model_error" && told.id === id && typeof told.error === "string"
}

const ask = async (url: string, index: number): Promise<Told> => {
  const input = { name: "ids", datatype: "INT64", shape: [1], data: [index] }
  const response = await fetch(`${url}${PATH}`, {
    method: "POST",
    body: JSON.stringify({ inputs: [input] }),
    signal: AbortSignal.timeout(ANSWER_WAIT_MILLIS),
  })
  const { status } = response
  const body = await response.text()
  const id = response.headers.get(ID)
  const isRight = index === OUTSIDE ? isFailure(body, id) : status === 200 && isAnswer(body, index)
  return { index, status, isRight }
}

const askAll = async (
  url: string,
  indices: ReadonlyArray<number>,
): Promise<ReadonlyArray<Told>> => {
  const told: Array<Told> = []
  const queue = indices.values()
  const caller = async () => {
    for (const index of queue) told.push(await ask(url, index))
  }
  await Promise.all(Array.from({ length: CLIENTS }, caller))
  return told
}

const lookInto = async ({ log, predictorUrls }: Laboratory) => {
  const queue = await emptiedQueue(log)
  const hot = await readHotLog(log)
  const facts = hot.order.map(({ data }) => predictionCodec.decode(data))
  const letters = [...(await readDeadLetters(log)).values()]
  const alone = await Promise.all(
    predictorUrls.map((url) =>
      readMetric(url, "weir_predictor_batches_total", 'closed="alone"').catch(() => 0),
    ),
  )
  return {
    runAlone: alone.reduce((sum, count) => sum + count, 0),
    failureFacts: facts.filter(({ failure }) => failure?.reason === "model_error").length,
    deadLetters: letters.filter(({ reason }) => reason === "model_error").length,
    facts: facts.length,
    largestBatch: Math.max(0, ...facts.map(({ batch }) => batch?.rows ?? 0)),
    left: queue.messages,
  }
}

const brokenOf = (result: Omit<PoisonResult, "broken">, options: PoisonOptions) => [
  ...expected(result.right, options.good, "good requests were answered right"),
  ...expected(result.failed, options.poison, "poison requests failed with their reason"),
  ...expected(result.failureFacts, options.poison, "failure facts"),
  ...expected(result.deadLetters, options.poison, "dead letters"),
  ...expected(result.facts, options.good + options.poison, "facts"),
  ...expected(result.left, 0, "requests left in the queue"),
  ...(result.runAlone > 0 ? [] : ["no bad request shared a batch with a good one"]),
]

/** Asks all in a random order, and looks at what was told and what was stored. */
export const runPoison = async (options: PoisonOptions): Promise<PoisonResult> => {
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 1,
    gateways: 1,
    servers: 1,
    prepare: (log) => importModel(log, MODEL, table),
  })
  try {
    const indices = [
      ...Array.from({ length: options.good }, (_, at) => at % TABLE_ROWS),
      ...Array.from({ length: options.poison }, () => OUTSIDE),
    ]
    const told = await askAll(laboratory.urls[0] ?? "", shuffled(indices, seededRandom(SEED)))
    const right = told.filter(({ isRight }) => isRight)
    const result = {
      right: right.filter(({ index }) => index !== OUTSIDE).length,
      failed: right.filter(({ index, status }) => index === OUTSIDE && status === 500).length,
      statuses: tally(told.map(({ status }) => status)),
      ...(await lookInto(laboratory)),
    }
    return { ...result, broken: brokenOf(result, options) }
  } finally {
    await laboratory.stop()
  }
}

export const show: Show = {
  summary: "Requests that make the model fail, in shared batches; each fails alone",
  usage: `Usage: ./weir show poison [flags]

${CLIENTS} callers ask a model that looks rows up in a table for rows that are there, and for rows
that are not, which the signature allows and the run refuses. A batch that fails is run again row
by row: every good request must get its right answer, every bad one a failure with reason.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const range = { least: 1, most: 1_000_000 }
    const result = await runPoison({
      good: wholeNumber("good", set.good, { ...range, otherwise: 5_000 }),
      poison: wholeNumber("poison", set.poison, { ...range, otherwise: 200 }),
    })
    const figures: Figures = [
      ["answers by status", result.statuses],
      ["right answers to good requests", result.right],
      ["failures with reason and id to bad requests", result.failed],
      ["rows in the largest batch", result.largestBatch],
      ["good requests run again alone, for a bad one beside them", result.runAlone],
      ["failure facts, dead letters", `${result.failureFacts}, ${result.deadLetters}`],
      ["left in the queue", result.left],
    ]
    console.log(figuresText(figures, result.broken))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
