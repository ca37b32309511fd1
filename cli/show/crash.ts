// The promise of the log under fire: callers that retry, while server, predictors and gateways are
// killed at random.
import { DEFAULT_LIMITS, type LogLimits } from "#core/log/topology"
import type { Signature } from "#proto/signature"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { audit, type AuditResult } from "../laboratory/audit.ts"
import { Clients, type ClientsResult } from "../laboratory/clients.ts"
import { figuresText, type Figures } from "../laboratory/figures.ts"
import { FLIGHTS, flightRows, importFlights } from "../laboratory/flights.ts"
import { leaderFaults } from "../laboratory/leaders.ts"
import { killFault, unleash, type Fault, type Struck } from "../laboratory/nemesis.ts"
import { seededRandom, shuffled } from "../laboratory/random.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"

const CLIENTS = 32
const KEYED_SHARE = 0.5
/** Share of the faults that must hit while requests are under way. */
const WITH_WORK_SHARE_MIN = 0.8
const GIB = 1024 ** 3

const flags = {
  requests: { value: "N", help: "answered requests, at least (default 20000; cluster 5000)" },
  seed: { value: "N", help: "repeats a run (default: a new one, printed)" },
  faults: { value: "PERCENT", help: "share of the full number of faults (default 100)" },
  cluster: {
    help: "three servers with replicated streams; their leader is killed and stepped down",
  },
} as const

export interface CrashOptions {
  readonly requests: number
  readonly seed: number
  readonly isCluster: boolean
  /** 1 for the full number of faults. */
  readonly faultShare: number
  readonly say: (line: string) => void
}

export interface CrashResult {
  readonly clients: ClientsResult
  readonly struck: ReadonlyArray<Struck>
  readonly audit: AuditResult
  readonly seconds: number
  readonly broken: ReadonlyArray<string>
}

const limitsOf = (isCluster: boolean): LogLimits => ({
  ...DEFAULT_LIMITS,
  replicas: isCluster ? 3 : 1,
  historyBytesMax: 4 * GIB,
})

const oneOf = <A>(items: ReadonlyArray<A>, random: () => number): A | undefined =>
  items[Math.floor(random() * items.length)]

const singleFaults = (laboratory: Laboratory, share: number, random: () => number) => {
  const times = (count: number, fault: Fault) =>
    Array.from({ length: Math.max(1, Math.round(count * share)) }, () => fault)
  const { broker, predictors, gateways } = laboratory
  return [
    ...times(
      10,
      killFault("broker", () => broker.members[0]?.supervisor),
    ),
    ...times(
      10,
      killFault("predictor", () => oneOf(predictors, random)),
    ),
    ...times(
      5,
      killFault("gateway", () => oneOf(gateways, random)),
    ),
  ]
}

const brokenPromises = (
  { answers, failures }: ClientsResult,
  struck: ReadonlyArray<Struck>,
  found: AuditResult,
  options: CrashOptions,
): ReadonlyArray<string> => {
  const withWork = struck.filter(({ queued }) => queued > 0).length
  const lost = found.acceptedWithoutFact
  const zero = (count: number, what: string) => (count === 0 ? [] : [`${count} ${what}`])
  return [
    ...(answers.length >= options.requests ? [] : [`only ${answers.length} answers`]),
    ...(withWork >= struck.length * WITH_WORK_SHARE_MIN
      ? []
      : [`only ${withWork} of ${struck.length} faults hit work in flight`]),
    ...zero(failures.length, `requests failed: ${failures.slice(0, 3).join("; ")}`),
    ...zero(lost.length, `accepted requests without fact or dead letter: ${lost.join(", ")}`),
    ...zero(found.idsWithTwoFacts, "ids with two facts"),
    ...zero(found.answersThatDiffer, "answers that differ from the log"),
    ...zero(found.keysWithTwoAnswers, "keys with two answers"),
    ...zero(found.parked, "requests parked"),
    ...zero(found.pending, "requests pending"),
    ...zero(found.historyDiffers, "facts that differ in the long log"),
    ...zero(found.historyGaps, "gaps in the long log"),
  ]
}

const drive = async (
  options: CrashOptions,
  laboratory: Laboratory,
  signature: Signature,
  random: () => number,
) => {
  const rows = await flightRows()
  const state = { over: false }
  const clients = new Clients({
    urls: laboratory.urls,
    concurrency: CLIENTS,
    path: `/predict?model=${FLIGHTS}`,
    body: (row) => JSON.stringify({ data: [rows[row % rows.length]] }),
    keyedShare: KEYED_SHARE,
    random,
    goOn: (answered) => !state.over || answered < options.requests,
  })
  const faults = options.isCluster
    ? leaderFaults(laboratory, options.faultShare)
    : singleFaults(laboratory, options.faultShare, random)
  const running = clients.run()
  const struck = await unleash({
    log: laboratory.log,
    faults: shuffled(faults, random),
    answered: () => clients.answered,
    waiting: () => clients.inFlight,
    spacing: options.requests / (faults.length + 1),
    random,
    onStruck: ({ kind, queued, waiting }) =>
      options.say(
        `  ${String(clients.answered).padStart(6)} answered: ${kind} struck; ` +
          `${queued} queued or held, ${waiting} callers waiting`,
      ),
  })
  state.over = true
  const result = await running
  options.say("callers have ended; reading both logs")
  const { log } = laboratory
  const found = await audit(log, result.answers, result.accepted, FLIGHTS, signature)
  return { clients: result, struck, audit: found }
}

/** Runs callers and faults, and holds what the callers were told against the log. */
export const runCrash = async (options: CrashOptions): Promise<CrashResult> => {
  const random = seededRandom(options.seed)
  const began = performance.now()
  let signature: Signature | undefined
  const laboratory = await startLaboratory({
    limits: limitsOf(options.isCluster),
    predictors: 2,
    gateways: 2,
    servers: options.isCluster ? 3 : 1,
    prepare: async (log) => {
      signature = await importFlights(log)
    },
  })
  try {
    if (signature === undefined) throw new Error("the flights model has no signature")
    const result = await drive(options, laboratory, signature, random)
    const broken = brokenPromises(result.clients, result.struck, result.audit, options)
    return { ...result, broken, seconds: (performance.now() - began) / 1_000 }
  } finally {
    await laboratory.stop()
  }
}

const report = ({ clients, struck, audit: found, seconds, broken }: CrashResult): string => {
  const withWork = struck.filter(({ queued }) => queued > 0).length
  const tries = [...clients.tries].map(([what, count]) => `${what} ${count}`).join(", ")
  const figures: Figures = [
    ["answered requests", clients.answers.length],
    ["of them with a key", clients.answers.filter(({ key }) => key !== undefined).length],
    ["tries by status", tries],
    ["faults", `${struck.length}, ${withWork} with work in flight`],
    ["facts in the hot log", found.facts],
    ["failure facts", found.failureFacts],
    ["dead letters", found.deadLetters],
    ["accepted requests without a fact or a dead letter", found.acceptedWithoutFact.length],
    ["ids with two facts", found.idsWithTwoFacts],
    ["answers that differ from the log", found.answersThatDiffer],
    ["keys with two answers", found.keysWithTwoAnswers],
    ["parked, pending at the end", `${found.parked}, ${found.pending}`],
    ["facts that differ in the long log; gaps", `${found.historyDiffers}; ${found.historyGaps}`],
    ["seconds", seconds.toFixed(0)],
  ]
  return figuresText(figures, broken)
}

export const show: Show = {
  summary: "Kills server, predictors and gateways under load; nothing may be lost or differ",
  usage: `Usage: ./weir show crash [flags]

32 callers that retry ask about real flights, half of them with an idempotency key, while the
server (10 times), predictors (10) and gateways (5) are killed with SIGKILL at random moments.
Then everything that a caller was told is compared with the log, and the two logs with each other.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches } = readWords(args, flags)
    const isCluster = switches.has("cluster")
    const number = (flag: "requests" | "seed" | "faults", most: number, otherwise: number) =>
      wholeNumber(flag, set[flag], { least: 1, most, otherwise })
    const options: CrashOptions = {
      requests: number("requests", 1_000_000, isCluster ? 5_000 : 20_000),
      seed: number("seed", 2 ** 31, Math.floor(Math.random() * 2 ** 31) + 1),
      faultShare: number("faults", 100, 100) / 100,
      isCluster,
      say: console.log,
    }
    console.log(`seed ${options.seed}${isCluster ? ", three servers" : ""}`)
    const result = await runCrash(options)
    console.log(report(result))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
