// What becomes of a request whose predictor dies during its last delivery: the server delivers it
// to nobody any more, and only the reaper can give it an end.
import { DEFAULT_LIMITS, type LogLimits } from "#core/log/topology"
import { ID, TIMEOUT } from "#proto/headers"
import { predictionCodec } from "#proto/prediction"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue, readDeadLetters, readHotLog } from "../laboratory/audit.ts"
import { Clients } from "../laboratory/clients.ts"
import { expected, figuresText, type Figures } from "../laboratory/figures.ts"
import { FLIGHTS, flightRows, importFlights } from "../laboratory/flights.ts"
import {
  dieDuringLastDelivery,
  foundBy,
  pauseAdvisories,
  resumeAdvisories,
  untilAsking,
} from "../laboratory/last-delivery.ts"
import { seededRandom } from "../laboratory/random.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const PATH = `/predict?model=${FLIGHTS}`
const CLIENTS = 32
const TIMEOUT_MILLIS = 600_000
const SWEEP_MILLIS = 100
/** Short, so that fifty deaths do not take an hour; a frozen process hears of none of them. */
const QUICK = { redeliveryWaitsMillis: [150, 300], deliveriesMax: 3 }
/** Long enough for a predictor that is alive on a busy machine. */
const UNDER_LOAD = { redeliveryWaitsMillis: [500], deliveriesMax: 5 }
const PARKED_UNDER_LOAD = 5
const REQUESTS_PER_KILL = 2
const SEED = 4

const flags = {
  kills: { value: "N", help: "predictors killed with, and again without, advisories (default 50)" },
  requests: { value: "N", help: "live requests while the sweep runs (default 20000)" },
} as const

export interface ParkedOptions {
  readonly kills: number
  readonly requests: number
  readonly say: (line: string) => void
}

/** What one request of a killed predictor came to. */
interface Ended {
  readonly status: number
  readonly code: string
  readonly id: string
  readonly endedAt: number
}

interface Found {
  readonly kills: number
  /** Kills before which not every request was at its last delivery. */
  readonly missed: number
  readonly ended: ReadonlyArray<Ended>
  readonly by: ReadonlyMap<string, string>
  readonly longestMillis: number
  readonly deadLetters: number
  readonly failureFacts: number
  readonly twice: number
  readonly parked: number
}

interface UnderLoad {
  readonly answered: number
  readonly seconds: number
  readonly parked: number
  readonly bySweep: number
  readonly touched: number
  readonly failures: ReadonlyArray<string>
}

export interface ParkedResult {
  readonly advisory: Found
  readonly sweep: Found
  readonly load: UnderLoad
  readonly broken: ReadonlyArray<string>
}

type Row = ReadonlyArray<number | string>

const askOnce = async (url: string, row: Row): Promise<Ended> => {
  const response = await fetch(`${url}${PATH}`, {
    method: "POST",
    headers: { [TIMEOUT]: String(TIMEOUT_MILLIS) },
    body: JSON.stringify({ data: [row] }),
    signal: AbortSignal.timeout(TIMEOUT_MILLIS),
  })
  const code = /"code":"(\w+)"/.exec(await response.text())?.[1] ?? ""
  const id = response.headers.get(ID) ?? ""
  return { status: response.status, code, id, endedAt: performance.now() }
}

const withLaboratory = async <A>(
  redelivery: Pick<LogLimits, "redeliveryWaitsMillis" | "deliveriesMax">,
  predictors: number,
  use: (laboratory: Laboratory) => Promise<A>,
): Promise<A> => {
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB, ...redelivery },
    predictors,
    gateways: 1,
    servers: 1,
    environment: {
      WEIR_SWEEP_INTERVAL_MS: String(SWEEP_MILLIS),
      WEIR_SWEEP_MARGIN_MS: "100",
      WEIR_HELD_MAX_MS: "1500",
      WEIR_RUN_MAX_MS: "1400",
    },
    prepare: async (log) => void (await importFlights(log)),
  })
  try {
    return await use(laboratory)
  } finally {
    await laboratory.stop()
  }
}

const isExhausted = (reason: string | undefined) => reason === "exhausted"

const lookInto = async ({ log, lines }: Laboratory) => {
  const queue = await emptiedQueue(log)
  const hot = await readHotLog(log)
  const letters = await readDeadLetters(log)
  const facts = hot.order.map(({ data }) => predictionCodec.decode(data))
  return {
    by: foundBy(lines),
    deadLetters: [...letters.values()].filter(({ reason }) => isExhausted(reason)).length,
    failureFacts: facts.filter(({ failure }) => isExhausted(failure?.reason)).length,
    twice: hot.twice,
    parked: queue.messages,
  }
}

/** Kills that follow one another; `wait` for the end of each one's requests before the next. */
const killAndWait = async (options: ParkedOptions, wait: boolean): Promise<Found> =>
  withLaboratory(QUICK, 1, async (laboratory) => {
    const rows = await flightRows()
    const url = laboratory.urls[0] ?? ""
    if (!wait) await pauseAdvisories(laboratory.log)
    const all: Array<Promise<Ended>> = []
    let missed = 0
    let longestMillis = 0
    const waitFor = async (asked: ReadonlyArray<Promise<Ended>>, since: number) => {
      for (const { endedAt } of await Promise.all(asked))
        longestMillis = Math.max(longestMillis, endedAt - since)
    }
    for (let kill = 0; kill < options.kills; kill++) {
      const ask = () => {
        const asked = askOnce(url, rows[all.length % rows.length] ?? [])
        all.push(asked)
        return asked
      }
      const { deliveriesMax } = QUICK
      const death = await dieDuringLastDelivery(laboratory, deliveriesMax, REQUESTS_PER_KILL, ask)
      if (!death.atLastDelivery) missed++
      if (wait) await waitFor(death.asked, death.killedAt)
    }
    await untilAsking(laboratory)
    if (!wait) await waitFor(all, performance.now())
    const ended = await Promise.all(all)
    if (!wait) await resumeAdvisories(laboratory.log)
    return { kills: options.kills, missed, ended, longestMillis, ...(await lookInto(laboratory)) }
  })

/** A few parked requests, then full load until the sweep has found them and enough was answered. */
const sweepUnderLoad = async (options: ParkedOptions): Promise<UnderLoad> =>
  withLaboratory(UNDER_LOAD, 2, async (laboratory) => {
    const rows = await flightRows()
    await pauseAdvisories(laboratory.log)
    const ask = () => askOnce(laboratory.urls[0] ?? "", rows[0] ?? [])
    const { deliveriesMax } = UNDER_LOAD
    const death = await dieDuringLastDelivery(laboratory, deliveriesMax, PARKED_UNDER_LOAD, ask)
    const state = { over: false }
    const ends = Promise.all(death.asked).then((ended) => {
      state.over = true
      return ended
    })
    const began = performance.now()
    const clients = new Clients({
      urls: laboratory.urls,
      concurrency: CLIENTS,
      path: PATH,
      body: (row) => JSON.stringify({ data: [rows[row % rows.length]] }),
      keyedShare: 0,
      random: seededRandom(SEED),
      goOn: (answered) => !state.over || answered < options.requests,
    })
    const { answers, accepted, failures } = await clients.run()
    const seconds = (performance.now() - began) / 1_000
    const parked = new Set((await ends).map(({ id }) => id))
    const { by, deadLetters, failureFacts } = await lookInto(laboratory)
    const touched = [...by.keys()].filter((id) => !parked.has(id)).length
    return {
      answered: answers.length,
      seconds,
      parked: parked.size,
      bySweep: [...by].filter(([id, how]) => parked.has(id) && how === "sweep").length,
      touched: touched + Math.max(deadLetters, failureFacts) - parked.size,
      failures: [
        ...failures,
        ...[...accepted.keys()].map((id) => `${id} was not answered at once`),
      ],
    }
  })

const brokenOf = (found: Found, how: string): ReadonlyArray<string> => {
  const requests = found.kills * REQUESTS_PER_KILL
  const told = found.ended.filter(({ status, code }) => status === 500 && isExhausted(code)).length
  const byThisWay = [...found.by.values()].filter((by) => by === how).length
  return [
    ...expected(found.missed, 0, `kills before the last delivery (${how})`),
    ...expected(told, requests, `callers were told 500 exhausted (${how})`),
    ...expected(byThisWay, requests, `found by ${how}`),
    ...expected(found.deadLetters, requests, `dead letters (${how})`),
    ...expected(found.failureFacts, requests, `failure facts (${how})`),
    ...expected(found.twice, 0, `ids with two facts (${how})`),
    ...expected(found.parked, 0, `requests left in the queue (${how})`),
  ]
}

/** Kills with advisories, kills without, then the sweep under load. */
export const runParked = async (options: ParkedOptions): Promise<ParkedResult> => {
  options.say(`${options.kills} kills; the reaper hears of them by the server's advisory`)
  const advisory = await killAndWait(options, true)
  options.say(`${options.kills} kills; the advisories are paused, only the sweep can find them`)
  const sweep = await killAndWait(options, false)
  options.say(`${CLIENTS} callers, a sweep every ${SWEEP_MILLIS} ms in each of two predictors`)
  const load = await sweepUnderLoad(options)
  const broken = [
    ...brokenOf(advisory, "advisory"),
    ...brokenOf(sweep, "sweep"),
    ...expected(load.bySweep, PARKED_UNDER_LOAD, "found by sweep under load"),
    ...expected(load.touched, 0, "live requests touched"),
    ...expected(load.failures.length, 0, `live requests failed: ${load.failures.slice(0, 3)}`),
    ...(load.answered >= options.requests ? [] : [`only ${load.answered} live requests`]),
  ]
  return { advisory, sweep, load, broken }
}

const lines = (name: string, found: Found, since: string): Figures => [
  [`${name}: kills, requests in their hands`, `${found.kills}, ${found.ended.length}`],
  [`${name}: found by`, [...new Set(found.by.values())].join(", ")],
  [`${name}: dead letters, failure facts`, `${found.deadLetters}, ${found.failureFacts}`],
  [`${name}: callers told 500`, found.ended.filter(({ status }) => status === 500).length],
  [`${name}: left in the queue`, found.parked],
  [`${name}: longest from ${since} to the answer`, `${(found.longestMillis / 1_000).toFixed(1)} s`],
]

export const show: Show = {
  summary: "Predictors killed during the last delivery; each request still gets its end",
  usage: `Usage: ./weir show parked [flags]

A predictor that asks for work is frozen (SIGSTOP); the server delivers real requests to it as often
as it ever will; then it is killed (SIGKILL) with them in its hands. Nobody would deliver them
again: the reaper of the next predictor must end them with a dead letter, a failure fact and an
answer (500). First it hears of them by the server's advisories; then those are paused, and only
its sweep can find them; then the sweep runs every ${SWEEP_MILLIS} ms under full load and must touch
nothing alive.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const kills = wholeNumber("kills", set.kills, { least: 1, most: 1_000, otherwise: 50 })
    const range = { least: 1, most: 1_000_000, otherwise: 20_000 }
    const requests = wholeNumber("requests", set.requests, range)
    const result = await runParked({ kills, requests, say: console.log })
    const { advisory, sweep, load, broken } = result
    const sweeps = Math.floor((load.seconds * 1_000) / SWEEP_MILLIS) * 2
    const figures: Figures = [
      ...lines("by advisory", advisory, "the kill"),
      ...lines("by sweep", sweep, "the last start"),
      ["under load: live requests answered, seconds", `${load.answered}, ${load.seconds | 0}`],
      ["under load: sweeps, about", sweeps],
      ["under load: parked, found by sweep", `${load.parked}, ${load.bySweep}`],
      ["under load: live requests touched", load.touched],
    ]
    console.log(figuresText(figures, broken))
    return broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
