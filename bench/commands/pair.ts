// `bench pair A B`: two commits, or two settings, measured in turn on the same machine, so that
// what drifts in the machine touches both alike. A single pair proves nothing: the spread is shown.
import { environmentFile } from "../../cli/environment/example.ts"
import { CommandFailed, UsageError } from "../../cli/command.ts"
import { quantile } from "../../cli/laboratory/figures.ts"
import type { Bench, BenchOptions } from "../bench-command.ts"
import type { Cell } from "../measure/cell.ts"
import { git } from "../measure/machine.ts"
import { measurePredict, warmUp } from "../measure/weir-cells.ts"
import { whole } from "../report/markdown.ts"
import type { TextTable } from "../report/report.ts"
import { commitOf, removeCheckouts, startCheckout } from "../systems/checkout.ts"

const ROUNDS = 5
const SECONDS = 5
const CALLERS = [1, 32, 128] as const

interface Side {
  readonly name: string
  readonly commit: string | undefined
  readonly environment: Readonly<Record<string, string>>
}

/** Of what Weir is run by: Bun, Go, and what is linked into Bun. `NATS_` is for its client. */
const FOREIGN = ["BUN_", "GO", "MIMALLOC_", "UV_", "NATS_"]

/** The settings that the files of a commit read; those of the files here where it lists none. */
const settingsOf = (commit: string | undefined): ReadonlySet<string> => {
  const listed = commit === undefined ? "" : git("show", `${commit}:.env.example`)
  const lines = (listed === "" ? environmentFile() : listed).matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)
  return new Set([...lines].map(([, variable = ""]) => variable))
}

/** `abc123`, `KEY=VALUE`, `abc123,KEY=VALUE`, or `.` for the files as they are. */
export const readSide = (
  word: string,
  find: (revision: string) => string | undefined = commitOf,
  known: (commit: string | undefined) => ReadonlySet<string> = settingsOf,
): Side => {
  const parts = word.split(",")
  const settings = parts.filter((part) => part.includes("="))
  const [revision, ...more] = parts.filter((part) => !part.includes("=") && part !== ".")
  if (more.length > 0) throw new UsageError(`"${word}" names two commits`)
  const commit = revision === undefined ? undefined : find(revision)
  if (revision !== undefined && commit === undefined)
    throw new UsageError(`"${revision}" is neither a commit nor KEY=VALUE`)
  const environment = Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf("=")
      return [setting.slice(0, at), setting.slice(at + 1)] as const
    }),
  )
  const settingNames = known(commit)
  for (const key of Object.keys(environment))
    if (!settingNames.has(key) && !FOREIGN.some((prefix) => key.startsWith(prefix)))
      throw new UsageError(
        `"${key}" in "${word}" is no setting of .env.example there, ` +
          `and does not begin with ${FOREIGN.join(", ")}`,
      )
  return { name: word, commit, environment }
}

const measureSide = async (side: Side, options: BenchOptions): Promise<ReadonlyArray<Cell>> => {
  const weir = await startCheckout(side)
  try {
    await warmUp(weir, options.warmUpSeconds)
    const cells: Array<Cell> = []
    for (const callers of options.callers === undefined ? CALLERS : [options.callers]) {
      const { cell } = await measurePredict(weir, {
        loop: { kind: "closed", callers },
        rows: 1,
        seconds: options.seconds ?? SECONDS,
        warmUpSeconds: options.warmUpSeconds,
      })
      cells.push(cell)
    }
    return cells
  } finally {
    await weir.stop()
  }
}

interface Figure {
  readonly name: string
  readonly of: (cell: Cell) => number
}

const cpuOf = (name: string): Figure => ({
  name: `${name} CPU, µs/request`,
  of: ({ processes }) => processes.find((part) => part.name === name)?.cpuMicrosPerRequest ?? 0,
})

const FIGURES: ReadonlyArray<Figure> = [
  { name: "req/s", of: ({ perSecond }) => perSecond },
  { name: "p50 ms", of: ({ latency }) => latency.p50 },
  { name: "p99 ms", of: ({ latency }) => latency.p99 },
  cpuOf("gateway"),
  cpuOf("predictor"),
  cpuOf("nats-server"),
]

const spread = (values: ReadonlyArray<number>): string => {
  const digits = quantile(values, 0.5) >= 20 ? whole : (value: number) => value.toFixed(2)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return `${digits(quantile(values, 0.5))} (${digits(least)}–${digits(most)})`
}

/** Median and range of each side, and of B ÷ A round by round. */
export const pairTable = (rounds: ReadonlyArray<readonly [Cell, Cell]>): TextTable["rows"] =>
  FIGURES.map(({ name, of }) => {
    const a = rounds.map(([cell]) => of(cell))
    const b = rounds.map(([, cell]) => of(cell))
    const ratios = rounds.map(([one, other]) => of(other) / of(one))
    const load = rounds[0]?.[0].load ?? ""
    const better = ratios.filter((ratio) => (name === "req/s" ? ratio > 1 : ratio < 1)).length
    return [load, name, spread(a), spread(b), spread(ratios), `${better} of ${rounds.length}`]
  })

/** Rounds of both sides; each goes first in every other one, since the second finds it warm. */
const measureRounds = async (
  sides: readonly [Side, Side],
  options: BenchOptions,
  count: number,
) => {
  const rounds: Array<readonly [ReadonlyArray<Cell>, ReadonlyArray<Cell>]> = []
  try {
    for (let round = 0; round < count; round++) {
      const isSwapped = round % 2 === 1
      const first = await measureSide(sides[isSwapped ? 1 : 0], options)
      const second = await measureSide(sides[isSwapped ? 0 : 1], options)
      rounds.push(isSwapped ? [second, first] : [first, second])
      options.say(`  round ${round + 1} of ${count} done`)
    }
  } finally {
    await removeCheckouts()
  }
  return rounds
}

export const pair: Bench = {
  name: "pair",
  summary: "Two commits or two settings (KEY=VALUE) in turn, with the spread",
  run: async (options) => {
    const [wordA, wordB] = options.words
    if (wordA === undefined || wordB === undefined)
      throw new UsageError("pair takes two words: commits, KEY=VALUE, or . for the files here")
    const sides = [readSide(wordA), readSide(wordB)] as const
    const count = options.rounds ?? ROUNDS
    const rounds = await measureRounds(sides, options, count)
    const loads = rounds[0]?.[0].length ?? 0
    if (loads === 0) throw new CommandFailed("nothing was measured")
    const rows = Array.from({ length: loads }, (_, at) =>
      pairTable(
        rounds.flatMap(([a, b]) => {
          const [one, other] = [a[at], b[at]]
          return one === undefined || other === undefined ? [] : [[one, other] as const]
        }),
      ),
    ).flat()
    const columns = ["load", "figure", `A: ${wordA}`, `B: ${wordB}`, "B ÷ A", "rounds B is better"]
    return {
      name: "pair",
      title: `${wordA} against ${wordB}`,
      cells: rounds.flatMap(([a, b]) => [...a, ...b]),
      tables: [{ title: "Median (smallest–largest)", columns, rows }],
      marks: [],
      notes: [`${count} rounds, sides in turn, each with a system of its own from an empty log.`],
    }
  },
}
