// The data-quality gate under load: exactly the requests with bad rows are refused, nothing is
// stored of them, and what the check costs.
import { mkdtempSync, rmSync } from "node:fs"
import { cp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { changeSuites } from "#core/gates/suite-facts"
import { BadRequest } from "#core/inference/bad-request"
import { parsePredictRequest } from "#core/inference/rows"
import type { Log } from "#core/log/log"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { parseSuite } from "#core/gates/suites"
import { requestGate } from "#core/quality/request-gate"
import { importDirectory } from "#core/registry/import"
import type { Signature } from "#proto/signature"
import { DEAD_LETTERS, PREDICTIONS } from "#proto/subjects"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue } from "../laboratory/audit.ts"
import { expected, figuresText, quantile, type Figures } from "../laboratory/figures.ts"
import { FLIGHTS, flightRows, importFlights } from "../laboratory/flights.ts"
import { seededRandom } from "../laboratory/random.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import { inProject } from "../project.ts"
import type { Show } from "../show.ts"
import { importDependencies } from "../up/models.ts"

const GIB = 1024 ** 3
const SUITE = inProject("examples", "flights", "suites", "gate.json")
const BAD_PERCENT = 7
const SEED = 7
const CALLERS = 32
/** The same model without a gate, and how often both are asked by one caller. */
const OPEN = "open"
const PAIRS = 2_000
const WARM_UP = 300
const CHECKS = 200_000

const flags = {
  requests: { value: "N", help: "under load (default 5000)" },
} as const

type Row = ReadonlyArray<number | string>

/** Ways in which a row is bad, and the column that the refusal must name. */
const SPOIL: ReadonlyArray<readonly [column: string, spoil: (row: Row) => Row]> = [
  ["distance", ([, ...rest]) => [19_999, ...rest]],
  ["hour", ([distance, , ...rest]) => [distance ?? 0, 24, ...rest]],
  ["weekday", ([distance, hour, , ...rest]) => [distance ?? 0, hour ?? 0, 7, ...rest]],
  ["origin", ([distance, hour, weekday, , to]) => [distance, hour, weekday, "sfo", to].map(given)],
  ["destination", (row) => [...row.slice(0, 4), ""]],
]
const given = (value: number | string | undefined) => value ?? 0

interface Request {
  readonly body: string
  /** Absent where the row is good. */
  readonly badColumn: string | undefined
}

interface Answer {
  readonly status: number
  readonly error: string
  readonly id: string | null
  readonly millis: number
}

const requestsOf = (rows: ReadonlyArray<Row>, count: number, badShare: number) => {
  const random = seededRandom(SEED)
  return Array.from({ length: count }, (_, at): Request => {
    const row = rows[at % rows.length] ?? []
    const [column, spoil] = SPOIL[at % SPOIL.length] ?? SPOIL[0]!
    const isBad = random() < badShare
    const data = [isBad ? spoil(row) : row]
    return { body: JSON.stringify({ data }), badColumn: isBad ? column : undefined }
  })
}

const ask = async ({ urls }: Laboratory, { body }: Request, model = FLIGHTS): Promise<Answer> => {
  const begun = performance.now()
  const response = await fetch(`${urls[0] ?? ""}/predict?model=${model}`, {
    method: "POST",
    body,
  })
  const text = await response.text()
  const millis = performance.now() - begun
  const error = response.ok ? "" : text
  return { status: response.status, error, id: response.headers.get("weir-id"), millis }
}

const askAll = async (
  laboratory: Laboratory,
  requests: ReadonlyArray<Request>,
  callers: number,
): Promise<ReadonlyArray<Answer>> => {
  const answers: Array<Answer> = []
  const queue = requests.entries()
  const caller = async () => {
    for (const [at, request] of queue) answers[at] = await ask(laboratory, request)
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return answers
}

/** Sets the gate and waits until the gateway has come to it. */
const setGate = async (laboratory: Laboratory, bad: Request) => {
  const suite = await Bun.file(SUITE).text()
  await changeSuites(laboratory.log, FLIGHTS, {
    place: "gate",
    mode: "reject",
    suite,
    source: "command",
    at: Date.now(),
  })
  while ((await ask(laboratory, bad)).status !== 422);
}

const stored = async (log: Log, stream: string): Promise<number> =>
  (await log.manager.streams.info(stream)).state.messages

export interface GateResult {
  readonly requests: ReadonlyArray<Request>
  readonly answers: ReadonlyArray<Answer>
  readonly facts: number
  readonly letters: number
  readonly withoutMillis: ReadonlyArray<number>
  readonly withMillis: ReadonlyArray<number>
  readonly checkMicros: number
  readonly broken: ReadonlyArray<string>
}

/** Good requests one after another, by turns to the model without a gate and to the one with it. */
const measure = async (laboratory: Laboratory, rows: ReadonlyArray<Row>) => {
  const good = requestsOf(rows, PAIRS + WARM_UP, 0)
  const withoutMillis: Array<number> = []
  const withMillis: Array<number> = []
  for (const [at, request] of good.entries()) {
    // Who goes first has the disadvantage of whatever ran between.
    const order = at % 2 === 0 ? [OPEN, FLIGHTS] : [FLIGHTS, OPEN]
    for (const model of order) {
      const { millis } = await ask(laboratory, request, model)
      if (at >= WARM_UP) (model === OPEN ? withoutMillis : withMillis).push(millis)
    }
  }
  return { withoutMillis, withMillis }
}

/** The demo model once more, under a name that has no gate. */
const importOpen = async (log: Log): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "weir-open-model-"))
  try {
    await cp(inProject("examples", "flights", "models", FLIGHTS), join(folder, OPEN), {
      recursive: true,
    })
    await importDirectory(importDependencies(log), folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What the check alone takes for a request of one row: processor time, in microseconds. */
const checkCost = async (signature: Signature, rows: ReadonlyArray<Row>): Promise<number> => {
  const judge = requestGate(parseSuite(await Bun.file(SUITE).text()), signature)
  const made = requestsOf(rows, 1_000, 0).flatMap(({ body }) => {
    const request = parsePredictRequest(signature, body)
    return request instanceof BadRequest ? [] : [request]
  })
  const run = () => {
    const begun = process.cpuUsage()
    for (let at = 0; at < CHECKS; at++) judge(made[at % made.length]!)
    return process.cpuUsage(begun).user / CHECKS
  }
  run()
  return run()
}

const brokenOf = (result: Omit<GateResult, "broken">): ReadonlyArray<string> => {
  const { requests, answers, facts, letters } = result
  const good = requests.filter(({ badColumn }) => badColumn === undefined).length
  const count = (is: (request: Request, answer: Answer) => boolean) =>
    requests.filter((request, at) => {
      const answer = answers[at]
      return answer !== undefined && is(request, answer)
    }).length
  return [
    ...expected(
      count(({ badColumn }, { status }) => badColumn === undefined && status !== 200),
      0,
      "good requests that were not answered",
    ),
    ...expected(
      count(({ badColumn }, { status }) => badColumn !== undefined && status !== 422),
      0,
      "bad requests that were not refused with 422",
    ),
    ...expected(
      count(
        ({ badColumn }, { error }) =>
          badColumn !== undefined && !error.includes(`: ${badColumn} = `),
      ),
      0,
      "refusals that do not name the column at fault",
    ),
    ...expected(
      count(({ badColumn }, { id }) => badColumn !== undefined && id !== null),
      0,
      "refusals with an id, as if something were stored",
    ),
    ...expected(facts, good, "facts stored during the load"),
    ...expected(letters, 0, "dead letters"),
  ]
}

export const runGate = async (count: number): Promise<GateResult> => {
  let signature: Signature | undefined
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 1,
    gateways: 1,
    servers: 1,
    prepare: async (log) => {
      signature = await importFlights(log)
      await importOpen(log)
    },
  })
  const { log } = laboratory
  try {
    const rows = await flightRows()
    const bad = requestsOf(rows, 1, 1)[0]!
    await setGate(laboratory, bad)
    const times = await measure(laboratory, rows)
    await emptiedQueue(log)
    const before = [await stored(log, PREDICTIONS), await stored(log, DEAD_LETTERS)] as const
    const requests = requestsOf(rows, count, BAD_PERCENT / 100)
    const answers = await askAll(laboratory, requests, CALLERS)
    await emptiedQueue(log)
    const facts = (await stored(log, PREDICTIONS)) - before[0]
    const letters = (await stored(log, DEAD_LETTERS)) - before[1]
    const checkMicros = signature === undefined ? 0 : await checkCost(signature, rows)
    const result = { requests, answers, facts, letters, ...times, checkMicros }
    return { ...result, broken: brokenOf(result) }
  } finally {
    await laboratory.stop()
  }
}

const figuresOf = (result: GateResult): Figures => {
  const { requests, answers, withoutMillis, withMillis } = result
  const bad = requests.filter(({ badColumn }) => badColumn !== undefined).length
  const refused = answers.filter(({ status }) => status === 422)
  const median = (millis: ReadonlyArray<number>, part: number) => quantile(millis, part).toFixed(3)
  const added = withMillis.map((millis, at) => millis - (withoutMillis[at] ?? 0))
  const both = (part: number) => `${median(withoutMillis, part)}, ${median(withMillis, part)}`
  return [
    ["requests, with a bad row among them", `${requests.length}, ${bad}`],
    ["answered, refused with 422", `${answers.length - refused.length}, ${refused.length}`],
    ["facts, dead letters stored during the load", `${result.facts}, ${result.letters}`],
    [
      "time to be refused under load, p50, ms",
      median(
        refused.map(({ millis }) => millis),
        0.5,
      ),
    ],
    ["one caller, p50 without and with the gate, ms", both(0.5)],
    ["one caller, p90 without and with the gate, ms", both(0.9)],
    ["added in a pair of requests, p50, µs", (quantile(added, 0.5) * 1_000).toFixed(0)],
    ["the check alone, a row of five expectations, CPU µs", result.checkMicros.toFixed(2)],
  ]
}

export const show: Show = {
  summary: "The data-quality gate under load: exactly the bad rows are refused, and what it costs",
  usage: `Usage: ./weir show gate [flags]

Sends flights to a gateway whose suite (examples/flights/suites/gate.json) rejects;
${BAD_PERCENT} % of them are spoiled in one of ${SPOIL.length} ways. Exactly those must be refused
with 422 and the column at fault; no fact and no dead letter may be stored of them. Before, one
caller asks the same model with and without the gate by turns, ${PAIRS} times each.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const count = wholeNumber("requests", set.requests, {
      least: 100,
      most: 1_000_000,
      otherwise: 5_000,
    })
    const result = await runGate(count)
    console.log(figuresText(figuresOf(result), result.broken))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
