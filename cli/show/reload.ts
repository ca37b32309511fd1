// Versions that come and go under load: nobody may notice a load, and an unload only who names what
// was unloaded.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue, readDeadLetters, readHotLog } from "../laboratory/audit.ts"
import { expected, figuresText, quantile, tally, type Figures } from "../laboratory/figures.ts"
import { eventually } from "../laboratory/patience.ts"
import { importScale, SCALE } from "../laboratory/scale-model.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import { VersionCallers, type Asked } from "../laboratory/version-callers.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const CALLERS = 32
const LOADS = 20
const UNLOADS = 5
/** Answers between two changes. */
const ANSWERS_BETWEEN = 300
const WAIT_MILLIS = 60_000

const flags = {
  loads: { value: "N", help: `new versions that are loaded (default ${LOADS})` },
  unloads: { value: "N", help: `of them, how many are unloaded again (default ${UNLOADS})` },
} as const

export interface ReloadOptions {
  readonly loads: number
  readonly unloads: number
  readonly say: (line: string) => void
}

interface Command {
  readonly version: number
  readonly status: number
  /** Of a monotonic clock. */
  readonly begun: number
  readonly ended: number
}

export interface ReloadResult {
  readonly asked: ReadonlyArray<Asked>
  readonly loads: ReadonlyArray<Command>
  readonly unloads: ReadonlyArray<Command>
  readonly deadLetters: number
  readonly twice: number
  readonly left: number
  readonly broken: ReadonlyArray<string>
}

const commandOf = async (
  url: string,
  version: number,
  command: "load" | "unload",
): Promise<Command> => {
  const begun = performance.now()
  const path = `/v2/repository/models/${SCALE}/versions/${version}/${command}`
  const { status } = await fetch(`${url}${path}`, { method: "POST", body: "{}" })
  return { version, status, begun, ended: performance.now() }
}

/** A refusal that must be: of a version that is unloaded, by its name, once that was asked for. */
const isDue = ({ pinned, error, ended }: Asked, unloads: ReadonlyArray<Command>): boolean =>
  unloads.some(
    ({ version, begun }) =>
      version === pinned && ended >= begun && error.includes(`version ${version}`),
  )

const brokenOf = (result: Omit<ReloadResult, "broken">, options: ReloadOptions) => {
  const { asked, loads, unloads } = result
  const failed = asked.filter(({ what }) => what !== "200")
  const answered = asked.filter(({ what }) => what === "200")
  const undue = failed.filter((one) => !isDue(one, unloads))
  const wrong = answered.filter(
    ({ version, factor, pinned }) =>
      Math.abs(factor - version) > 1e-4 * version || (pinned ?? version) !== version,
  )
  const late = answered.filter(({ pinned, begun }) =>
    unloads.some(({ version, ended }) => version === pinned && begun > ended),
  )
  const well = (commands: ReadonlyArray<Command>) =>
    commands.filter(({ status }) => status === 200).length
  return [
    ...expected(undue.length, 0, `requests failed: ${tally(undue.map(({ error }) => error))}`),
    ...expected(wrong.length, 0, "answers of another version than was meant"),
    ...expected(late.length, 0, "answers of a version that had been unloaded before"),
    ...expected(well(loads), options.loads, "loads"),
    ...expected(well(unloads), options.unloads, "unloads"),
    ...expected(result.twice, 0, "ids with two facts"),
    ...expected(result.left, 0, "requests left in the queue"),
  ]
}

/** Loads and unloads versions one after another while callers go on. */
const changeVersions = async (
  { log, urls }: Laboratory,
  folder: string,
  callers: VersionCallers,
  options: ReloadOptions,
  live: Set<number>,
) => {
  const loads: Array<Command> = []
  const unloads: Array<Command> = []
  const every = Math.max(1, Math.floor(options.loads / Math.max(1, options.unloads)))
  const answers = async () => {
    const target = callers.asked.length + ANSWERS_BETWEEN
    await eventually(() => (callers.asked.length >= target ? true : undefined), WAIT_MILLIS)
  }
  for (let at = 0; at < options.loads; at++) {
    const version = at + 2
    await importScale(log, folder, version)
    const url = urls[at % urls.length] ?? ""
    const load = await commandOf(url, version, "load")
    loads.push(load)
    live.add(version)
    await answers()
    if ((at + 1) % every === 0 && unloads.length < options.unloads) {
      // Not the champion: others name it.
      const unload = await commandOf(url, version - 1, "unload")
      unloads.push(unload)
      await answers()
      // For a while callers go on to name it, and are refused.
      live.delete(version - 1)
    }
    const millis = Math.round(load.ended - load.begun)
    options.say(`  version ${version} loaded in ${millis} ms; ${callers.asked.length} requests`)
  }
  return { loads, unloads }
}

/** Starts a system and changes the versions of a model under load. */
export const runReload = async (options: ReloadOptions): Promise<ReloadResult> => {
  const folder = mkdtempSync(join(tmpdir(), "weir-reload-"))
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 2,
    gateways: 2,
    servers: 1,
    prepare: (log) => importScale(log, folder, 1),
  })
  const live = new Set([1])
  const pick = (at: number) => [...live][at % live.size] ?? 1
  const callers = new VersionCallers({ urls: laboratory.urls, callers: CALLERS, pick })
  const running = callers.run()
  try {
    const changes = await changeVersions(laboratory, folder, callers, options, live)
    callers.end()
    await running
    const { messages: left } = await emptiedQueue(laboratory.log)
    const { twice } = await readHotLog(laboratory.log)
    const deadLetters = (await readDeadLetters(laboratory.log)).size
    const result = { asked: callers.asked, ...changes, deadLetters, twice, left }
    return { ...result, broken: brokenOf(result, options) }
  } finally {
    callers.end()
    await running
    await laboratory.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const versionsOf = (asked: ReadonlyArray<Asked>) =>
  asked.flatMap(({ what, version }) => (what === "200" ? [version] : []))

const millisOf = (spans: ReadonlyArray<{ readonly begun: number; readonly ended: number }>) => {
  const millis = spans.map(({ begun, ended }) => ended - begun)
  return [1, 0.99, 0.5].map((part) => Math.round(quantile(millis, part))).join(", ")
}

export const show: Show = {
  summary: "Versions loaded and unloaded under load; only who names an unloaded one is refused",
  usage: `Usage: ./weir show reload [flags]

${CALLERS} callers ask two gateways for a model, one half of them by version. New versions are
imported, become the live one and are loaded over the protocol; some are unloaded again. Each
version multiplies by its own number, so that every answer tells which one gave it. No request may
fail but those that name a version whose unload was asked for; none that comes after an unload may
be answered by the unloaded version; and every answer must be of the version that it says.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const loads = wholeNumber("loads", set.loads, { least: 1, most: 1_000, otherwise: LOADS })
    const unloads = wholeNumber("unloads", set.unloads, {
      least: 0,
      most: loads,
      otherwise: Math.min(UNLOADS, loads),
    })
    const result = await runReload({ loads, unloads, say: console.log })
    const refused = result.asked.filter(({ what }) => what !== "200")
    const figures: Figures = [
      ["loads; unloads", `${result.loads.length}; ${result.unloads.length}`],
      ["a load, longest, p99, p50, ms", millisOf(result.loads)],
      ["requests by what came of them", tally(result.asked.map(({ what }) => what))],
      ["of them, refused for a version that was unloaded", refused.length],
      ["versions that answered", new Set(versionsOf(result.asked)).size],
      ["longest answer, p99, p50, ms", millisOf(result.asked)],
      ["dead letters (refusals after the queue); left", `${result.deadLetters}; ${result.left}`],
    ]
    console.log(figuresText(figures, result.broken))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
