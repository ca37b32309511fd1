// A drift-monitor that is killed again and again must find what an undisturbed one finds, and each
// alert must arrive.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseDriftConfig, settingsOf } from "#core/drift/config"
import { joins } from "#core/drift/update"
import { decide } from "#core/drift/verdict"
import { predictionSource } from "#core/findings/sources"
import { plansOf } from "#core/findings/versions"
import { readRelease } from "#core/registry/commands"
import { readCourse } from "#core/findings/course"
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { DEFAULT_LIMITS } from "#core/log/topology"
import {
  driftFindingCodec,
  driftSubject,
  type DriftFinding,
  type WindowFinding,
} from "#proto/finding"
import { FINDINGS } from "#proto/subjects"
import { askPast } from "../drift/past.ts"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { differences, keyedWindows, timeless } from "../laboratory/compare-findings.ts"
import { expected, figuresText, type Figures } from "../laboratory/figures.ts"
import { PEOPLE, peopleFacts, registerPeople, storeFacts } from "../laboratory/drift-facts.ts"
import { eventually } from "../laboratory/patience.ts"
import { seededRandom } from "../laboratory/random.ts"
import { KillableMonitor, startReceiver } from "../laboratory/killable-monitor.ts"
import { startLaboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const LIMITS = { ...DEFAULT_LIMITS, historyBytesMax: GIB }
const FOUND_WAIT_MILLIS = 120_000
const LOOK_AGAIN_MILLIS = 5
/** A kill comes at most so long after the window that it was due with. */
const KILL_DELAY_MILLIS_MAX = 60
const REFERENCE_ROWS = 1_000
const WINDOW_ROWS = 200
const FACT_ROWS = 10

const CONFIG = `defaults:
  window: { rows: ${WINDOW_ROWS} }
  reference: { first: ${REFERENCE_ROWS} }
  slices: [{ feature: output.label }]
  mmd: { rows: 100, permutations: 100 }
  online: [{ detector: adwin }, { detector: kswin }, { detector: page-hinkley }]
  update: { reservoir: ${REFERENCE_ROWS} }
`

const flags = {
  windows: { value: "N", help: "windows that are evaluated (default 200)" },
  kills: { value: "N", help: "how often the monitor is killed (default 20)" },
  seed: { value: "N", help: "repeats a run (default: a new one, printed)" },
} as const

export interface MonitorOptions {
  readonly windows: number
  readonly kills: number
  readonly seed: number
  readonly say: (line: string) => void
}

interface Found {
  readonly windows: ReadonlyArray<WindowFinding>
  readonly drift: ReadonlyArray<DriftFinding>
  /** Ids of the alerts in the order in which they came. */
  readonly alerts: ReadonlyArray<string>
  /** The same windows as time travel finds them afterwards. */
  readonly past: ReadonlyArray<WindowFinding>
}

export interface MonitorResult {
  readonly calm: Found
  readonly troubled: Found
  readonly differing: number
  readonly missingAlerts: number
  /** Windows that time travel finds otherwise than the killed monitor did. */
  readonly pastDiffering: number
  readonly broken: ReadonlyArray<string>
}

const readDrift = async (log: Log): Promise<ReadonlyArray<DriftFinding>> => {
  const { state } = await log.manager.streams.info(FINDINGS)
  const found: Array<DriftFinding> = []
  const range = { stream: FINDINGS, from: 1, to: state.last_seq, filter: driftSubject(PEOPLE) }
  for await (const { data } of readRange(log, range)) found.push(driftFindingCodec.decode(data))
  return found
}

const evaluated = async (log: Log): Promise<number> =>
  (await readCourse(log, PEOPLE)).filter(({ _tag }) => _tag === "WindowEvaluated").length

const untilEvaluated = async (log: Log, windows: number): Promise<void> => {
  const reached = async () => ((await evaluated(log)) >= windows ? true : undefined)
  const found = await eventually(reached, FOUND_WAIT_MILLIS, LOOK_AGAIN_MILLIS)
  if (found === undefined) throw new Error(`window ${windows} was not evaluated in time`)
}

/**
 * Behind a window come its reports and, where it was quiet, the reference that it joined: findings
 * are at rest when none of them is missing.
 */
const isSettled = async (log: Log): Promise<boolean> => {
  const settings = settingsOf(parseDriftConfig(CONFIG), PEOPLE)
  const windows = await readCourse(log, PEOPLE)
  const reported = new Set((await readDrift(log)).map(({ id }) => id))
  return windows.every((finding, at) => {
    const isJoined =
      finding._tag === "ReferenceTaken" ||
      !joins(settings, finding) ||
      windows[at + 1]?._tag === "ReferenceTaken"
    return isJoined && decide(finding).every(({ id }) => reported.has(id))
  })
}

const untilSettled = async (log: Log): Promise<void> => {
  const settled = async () => ((await isSettled(log)) ? true : undefined)
  if ((await eventually(settled, FOUND_WAIT_MILLIS, LOOK_AGAIN_MILLIS)) === undefined)
    throw new Error("reports or references behind the last window did not come in time")
}

/** Feeds the windows; `killAfter` names those during or behind which the monitor is killed. */
const runMonitor = async (
  options: MonitorOptions,
  killAfter: ReadonlySet<number>,
  random: () => number,
): Promise<Found> => {
  const folder = mkdtempSync(join(tmpdir(), "weir-monitor-"))
  const config = join(folder, "drift.yaml")
  await Bun.write(config, CONFIG)
  const receiver = startReceiver()
  const laboratory = await startLaboratory({
    limits: LIMITS,
    predictors: 0,
    gateways: 0,
    servers: 1,
    prepare: registerPeople,
  })
  const { log } = laboratory
  const monitor = new KillableMonitor(laboratory, config, receiver.url)
  try {
    await monitor.start()
    const facts = peopleFacts({
      seed: options.seed,
      reference: REFERENCE_ROWS,
      windows: options.windows,
      windowRows: WINDOW_ROWS,
      rowsOfFact: FACT_ROWS,
    })
    const due = [...killAfter].toSorted((a, b) => a - b)
    let fed = 0
    for (const window of [...due, options.windows]) {
      // A few windows more than the kill is due with, so that it comes in the midst of work.
      const next = Math.min(options.windows, window + 3)
      await storeFacts(log, facts.slice(fed, next + 1).flat())
      fed = next + 1
      await untilEvaluated(log, window)
      if (!killAfter.has(window)) continue
      await Bun.sleep(random() * KILL_DELAY_MILLIS_MAX)
      await monitor.killAndRestart()
      options.say(`  killed during or behind window ${window}`)
    }
    await untilEvaluated(log, options.windows)
    await untilSettled(log)
    const drift = await allReported(log, receiver.ids)
    const windows = await readCourse(log, PEOPLE)
    return { windows, drift, alerts: receiver.ids, past: await travel(log) }
  } catch (cause) {
    throw new Error(`${String(cause)}\n${monitor.lines.slice(-20).join("\n")}`)
  } finally {
    await monitor.stop()
    await laboratory.stop()
    await receiver.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `weir drift` over all that the monitor saw. */
const travel = async (log: Log): Promise<ReadonlyArray<WindowFinding>> => {
  const { release } = await readRelease(log, PEOPLE)
  const settings = settingsOf(parseDriftConfig(CONFIG), PEOPLE)
  const { windows } = await askPast({
    log,
    source: predictionSource(log, PEOPLE),
    model: PEOPLE,
    release,
    settings,
    plans: plansOf(() => release, settings),
    from: undefined,
    to: undefined,
    reference: { kind: "live" },
    now: 0,
  })
  return windows
}

/** The reports, once each of them was received or it took too long. */
const allReported = async (log: Log, received: ReadonlyArray<string>) => {
  await eventually(async () => {
    const drift = await readDrift(log)
    return drift.length > 0 && drift.every(({ id }) => received.includes(id)) ? true : undefined
  }, FOUND_WAIT_MILLIS)
  return readDrift(log)
}

/** Runs the undisturbed monitor and the killed one over the same facts. */
export const runKilledMonitor = async (options: MonitorOptions): Promise<MonitorResult> => {
  const random = seededRandom(options.seed)
  const killAfter = new Set<number>()
  while (killAfter.size < Math.min(options.kills, options.windows - 1))
    killAfter.add(1 + Math.floor(random() * (options.windows - 1)))
  options.say("undisturbed")
  const calm = await runMonitor(options, new Set(), random)
  options.say("killed")
  const troubled = await runMonitor(options, killAfter, random)
  const differing = differences(timeless(calm), timeless(troubled))
  const missingAlerts = troubled.drift.filter(({ id }) => !troubled.alerts.includes(id)).length
  const strange = troubled.alerts.filter((id) => !troubled.drift.some((one) => one.id === id))
  const live = troubled.windows.filter(({ _tag }) => _tag === "WindowEvaluated")
  const pastDiffering = differences(keyedWindows(live), keyedWindows(troubled.past))
  const windows = calm.windows.filter(({ _tag }) => _tag === "WindowEvaluated").length
  const broken = [
    ...expected(windows, options.windows, "windows"),
    ...expected(differing, 0, "findings differ"),
    ...expected(pastDiffering, 0, "windows differ in time travel"),
    ...expected(missingAlerts, 0, "alerts were never delivered"),
    ...expected(strange.length, 0, "alerts with an id that no finding has"),
    ...(calm.drift.length > 0 ? [] : ["nothing was found at all"]),
  ]
  return { calm, troubled, differing, missingAlerts, pastDiffering, broken }
}

const report = (result: MonitorResult): string => {
  const { calm, troubled, differing, missingAlerts, pastDiffering, broken } = result
  const updates = troubled.windows.filter(({ _tag }) => _tag === "ReferenceTaken").length
  const windows = troubled.windows.length - updates
  const ids = new Set(troubled.alerts)
  const figures: Figures = [
    ["windows evaluated; references taken", `${windows}; ${updates}`],
    ["reports of drift, and of its end", troubled.drift.length],
    ["findings that differ from the undisturbed ones", differing],
    ["of so many, undisturbed", calm.windows.length + calm.drift.length],
    ["windows that time travel finds otherwise", pastDiffering],
    ["alerts delivered; different ids among them", `${troubled.alerts.length}; ${ids.size}`],
    ["alerts never delivered", missingAlerts],
  ]
  return figuresText(figures, broken)
}

export const show: Show = {
  summary: "Kills the drift-monitor at random; its findings and alerts stay the same",
  usage: `Usage: ./weir show monitor [flags]

The same facts, with stretches of drift in them, are watched twice: by a drift-monitor that is left
alone, and by one that is killed with SIGKILL during or behind windows chosen at random. All that
the two found is compared byte by byte but for the times of writing: windows with every statistic,
what detectors over the stream remember, references that windows joined, drift and its end. Alerts
go to a webhook here: each has to come at least once, under the id of its finding. At the end,
time travel over the whole range must find every window as the killed monitor did.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const number = (flag: keyof typeof flags, least: number, most: number, otherwise: number) =>
      wholeNumber(flag, set[flag], { least, most, otherwise })
    const options: MonitorOptions = {
      windows: number("windows", 20, 2_000, 200),
      kills: number("kills", 1, 200, 20),
      seed: number("seed", 1, 2 ** 31, Math.floor(Math.random() * 2 ** 31) + 1),
      say: console.log,
    }
    console.log(`seed ${options.seed}`)
    const result = await runKilledMonitor(options)
    console.log(report(result))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
