// Requests that are answered later, under fire: accepted and fetched by id, while gateways and
// predictors are killed.
import { DEFAULT_LIMITS } from "#core/log/topology"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue, readHotLog } from "../laboratory/audit.ts"
import { expected, figuresText, tally } from "../laboratory/figures.ts"
import { FLIGHTS, flightRows, importFlights } from "../laboratory/flights.ts"
import { killFault, unleash } from "../laboratory/nemesis.ts"
import { inParallel, PatientCaller, type Told } from "../laboratory/patient-caller.ts"
import { seededRandom, shuffled } from "../laboratory/random.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const CALLERS = 64
const WAIT_SECONDS = 10

const flags = {
  requests: { value: "N", help: "asynchronous requests (default 5000)" },
  kills: { value: "N", help: "kills of gateways, and of predictors (default 5)" },
  seed: { value: "N", help: "repeats a run (default: a new one, printed)" },
} as const

export interface AsyncOptions {
  readonly requests: number
  readonly kills: number
  readonly seed: number
  readonly say: (line: string) => void
}

export interface AsyncResult {
  readonly accepted: number
  readonly fetched: number
  readonly ids: number
  readonly facts: number
  readonly twice: number
  readonly parked: number
  readonly struck: number
  readonly tries: string
  readonly broken: ReadonlyArray<string>
}

const accept = (caller: PatientCaller, row: unknown, index: number): Promise<Told> =>
  caller.ask(`/predict?model=${FLIGHTS}`, {
    method: "POST",
    // A 202 that got lost must not mean a second request.
    headers: { Prefer: "respond-async", "Idempotency-Key": `async-${index}` },
    body: JSON.stringify({ data: [row] }),
  })

const fetchAnswer = async (caller: PatientCaller, accepted: Told): Promise<Told> => {
  const location = accepted.headers.get("Location") ?? ""
  for (;;) {
    const told = await caller.ask(location, { headers: { Prefer: `wait=${WAIT_SECONDS}` } })
    if (told.status !== 202) return told
  }
}

const oneOf = <A>(items: ReadonlyArray<A>, random: () => number): A | undefined =>
  items[Math.floor(random() * items.length)]

const drive = async (laboratory: Laboratory, options: AsyncOptions) => {
  const random = seededRandom(options.seed)
  const caller = new PatientCaller(laboratory.urls, random)
  const rows = await flightRows()
  const asked = Array.from({ length: options.requests }, (_, index) => rows[index % rows.length])
  let done = 0
  const count = () => void done++
  const kill = (kind: "gateway" | "predictor") => {
    const parts = kind === "gateway" ? laboratory.gateways : laboratory.predictors
    const fault = killFault(kind, () => oneOf(parts, random))
    return Array.from({ length: options.kills }, () => fault)
  }
  const faults = shuffled([...kill("gateway"), ...kill("predictor")], random)
  const struck = unleash({
    log: laboratory.log,
    faults,
    answered: () => done,
    waiting: () => CALLERS,
    spacing: (2 * options.requests) / (faults.length + 2),
    random,
    onStruck: ({ kind, queued }) => options.say(`  ${done} done: ${kind} killed, ${queued} queued`),
  })
  // Each is fetched as soon as it is accepted, so that there is work throughout the traffic.
  const told = await inParallel(asked, CALLERS, async (row, index) => {
    const accepted = await accept(caller, row, index)
    count()
    const fetched = await fetchAnswer(caller, accepted)
    count()
    return { accepted, fetched }
  })
  const accepted = told.map((one) => one.accepted)
  const fetched = told.map((one) => one.fetched)
  return { accepted, fetched, struck: await struck, tries: tally(caller.tries) }
}

/** Accepts, kills, fetches, and holds all of it against the log. */
export const runAsync = async (options: AsyncOptions): Promise<AsyncResult> => {
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 2,
    gateways: 2,
    servers: 1,
    prepare: async (log) => void (await importFlights(log)),
  })
  try {
    const { accepted, fetched, struck, tries } = await drive(laboratory, options)
    const queue = await emptiedQueue(laboratory.log)
    const hot = await readHotLog(laboratory.log)
    const ids = new Set(accepted.map(({ headers }) => headers.get("Weir-Id") ?? ""))
    const good = fetched.filter(
      ({ status, headers }) =>
        status === 200 &&
        hot.facts.get(headers.get("Weir-Id") ?? "")?.position ===
          Number(headers.get("Weir-Position")),
    )
    const result = {
      accepted: accepted.filter(({ status }) => status === 202).length,
      fetched: good.length,
      ids: ids.size,
      facts: hot.order.length,
      twice: hot.twice,
      parked: queue.parked,
      struck: struck.length,
      tries,
    }
    const { requests } = options
    const broken = [
      ...expected(result.accepted, requests, "requests accepted"),
      ...expected(result.fetched, requests, "answers fetched"),
      ...expected(result.ids, requests, "ids"),
      ...expected(result.facts, requests, "facts"),
      ...expected(result.twice, 0, "ids with two facts"),
      ...expected(result.parked, 0, "parked"),
      ...expected(result.struck, 2 * options.kills, "kills"),
    ]
    return { ...result, broken }
  } finally {
    await laboratory.stop()
  }
}

export const show: Show = {
  summary: "Asynchronous requests are all fetched by id while gateways and predictors are killed",
  usage: `Usage: ./weir show async [flags]

Requests with Prefer: respond-async go to two gateways and are fetched by their Location with long
polls, while gateways and predictors are killed with SIGKILL. Each must be accepted, and fetched.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const seed = Math.floor(Math.random() * 2 ** 31) + 1
    const options: AsyncOptions = {
      requests: wholeNumber("requests", set.requests, {
        least: 1,
        most: 100_000,
        otherwise: 5_000,
      }),
      kills: wholeNumber("kills", set.kills, { least: 1, most: 100, otherwise: 5 }),
      seed: wholeNumber("seed", set.seed, { least: 1, most: 2 ** 31, otherwise: seed }),
      say: console.log,
    }
    console.log(`seed ${options.seed}`)
    const { broken, ...result } = await runAsync(options)
    const figures = [
      ["accepted with 202", result.accepted],
      ["fetched by id with 200, at their position", result.fetched],
      ["different ids", result.ids],
      ["facts in the hot log; ids with two", `${result.facts}; ${result.twice}`],
      ["kills", result.struck],
      ["parked at the end", result.parked],
      ["tries by status", result.tries],
    ] as const
    console.log(figuresText(figures, broken))
    return broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
