// The feed of a model: followed over many predictions by a reader that goes away at random points,
// beside readers that stop reading.
import { DEFAULT_LIMITS } from "#core/log/topology"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { expected, figuresText } from "../laboratory/figures.ts"
import { readFeed, stalledReader, type FeedEvent } from "../laboratory/feed-reader.ts"
import { FLIGHTS, flightRows, importFlights } from "../laboratory/flights.ts"
import { residentBytes } from "../laboratory/measures.ts"
import { seededRandom } from "../laboratory/random.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const BULK_LINES = 500
/** Rows of each prediction: enough that no socket holds what a reader is offered. */
const ROWS_EACH = 40
/** Long enough for buffers that grow without bound to show. */
const STALL_MILLIS = 5_000
/** Of the gateway's memory for each reader that does not read; each is offered far more. */
const STALLED_BYTES_MAX = 4 * MIB

const flags = {
  predictions: { value: "N", help: "predictions that the feed is followed over (default 10000)" },
  reconnects: { value: "N", help: "times that the reader goes away (default 20)" },
  stalled: { value: "N", help: "readers that stop reading (default 20)" },
  hot: { value: "N", help: "facts that the hot log holds; older ones come from the long log" },
  seed: { value: "N", help: "repeats a run (default: a new one, printed)" },
} as const

export interface FeedOptions {
  readonly predictions: number
  readonly reconnects: number
  readonly stalled: number
  /** Facts that the hot log holds. */
  readonly hot: number
  readonly seed: number
}

const predict = async (url: string, count: number): Promise<void> => {
  const rows = await flightRows()
  const pick = (at: number) =>
    Array.from({ length: ROWS_EACH }, (_, index) => rows[(at + index) % rows.length])
  for (let from = 0; from < count; from += BULK_LINES) {
    const lines = Array.from({ length: Math.min(BULK_LINES, count - from) }, (_, index) =>
      JSON.stringify({ data: pick((from + index) * ROWS_EACH) }),
    )
    const answer = await fetch(`${url}/v2/models/${FLIGHTS}/infer`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: lines.join("\n"),
    })
    const told = (await answer.text()).split('"predictions"').length - 1
    if (told !== lines.length) throw new Error(`${told} of ${lines.length} lines were answered`)
  }
}

/** Most events of the next connection, so that enough are left for `goings` more. */
const piece = (left: number, goings: number): number =>
  Math.min(left - goings, (2 * left) / (goings + 1))

/** Reads until all are seen; the sizes of the pieces are random. */
const followAll = async (url: string, options: FeedOptions, random: () => number) => {
  const { predictions, reconnects } = options
  const seen: Array<FeedEvent> = []
  let connections = 0
  while (seen.length < predictions) {
    const left = predictions - seen.length
    const goings = reconnects - connections
    // Every going away leaves at least one event for each connection that is still to come.
    const most = goings <= 0 ? left : 1 + Math.floor(random() * Math.max(1, piece(left, goings)))
    seen.push(...(await readFeed(url, FLIGHTS, seen.at(-1)?.position ?? 0, most)))
    connections++
  }
  return { seen, connections }
}

const stall = async (laboratory: Laboratory, options: FeedOptions) => {
  const url = laboratory.urls[0] ?? ""
  const pid = laboratory.gateways[0]?.pid ?? 0
  const before = await residentBytes(pid)
  const sockets = await Promise.all(
    Array.from({ length: options.stalled }, () => stalledReader(url, FLIGHTS)),
  )
  await Bun.sleep(STALL_MILLIS)
  const grown = (await residentBytes(pid)) - before
  // Beside them another reader gets everything at once.
  const began = performance.now()
  const beside = await readFeed(url, FLIGHTS, 0, options.predictions)
  const millis = performance.now() - began
  for (const socket of sockets) socket.destroy()
  return { before, grown, beside: beside.length, millis }
}

export const runFeed = async (options: FeedOptions) => {
  const random = seededRandom(options.seed)
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB, predictionsMessagesMax: options.hot },
    predictors: 1,
    gateways: 1,
    servers: 1,
    prepare: async (log) => void (await importFlights(log)),
  })
  try {
    const url = laboratory.urls[0] ?? ""
    const traffic = predict(url, options.predictions)
    const { seen, connections } = await followAll(url, options, random)
    await traffic
    const { before, grown, beside, millis } = await stall(laboratory, options)
    const result = {
      events: seen.length,
      inOrder: seen.filter(({ name, position }, index) => {
        return name === "prediction" && position === index + 1
      }).length,
      connections,
      bytes: seen.reduce((sum, { data }) => sum + data.length, 0),
      before,
      grown,
      beside,
      perSecond: Math.round((beside * 1_000) / millis),
    }
    const { predictions, stalled } = options
    const broken = [
      ...expected(result.inOrder, predictions, "events in their place"),
      ...expected(connections, options.reconnects + 1, "connections of the reader"),
      ...expected(result.beside, predictions, "events beside the readers that do not read"),
      ...(grown <= stalled * STALLED_BYTES_MAX
        ? []
        : [`${Math.round(grown / MIB)} MiB for ${stalled} readers that do not read`]),
    ]
    return { ...result, broken }
  } finally {
    await laboratory.stop()
  }
}

export const show: Show = {
  summary: "The feed over many predictions and reconnects: each once, in order, in bounded memory",
  usage: `Usage: ./weir show feed [flags]

A reader follows the feed of the flights model while predictions come, goes away at random points
and comes back with the last position that it saw. Each fact must come once and in order. Then
readers that stop reading are added; the gateway's memory and another reader's pace are measured.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const number = (flag: keyof typeof flags, least: number, most: number, otherwise: number) =>
      wholeNumber(flag, set[flag], { least, most, otherwise })
    const options: FeedOptions = {
      predictions: number("predictions", 1, 1_000_000, 10_000),
      reconnects: number("reconnects", 0, 1_000, 20),
      stalled: number("stalled", 0, 200, 20),
      hot: number("hot", 100, 5_000_000, 1_000_000),
      seed: number("seed", 1, 2 ** 31, Math.floor(Math.random() * 2 ** 31) + 1),
    }
    console.log(`seed ${options.seed}`)
    const { broken, ...result } = await runFeed(options)
    const mib = (bytes: number) => (bytes / MIB).toFixed(1)
    const figures = [
      ["events; each at its place", `${result.events}; ${result.inOrder}`],
      ["connections of the reader", result.connections],
      ["MiB of events", mib(result.bytes)],
      [
        `MiB of the gateway; more with ${options.stalled} readers that do not read`,
        `${mib(result.before)}; ${mib(result.grown)}`,
      ],
      ["events of another reader beside them; a second", `${result.beside}; ${result.perSecond}`],
    ] as const
    console.log(figuresText(figures, broken))
    return broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
