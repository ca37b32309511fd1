// `weir bench` as a process: finds the bench that is asked for, prints its tables and writes its
// report. Each bench is a file in commands/.
import { readWords, UsageError, wholeNumber, type Flags } from "../cli/command.ts"
import type { Bench, BenchOptions } from "./bench-command.ts"
import { undoAll } from "./clean-ups.ts"
import { canMeasure, CANNOT_MEASURE } from "./measure/processes.ts"
import { cellsTable, marksTable } from "./report/markdown.ts"
import {
  makeReport,
  withErrorsMark,
  writeReport,
  type Findings,
  type TextTable,
} from "./report/report.ts"
import { table } from "../cli/table.ts"

const loaders: Readonly<Record<string, () => Promise<Bench>>> = {
  "1000rpm": async () => (await import("./commands/thousand.ts")).thousand,
  saturation: async () => (await import("./commands/saturation.ts")).saturation,
  ceilings: async () => (await import("./commands/ceilings.ts")).ceilings,
  profile: async () => (await import("./commands/profile.ts")).profile,
  sync: async () => (await import("./commands/saturation.ts")).sync,
  peers: async () => (await import("./commands/peers.ts")).peers,
  start: async () => (await import("./commands/start.ts")).start,
  tensors: async () => (await import("./commands/tensors.ts")).tensorsBench,
  drift: async () => (await import("./commands/drift.ts")).drift,
  soak: async () => (await import("./commands/soak.ts")).soak,
  pair: async () => (await import("./commands/pair.ts")).pair,
}

/** It alone takes words, two of them; `bench` alone runs all others. */
const PAIR = "pair"
const ALL = Object.keys(loaders).filter((name) => name !== PAIR)

const flags = {
  seconds: { value: "N", help: "seconds of each measured cell" },
  minutes: { value: "N", help: "the same in minutes" },
  warmup: { value: "N", help: "seconds before each cell that are not recorded" },
  rounds: { value: "N", help: "rounds of a pair (default 5), of drift and tensors (3)" },
  callers: { value: "N", help: "callers of a profile or a pair" },
  rate: { value: "N", help: "requests a second of a soak (default: 70 % of saturation)" },
  only: { value: "NAMES", help: "peers to run, comma-separated (default: all)" },
  setup: { help: "install what the peers need, and measure nothing" },
} as const satisfies Flags

/** With the exit codes that a shell gives them. */
const SIGNALS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const

const interrupted: { code: number | undefined } = { code: undefined }

const SECONDS_MAX = 86_400

const number = (flag: keyof typeof flags, text: string | undefined, most: number, least = 1) =>
  text === undefined ? undefined : wholeNumber(flag, text, { least, most, otherwise: least })

const readOptions = (args: ReadonlyArray<string>, wordsMax: number): BenchOptions => {
  const { flags: set, switches, positionals } = readWords(args, flags, wordsMax)
  const minutes = number("minutes", set.minutes, SECONDS_MAX / 60)
  return {
    seconds:
      number("seconds", set.seconds, SECONDS_MAX) ??
      (minutes === undefined ? undefined : minutes * 60),
    warmUpSeconds: number("warmup", set.warmup, SECONDS_MAX, 0),
    rounds: number("rounds", set.rounds, 1_000),
    callers: number("callers", set.callers, 4_096),
    rate: number("rate", set.rate, 1_000_000),
    only: set.only?.split(",").filter((name) => name !== "") ?? [],
    setUpOnly: switches.has("setup"),
    words: positionals,
    say: (line) => console.log(line),
  }
}

const print = ({ title, columns, rows }: TextTable): void => {
  if (rows.length === 0) return
  if (title !== "") console.log(`\n${title}`)
  const heads = columns.map((name, at) => ({ name, align: at === 0 ? "left" : "right" }) as const)
  console.log(table(heads, rows))
}

const finish = async (findings: Findings, args: ReadonlyArray<string>): Promise<void> => {
  const now = new Date()
  print(marksTable(findings.marks))
  for (const one of findings.tables) print(one)
  if (findings.cells.length > 0) print(cellsTable(findings.cells))
  for (const note of findings.notes) console.log(`- ${note}`)
  const report = await makeReport(findings, `./weir bench ${args.join(" ")}`.trimEnd(), now)
  console.log(`\nreport: ${await writeReport(report, now)}`)
}

/** Exit code: 0 when every "must" held, 1 when one did not. */
const runBench = async (args: ReadonlyArray<string>): Promise<number> => {
  const [name, ...rest] = args
  const isAll = name === undefined || name.startsWith("--")
  if (!isAll && !Object.hasOwn(loaders, name))
    throw new UsageError(
      `there is no bench "${name}"; there are: ${Object.keys(loaders).join(", ")}`,
    )
  const options = isAll ? readOptions(args, 0) : readOptions(rest, name === PAIR ? 2 : 0)
  if (!canMeasure) console.log(CANNOT_MEASURE)
  let isGood = true
  for (const one of isAll ? ALL : [name]) {
    const bench = await loaders[one]?.()
    if (bench === undefined) continue
    console.log(`\n${bench.name}: ${bench.summary}`)
    const found = await bench.run(options)
    // What was cut short is no report.
    if (interrupted.code !== undefined) break
    const findings = withErrorsMark(found)
    await finish(findings, [one, ...(isAll ? args : rest)])
    isGood &&= findings.marks.every(({ must }) => must?.held !== false)
  }
  return isGood ? 0 : 1
}

const runAndSay = async (args: ReadonlyArray<string>): Promise<number> => {
  try {
    return await runBench(args)
  } catch (error) {
    // What it measured has been stopped under it.
    if (interrupted.code !== undefined) return interrupted.code
    const isUsage = error instanceof UsageError
    const known = isUsage || (error instanceof Error && error.name === "CommandFailed")
    console.error(known && error instanceof Error ? `weir bench: ${error.message}` : error)
    return isUsage ? 2 : 1
  }
}

const whenInterrupted = new Promise<number>((resolve) => {
  for (const [signal, code] of SIGNALS)
    process.on(signal, () => {
      if (interrupted.code !== undefined) return
      interrupted.code = code
      console.error(`weir bench: ${signal}: ending what was started`)
      // Whoever asks what is stopped now gets no answer, and some have nobody who waits for theirs.
      process.on("unhandledRejection", () => undefined)
      void undoAll((line) => console.error(`weir bench: ${line}`)).then(() => resolve(code))
    })
})

const code = await Promise.race([runAndSay(process.argv.slice(2)), whenInterrupted])
process.exit(interrupted.code === undefined ? code : await whenInterrupted)
