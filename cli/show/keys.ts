// Idempotency keys under fire: each sent several times at once through two gateways, while they and
// the broker are killed.
import { DEFAULT_LIMITS } from "#core/log/topology"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue, readHotLog } from "../laboratory/audit.ts"
import { expected, figuresText, tally } from "../laboratory/figures.ts"
import { FLIGHTS, flightRows, importFlights } from "../laboratory/flights.ts"
import { killFault, unleash } from "../laboratory/nemesis.ts"
import { inParallel, PatientCaller } from "../laboratory/patient-caller.ts"
import { seededRandom } from "../laboratory/random.ts"
import { signalPart, startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const CALLERS = 64
const TIMES_MAX = 5
/** Keys that are sent again with another body. */
const CHANGED = 100
const SHORT_MILLIS = 300

const flags = {
  keys: { value: "N", help: "keys, each sent 1 to 5 times (default 2000)" },
  seed: { value: "N", help: "repeats a run (default: a new one, printed)" },
} as const

export interface KeysOptions {
  readonly keys: number
  readonly seed: number
  readonly say: (line: string) => void
}

type Row = ReadonlyArray<number | string>

const ask = (caller: PatientCaller, key: string, row: Row | undefined) =>
  caller.ask(`/predict?model=${FLIGHTS}`, {
    method: "POST",
    headers: { "Idempotency-Key": key },
    body: JSON.stringify({ data: [row] }),
  })

/** A key whose caller was told 504 asks again once there is somebody to answer. */
const afterTimeout = async ({ predictors, urls }: Laboratory, row: Row | undefined) => {
  for (const predictor of predictors) signalPart(predictor, "SIGSTOP")
  const send = async (headers: Readonly<Record<string, string>>) => {
    const url = `${urls[0] ?? ""}/predict?model=${FLIGHTS}`
    const all = { "Idempotency-Key": "late", ...headers }
    const response = await fetch(url, {
      method: "POST",
      headers: all,
      body: JSON.stringify({ data: [row] }),
    })
    return { status: response.status, id: response.headers.get("Weir-Id") }
  }
  try {
    const late = await send({ "Weir-Timeout-Ms": `${SHORT_MILLIS}` })
    for (const predictor of predictors) signalPart(predictor, "SIGCONT")
    const again = await send({})
    return `${late.status}, then ${again.status}${late.id === again.id ? "" : " of another id"}`
  } finally {
    for (const predictor of predictors) signalPart(predictor, "SIGCONT")
  }
}

const drive = async (laboratory: Laboratory, options: KeysOptions) => {
  const random = seededRandom(options.seed)
  const caller = new PatientCaller(laboratory.urls, random)
  const rows = await flightRows()
  const rowOf = (key: number) => rows[key % rows.length]
  const sends = Array.from({ length: options.keys }, (_, key) => key).flatMap((key) =>
    Array.from({ length: 1 + Math.floor(random() * TIMES_MAX) }, () => key),
  )
  let done = 0
  const { broker, gateways } = laboratory
  const struck = unleash({
    log: laboratory.log,
    faults: [
      killFault("gateway", () => gateways[0]),
      killFault("broker", () => broker.members[0]?.supervisor),
      killFault("gateway", () => gateways[1]),
    ],
    answered: () => done,
    waiting: () => CALLERS,
    spacing: sends.length / 5,
    random,
    onStruck: ({ kind, queued }) => options.say(`  ${done} done: ${kind} killed, ${queued} queued`),
  })
  // Neighbours in the list have the same key, so its sends run at the same time.
  const answers = await inParallel(
    sends,
    CALLERS,
    async (key) => ({ key, ...(await ask(caller, `key-${key}`, rowOf(key))) }),
    () => void done++,
  )
  const kills = await struck
  const changed = await inParallel(
    Array.from({ length: Math.min(CHANGED, options.keys) }, (_, key) => key),
    CALLERS,
    (key) => ask(caller, `key-${key}`, rowOf(key + 1)),
  )
  const late = await afterTimeout(laboratory, rowOf(0))
  return { answers, kills, changed, late, tries: tally(caller.tries) }
}

export const runKeys = async (options: KeysOptions) => {
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 2,
    gateways: 2,
    servers: 1,
    prepare: async (log) => void (await importFlights(log)),
  })
  try {
    const { answers, kills, changed, late, tries } = await drive(laboratory, options)
    await emptiedQueue(laboratory.log)
    const hot = await readHotLog(laboratory.log)
    const bodies = new Map<number, Set<string>>()
    for (const { key, text } of answers)
      bodies.set(key, (bodies.get(key) ?? new Set<string>()).add(text))
    const result = {
      sends: answers.length,
      answered: answers.filter(({ status }) => status === 200).length,
      keysWithOneAnswer: [...bodies.values()].filter(({ size }) => size === 1).length,
      facts: hot.order.length,
      twice: hot.twice,
      refused: changed.filter(({ status }) => status === 422).length,
      changed: changed.length,
      late,
      kills: kills.length,
      tries,
    }
    const broken = [
      ...expected(result.answered, result.sends, "sends answered"),
      ...expected(result.keysWithOneAnswer, options.keys, "keys with one answer"),
      // And the one that came too late at first.
      ...expected(result.facts, options.keys + 1, "facts"),
      ...expected(result.twice, 0, "ids with two facts"),
      ...expected(result.refused, result.changed, "changed bodies refused"),
      ...expected(result.kills, 3, "kills"),
      ...(late === "504, then 200" ? [] : [`the late key was told ${late}`]),
    ]
    return { ...result, broken }
  } finally {
    await laboratory.stop()
  }
}

export const show: Show = {
  summary: "Keys sent 1 to 5 times at once through two gateways that are killed: one fact each",
  usage: `Usage: ./weir show keys [flags]

Each key is sent 1 to 5 times at once through two gateways, which are killed with SIGKILL, and the
broker too. Every send must get the same bytes, each key one fact, another body 422; a key that was
told 504 must get its answer when it asks again.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const seed = Math.floor(Math.random() * 2 ** 31) + 1
    const options: KeysOptions = {
      keys: wholeNumber("keys", set.keys, { least: 1, most: 100_000, otherwise: 2_000 }),
      seed: wholeNumber("seed", set.seed, { least: 1, most: 2 ** 31, otherwise: seed }),
      say: console.log,
    }
    console.log(`seed ${options.seed}`)
    const { broken, ...result } = await runKeys(options)
    const figures = [
      ["sends; answered with 200", `${result.sends}; ${result.answered}`],
      ["keys whose sends all got the same bytes", result.keysWithOneAnswer],
      ["facts in the hot log; ids with two", `${result.facts}; ${result.twice}`],
      ["changed bodies; refused with 422", `${result.changed}; ${result.refused}`],
      ["a key that was answered too late", result.late],
      ["kills", result.kills],
      ["tries by status", result.tries],
    ] as const
    console.log(figuresText(figures, broken))
    return broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
