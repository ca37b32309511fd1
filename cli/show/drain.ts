// Parts that are told to end (SIGTERM) under load: whoever asks must notice nothing but a refused
// connection, and work that was finished must not be done again.
import type { Log } from "#core/log/log"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { predictionCodec } from "#proto/prediction"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue, readDeadLetters, readHotLog } from "../laboratory/audit.ts"
import { expected, figuresText, quantile, tally, type Figures } from "../laboratory/figures.ts"
import { flightRows, importFlights } from "../laboratory/flights.ts"
import { eventually } from "../laboratory/patience.ts"
import { lookAtQueue } from "../laboratory/queue.ts"
import { CALLERS, StubbornCallers, type Told } from "../laboratory/stubborn-callers.ts"
import { signalPart, startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"
import type { Supervisor } from "../up/supervisor.ts"

const GIB = 1024 ** 3
const SERVER = "server"
const GATEWAY = "gateway"
const BACK_WAIT_MILLIS = 60_000
/** Of the requests, so many may meet a connection that is reset; see the usage. */
const RESET_SHARE_MAX = 0.001
/** Answers between the return of one part and the end of the next. */
const ANSWERS_BETWEEN = 500

const flags = {
  rounds: { value: "N", help: "how often each kind of part is told to end (default 5)" },
} as const

export interface DrainOptions {
  readonly rounds: number
  readonly say: (line: string) => void
}

/** What came of ending one kind of part, some times. */
export interface Segment {
  readonly kind: string
  readonly told: ReadonlyArray<Told>
  readonly refusedConnections: number
  readonly resetConnections: number
  readonly ended: number
  /** Deliveries of a request after its fact was stored, counted by the server. */
  readonly finishedAgain: number
  /** Deliveries after the first of requests that had no fact: handed back, or cut off. */
  readonly unfinishedAgain: number
}

export interface DrainResult {
  readonly segments: ReadonlyArray<Segment>
  readonly facts: number
  readonly twice: number
  readonly deadLetters: number
  readonly left: number
  readonly broken: ReadonlyArray<string>
}

/** SIGTERM to the process that runs; resolves when its successor is at work. */
const endPart = async (
  laboratory: Laboratory,
  kind: string,
  part: Supervisor,
): Promise<boolean> => {
  const before = part.pid
  if (before === undefined || !signalPart(part, "SIGTERM")) return false
  const replaced = await eventually(
    () => (part.pid !== undefined && part.pid !== before ? true : undefined),
    BACK_WAIT_MILLIS,
  )
  const { predictors, log } = laboratory
  // A question that is asked while the link is down is dropped, and waited for in vain.
  await eventually(() => (log.link.up ? true : undefined), BACK_WAIT_MILLIS)
  await laboratory.ready()
  const asking = await eventually(async () => {
    const answers = laboratory.predictorUrls.map((url) => fetch(`${url}/metrics`))
    if ((await Promise.all(answers)).some(({ ok }) => !ok)) return undefined
    const { waitingPulls } = await lookAtQueue(log)
    return waitingPulls >= predictors.length || kind === GATEWAY ? true : undefined
  }, BACK_WAIT_MILLIS)
  return replaced === true && asking === true
}

const quiet = async ({ log }: Laboratory): Promise<number> => {
  const { messages, deliveries, lastSequence } = await emptiedQueue(log)
  if (messages > 0) throw new Error(`${messages} requests are left in the queue`)
  return deliveries - lastSequence
}

/** Deliveries that were wasted on each id before its fact, by the facts themselves. */
const deliveriesBeforeFacts = async (log: Log): Promise<ReadonlyMap<string, number>> => {
  const { facts } = await readHotLog(log)
  return new Map(
    [...facts].map(([id, { data }]) => [id, predictionCodec.decode(data).deliveries - 1]),
  )
}

const endParts = async (
  laboratory: Laboratory,
  kind: string,
  parts: ReadonlyArray<Supervisor>,
  options: DrainOptions,
): Promise<Segment> => {
  const before = await quiet(laboratory)
  const callers = new StubbornCallers(laboratory.urls, await flightRows())
  const running = callers.run()
  let ended = 0
  try {
    for (; ended < options.rounds; ended++) {
      const part = parts[ended % parts.length]
      if (part === undefined) break
      const target = callers.told.length + ANSWERS_BETWEEN
      await eventually(() => (callers.told.length >= target ? true : undefined), BACK_WAIT_MILLIS)
      const { pending, ackPending } = await lookAtQueue(laboratory.log)
      const { waiting } = callers
      const began = performance.now()
      if (!(await endPart(laboratory, kind, part))) throw new Error(`no ${kind} came back`)
      const seconds = ((performance.now() - began) / 1_000).toFixed(1)
      const work = `${pending + ackPending} queued or held, ${waiting} callers waiting`
      options.say(`  ${kind} ended and came back in ${seconds} s; ${work}`)
    }
  } finally {
    callers.end()
  }
  await running
  const { told, refused: refusedConnections, reset: resetConnections } = callers
  const again = (await quiet(laboratory)) - before
  const wasted = await deliveriesBeforeFacts(laboratory.log)
  const unfinishedAgain = told.reduce((sum, { id }) => sum + (wasted.get(id) ?? 0), 0)
  const finishedAgain = again - unfinishedAgain
  const connections = { refusedConnections, resetConnections }
  return { kind, told, ...connections, ended, finishedAgain, unfinishedAgain }
}

const brokenOf = (result: Omit<DrainResult, "broken">, rounds: number) => {
  const told = result.segments.flatMap((segment) => segment.told)
  const failed = told.filter(({ what }) => what !== "200")
  return [
    ...expected(failed.length, 0, `requests failed: ${tally(failed.map(({ what }) => what))}`),
    ...result.segments.flatMap(({ kind, ended, finishedAgain, resetConnections, told: all }) => [
      ...(resetConnections <= (kind === GATEWAY ? Math.ceil(all.length * RESET_SHARE_MAX) : 0)
        ? []
        : [`${resetConnections} connections reset (${kind})`]),
      ...expected(ended, rounds, `times a ${kind} was ended`),
      ...expected(finishedAgain, 0, `redeliveries of finished work (${kind})`),
    ]),
    ...expected(result.facts, told.length, "facts"),
    ...expected(result.twice, 0, "ids with two facts"),
    ...expected(result.deadLetters, 0, "dead letters"),
    ...expected(result.left, 0, "requests left in the queue"),
  ]
}

/** Ends each kind of part in turn while callers go on. */
export const runDrain = async (options: DrainOptions): Promise<DrainResult> => {
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 2,
    gateways: 2,
    servers: 1,
    prepare: async (log) => void (await importFlights(log)),
  })
  try {
    const { log, gateways, predictors, broker } = laboratory
    const servers = broker.members.map(({ supervisor }) => supervisor)
    const segments = [
      await endParts(laboratory, GATEWAY, gateways, options),
      await endParts(laboratory, "predictor", predictors, options),
      await endParts(laboratory, SERVER, servers, options),
    ]
    const hot = await readHotLog(log)
    const result = {
      segments,
      facts: hot.order.length,
      twice: hot.twice,
      deadLetters: (await readDeadLetters(log)).size,
      left: (await lookAtQueue(log)).messages,
    }
    return { ...result, broken: brokenOf(result, options.rounds) }
  } finally {
    await laboratory.stop()
  }
}

const linesOf = (segment: Segment): Figures => {
  const { kind, told, refusedConnections, ended, finishedAgain, unfinishedAgain } = segment
  const millis = told.map((one) => one.millis)
  const longest = [1, 0.99, 0.5].map((part) => Math.round(quantile(millis, part))).join(", ")
  return [
    [`${kind}: told to end`, ended],
    [`${kind}: requests by what came of them`, tally(told.map(({ what }) => what))],
    [`${kind}: refused connections, tried again`, refusedConnections],
    [`${kind}: connections reset unread, tried again`, segment.resetConnections],
    [`${kind}: deliveries of unfinished work again`, unfinishedAgain],
    [`${kind}: deliveries of finished work again`, finishedAgain],
    [`${kind}: longest answer, p99, p50, ms`, longest],
  ]
}

export const show: Show = {
  summary: "Gateways, predictors and the server told to end under load; nobody notices",
  usage: `Usage: ./weir show drain [flags]

${CALLERS} callers ask about real flights, and try again only where a connection was refused or
reset. A gateway (one of two), a predictor (one of two) and the server are told to end (SIGTERM) in
turn and started again. No request may fail, and work that was finished may not be delivered again.
A server that ends has not read every ack that is on its way: predictors send their last ones again
when it is back, before they ask for more.

A gateway takes in whoever has come before it stops to listen. On a busy machine a connection can
still be made in that very moment and be reset before its request is read: that may happen to one
request in ${1 / RESET_SHARE_MAX}. Were such a request taken nevertheless, there would be more facts
than answers.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const rounds = wholeNumber("rounds", set.rounds, { least: 1, most: 1_000, otherwise: 5 })
    const result = await runDrain({ rounds, say: console.log })
    const figures: Figures = [
      ...result.segments.flatMap(linesOf),
      [
        "facts; ids with two; dead letters",
        `${result.facts}; ${result.twice}; ${result.deadLetters}`,
      ],
      ["left in the queue", result.left],
    ]
    console.log(figuresText(figures, result.broken))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
