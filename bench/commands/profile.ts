// `bench profile`: where the time of a request goes. CPU of each process comes from a run without a
// profiler; the functions come from a second run under Bun's own.
import { cpSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import type { Bench, BenchOptions } from "../bench-command.ts"
import { holdFolder } from "../clean-ups.ts"
import type { Cell } from "../measure/cell.ts"
import { measurePredict, warmUp } from "../measure/weir-cells.ts"
import { whole } from "../report/markdown.ts"
import { reportFolder, type TextTable } from "../report/report.ts"
import { startWeir } from "../systems/weir.ts"

const SECONDS = 8
const FUNCTIONS_SHOWN = 30
const CALLERS = [1, 32, 128] as const

const PARTS = ["gateway", "predictor", "nats-server"] as const

const cpuTable = (cells: ReadonlyArray<Cell>): TextTable => ({
  title: "CPU per request, µs",
  columns: ["load", "req/s", ...PARTS, "sum", "load generator"],
  rows: cells.map((cell) => {
    const parts = PARTS.map(
      (name) => cell.processes.find((part) => part.name === name)?.cpuMicrosPerRequest ?? 0,
    )
    const sum = parts.reduce((all, part) => all + part, 0)
    const figures = [...parts, sum, cell.generatorCpuMicrosPerRequest]
    return [cell.load, whole(cell.perSecond), ...figures.map(whole)]
  }),
})

/** The rows of the table of hot functions, as Bun writes it. */
export const hotFunctions = (profile: string): ReadonlyArray<ReadonlyArray<string>> => {
  const begin = profile.indexOf("## Hot Functions")
  const end = profile.indexOf("\n## ", begin + 1)
  return profile
    .slice(Math.max(0, begin), end === -1 ? undefined : end)
    .split("\n")
    .filter((line) => /^\| +[\d.]+% /.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(" | ")
        .map((cell) => cell.trim().replaceAll("`", "")),
    )
}

const functionsTable = (part: string, profile: string): TextTable => ({
  title: `${part}: functions with the most time of their own`,
  columns: ["self %", "self", "total %", "total", "function", "where"],
  rows: hotFunctions(profile).slice(0, FUNCTIONS_SHOWN),
})

const profileOf = async (folder: string, pid: number): Promise<string> => {
  const file = readdirSync(folder).find((name) => name.split(".").includes(String(pid)))
  return file === undefined ? "" : Bun.file(join(folder, file)).text()
}

const profiled = async (options: BenchOptions, callers: number) => {
  const { made: folder, undo: remove } = holdFolder("weir-profile-")
  const flags = `--cpu-prof-md --cpu-prof-dir=${folder}`
  try {
    const weir = await startWeir({ name: "Weir, profiled", environment: { BUN_OPTIONS: flags } })
    const pids = new Map(weir.parts().map(({ name, pids: [pid] }) => [name, pid ?? 0]))
    const { cell } = await warmUp(weir, options.warmUpSeconds)
      .then(() =>
        measurePredict(weir, {
          loop: { kind: "closed", callers },
          rows: 1,
          seconds: options.seconds ?? SECONDS,
          warmUpSeconds: 0,
        }),
      )
      .finally(weir.stop)
    const kept = join(reportFolder(new Date()), "profiles")
    mkdirSync(kept, { recursive: true })
    cpSync(folder, kept, { recursive: true })
    const tables = await Promise.all(
      (["gateway", "predictor"] as const).map(async (part) =>
        functionsTable(part, await profileOf(folder, pids.get(part) ?? 0)),
      ),
    )
    return { cell, tables, kept }
  } finally {
    await remove()
  }
}

export const profile: Bench = {
  name: "profile",
  summary: "CPU per request in each process, and the functions that it goes to",
  run: async (options) => {
    const weir = await startWeir()
    const cells: Array<Cell> = []
    try {
      await warmUp(weir, options.warmUpSeconds)
      for (const callers of options.callers === undefined ? CALLERS : [options.callers]) {
        const { cell } = await measurePredict(weir, {
          loop: { kind: "closed", callers },
          rows: 1,
          seconds: options.seconds ?? SECONDS,
          warmUpSeconds: options.warmUpSeconds,
        })
        cells.push(cell)
      }
    } finally {
      await weir.stop()
    }
    const callers = options.callers ?? 32
    options.say(`the same under the profiler, ${callers} callers`)
    const { cell, tables, kept } = await profiled(options, callers)
    return {
      name: "profile",
      title: "Where the time of a request goes",
      cells: [...cells, cell],
      tables: [cpuTable(cells), ...tables],
      marks: [],
      notes: [
        `The profiles are of ${callers} callers and cover start and warm-up too; whole: ${kept}.`,
        "/proc counts CPU in steps of 10 ms, over all threads of a process.",
      ],
    }
  },
}
