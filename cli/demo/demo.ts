// The demonstration on real data: flights in the order in which they took off, played through a
// gateway that runs, with live rates. It starts and stops nothing.
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  UsageError,
  wholeNumber,
} from "../command.ts"
import { FLIGHTS } from "../laboratory/flights.ts"
import { runDriftDemo } from "./drift.ts"
import { flightsInOrder } from "./flights-in-order.ts"
import { liveLine, summaryText } from "./live-line.ts"
import { Player } from "./player.ts"
import type { Show } from "../show.ts"

const URL_DEFAULT = "http://127.0.0.1:8080"
const RATE_DEFAULT = 200
const RATE_MAX = 100_000
const CONCURRENCY_DEFAULT = 32
/** Bun has no more requests under way at once. */
const CONCURRENCY_MAX = 256
const LOOK_WAIT_MILLIS = 5_000
const LINE_EVERY_MILLIS = 1_000

const flags = {
  url: { value: "URL", help: `a gateway that runs (default ${URL_DEFAULT})` },
  rate: {
    value: "N",
    help: `requests a second (default ${RATE_DEFAULT}); 0: as fast as they are answered`,
  },
  rows: { value: "N", help: "stop after so many flights (default: all 20000)" },
  concurrency: {
    value: "N",
    help: `most requests under way at once (default ${CONCURRENCY_DEFAULT})`,
  },
  drift: { help: "three months through a Weir of its own, with drift detection and alerts" },
} as const

export interface DemoOptions {
  readonly url: string
  /** Requests a second; 0 for as fast as they are answered. */
  readonly rate: number
  readonly rows: number
  readonly concurrency: number
}

export interface DemoOutput {
  /** A line that stays. */
  readonly say: (line: string) => void
  /** The state of now, once a second. */
  readonly live: (line: string) => void
}

const readUrl = (text: string | undefined): string => {
  const url = URL.parse(text ?? URL_DEFAULT)
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.origin
  throw new UsageError(`--url must be an address such as ${URL_DEFAULT}, got "${text}"`)
}

const readOptions = (set: Partial<Record<keyof typeof flags, string>>): DemoOptions => {
  const number = (flag: "rate" | "rows" | "concurrency", least: number, most: number, or: number) =>
    wholeNumber(flag, set[flag], { least, most, otherwise: or })
  return {
    url: readUrl(set.url),
    rate: number("rate", 0, RATE_MAX, RATE_DEFAULT),
    rows: number("rows", 1, 20_000, 20_000),
    concurrency: number("concurrency", 1, CONCURRENCY_MAX, CONCURRENCY_DEFAULT),
  }
}

const look = async (url: string): Promise<Response> => {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(LOOK_WAIT_MILLIS) })
  } catch {
    const { origin } = new URL(url)
    throw new CommandFailed(`nothing answers at ${origin}; start it first: ./weir up`)
  }
}

/** @throws CommandFailed when there is no gateway, or none that serves flights. */
const checkTarget = async (url: string): Promise<void> => {
  await look(`${url}/v2/health/live`)
  const model = await look(`${url}/v2/models/${FLIGHTS}/ready`)
  if (model.ok) return
  if (model.status === 404)
    throw new CommandFailed(
      `the gateway at ${url} has no model "${FLIGHTS}"; ./weir up without --models and ` +
        `MODEL_PATH serves it, and ./weir up --models examples/flights/models too`,
    )
  throw new CommandFailed(`the gateway at ${url} cannot answer now: ${await model.text()}`)
}

/**
 * Plays flights until all are answered or `stopped` is aborted; resolves with the exit code, which
 * says whether every request was answered.
 */
export const runDemo = async (
  options: DemoOptions,
  output: DemoOutput,
  stopped: AbortSignal,
): Promise<number> => {
  await checkTarget(options.url)
  const flights = await flightsInOrder(options.rows)
  const rate = options.rate === 0 ? "as fast as they are answered" : `${options.rate} a second`
  output.say(`${flights.length} flights of 2001 to ${options.url}, ${rate}`)
  const player = new Player(options, flights, stopped)
  const timer = setInterval(() => output.live(liveLine(player.second())), LINE_EVERY_MILLIS)
  try {
    await player.run()
  } finally {
    clearInterval(timer)
  }
  output.say(summaryText(player.summary()))
  return player.summary().errors.size === 0 ? EXIT_DONE : EXIT_FAILED
}

/**
 * On a terminal, `columns` wide, the live line overwrites itself, for which it must not wrap; on a
 * pipe each is a line of its own.
 */
export const demoOutput = (
  columns: number | undefined,
  write: (text: string) => void,
): DemoOutput => {
  const clear = columns === undefined ? "" : "\r\u001b[2K"
  return {
    say: (line) => write(`${clear}${line}\n`),
    live: (line) =>
      write(columns === undefined ? `${line}\n` : clear + line.slice(0, Math.max(1, columns - 1))),
  }
}

export const demo: Show = {
  summary: "Real flight records through the gateway, with live rates",
  usage: `Usage: ./weir demo [flags]

Plays the flights of examples/flights, in the order in which they took off, through a gateway that
runs (./weir up), and shows each second: the rate, the latency, errors, the share that the model
calls late, and the flight that it has come to. Ctrl-C ends it with its summary.

With --drift it needs no gateway: it starts a Weir of its own with a drift-monitor, sends January,
February and March through it, shows what was found and the signed alerts that came, and ends.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches } = readWords(args, flags)
    if (switches.has("drift")) {
      if (Object.keys(set).length > 0)
        throw new UsageError("--drift takes all flights through a Weir of its own: no other flag")
      const { broken } = await runDriftDemo((line) => console.log(line))
      console.log(broken.length === 0 ? "\nevery promise held" : `\nBROKEN: ${broken.join("; ")}`)
      return broken.length === 0 ? EXIT_DONE : EXIT_FAILED
    }
    const options = readOptions(set)
    const stop = new AbortController()
    process.once("SIGINT", () => stop.abort())
    process.once("SIGTERM", () => stop.abort())
    const columns = process.stdout.isTTY ? process.stdout.columns : undefined
    const output = demoOutput(columns, (text) => void process.stdout.write(text))
    return runDemo(options, output, stop.signal)
  },
}
