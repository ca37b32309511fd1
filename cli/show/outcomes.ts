// Ground truth in every way that it comes, for predictions of which the hot log has dropped most:
// what readers join must be what a direct computation over answers and labels gives.
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DEFAULT_LIMITS } from "#core/log/topology"
import type { Log } from "#core/log/log"
import { importDirectory } from "#core/registry/import"
import { limitsEnvironment } from "#core/service/process-settings"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { expected, figuresText, type Figures } from "../laboratory/figures.ts"
import { FLIGHTS } from "../laboratory/flights.ts"
import type { DirectQuality } from "../laboratory/direct-quality.ts"
import { judge } from "../laboratory/outcome-judge.ts"
import {
  expectedCounts,
  idOfKey,
  planPredictions,
  type PlannedPrediction,
} from "../laboratory/outcome-plan.ts"
import {
  BAD_BODIES,
  sayOverHttp,
  unitsOf,
  type AnsweredPrediction,
  type SenderTools,
} from "../laboratory/outcome-senders.ts"
import { inParallel, PatientCaller } from "../laboratory/patient-caller.ts"
import { seededRandom, shuffled } from "../laboratory/random.ts"
import { signalPart, startLaboratory, type Laboratory } from "../laboratory/system.ts"
import { inProject } from "../project.ts"
import type { Show } from "../show.ts"
import { startService } from "../programs/start-service.ts"
import { importDependencies } from "../up/models.ts"
import { Supervisor } from "../up/supervisor.ts"

const CALLERS = 32
const GIB = 1024 ** 3
const STOP_WAIT_MILLIS = 20_000
/** Share of the predictions that the hot log holds. */
const HOT_SHARE = 0.4
const RESTART = {
  waitFirstMillis: 20,
  waitMostMillis: 200,
  settledAfterMillis: 500,
  earlyEndsMax: 1_000,
}

const flags = {
  predictions: { value: "N", help: "requests of 1 to 3 rows (default 5000)" },
  kills: { value: "N", help: "kills of gateway and monitor while labels come (default 0)" },
  seed: { value: "N", help: "repeats a run (default 1)" },
} as const

export interface OutcomesOptions {
  readonly predictions: number
  readonly kills: number
  readonly seed: number
  /** Outcomes of ids that are unknown, and of each kind of bad body. */
  readonly extra: { readonly unknown: number; readonly bad: number }
}

/** The demo model twice: what differs between its versions is what came true. */
const importVersions = async (log: Log): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "weir-versions-"))
  const model = inProject("examples", "flights", "models", FLIGHTS, "1")
  try {
    for (const version of ["1", "2"])
      cpSync(model, join(folder, FLIGHTS, version), { recursive: true })
    await importDirectory(importDependencies(log), folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const startMonitor = ({ broker, limits }: Laboratory): Supervisor => {
  const child = {
    environment: {
      NATS_URL: broker.servers,
      LOG_FORMAT: "json",
      WEIR_STATUS_PORT: "0",
      ...limitsEnvironment(limits),
    },
    stopWaitMillis: STOP_WAIT_MILLIS,
    onLine: () => undefined,
  }
  return new Supervisor(
    "monitor",
    () => startService("drift-monitor", child),
    () => undefined,
    RESTART,
  )
}

/** One with a key is told what came true before it is asked. */
const ask = async (tools: SenderTools, one: PlannedPrediction): Promise<AnsweredPrediction> => {
  const { key, data, truth, version } = one
  if (key !== undefined) await sayOverHttp(tools, idOfKey(key), { value: [...truth] })
  const { status, headers, text } = await tools.caller.ask(`/predict?model=${FLIGHTS}`, {
    method: "POST",
    headers: { "Weir-Version": version, ...(key === undefined ? {} : { "Idempotency-Key": key }) },
    body: JSON.stringify({ data }),
  })
  if (status !== 200) throw new Error(`a prediction was answered ${status} ${text}`)
  const { predictions, probabilities } = JSON.parse(text) as {
    readonly predictions: ReadonlyArray<number>
    readonly probabilities: ReadonlyArray<ReadonlyArray<number>>
  }
  return {
    ...one,
    id: headers.get("Weir-Id") ?? "",
    position: Number(headers.get("Weir-Position")),
    predicted: predictions,
    positive: probabilities.map((chances) => chances[1] ?? Number.NaN),
  }
}

/** Kills gateways and the monitor by turns, evenly over the units. */
const killer = (laboratory: Laboratory, monitor: Supervisor, units: number, kills: number) => {
  const victims = [laboratory.gateways[0], monitor, laboratory.gateways[1], monitor]
  let done = 0
  let killed = 0
  return {
    onDone: () => {
      done++
      if (killed >= kills || done < ((killed + 1) * units) / (kills + 1)) return
      const victim = victims[killed % victims.length]
      if (victim !== undefined && signalPart(victim, "SIGKILL")) killed++
    },
    killed: () => killed,
  }
}

export const runOutcomes = async (options: OutcomesOptions) => {
  const { predictions, kills, seed, extra } = options
  const random = seededRandom(seed)
  const plan = await planPredictions(predictions, random)
  const laboratory = await startLaboratory({
    limits: {
      ...DEFAULT_LIMITS,
      historyBytesMax: 4 * GIB,
      predictionsMessagesMax: Math.ceil(predictions * HOT_SHARE),
    },
    predictors: 1,
    gateways: 2,
    servers: 1,
    prepare: importVersions,
  })
  const monitor = startMonitor(laboratory)
  try {
    let dropped = 0
    const caller = new PatientCaller(laboratory.urls, random)
    const tools = { log: laboratory.log, caller, onDropped: () => undefined }
    const answered = await inParallel(plan, CALLERS, (one) => ask(tools, one))
    const units = shuffled(unitsOf(answered, extra), random)
    const { onDone, killed } = killer(laboratory, monitor, units.length, kills)
    const later = { ...tools, onDropped: () => dropped++ }
    await inParallel(units, CALLERS, (unit) => unit(later), onDone)
    const found = await judge(laboratory.log, answered)
    const { recorded, corrected, repeated } = expectedCounts(plan)
    const { counts } = found
    const broken = [
      ...expected(found.monitorDiffers, 0, "figures of the monitor differ from the direct ones"),
      ...expected(found.foldDiffers, 0, "figures of the command line differ"),
      ...expected(counts.recorded, recorded, "new labels"),
      ...expected(counts.corrected, corrected, "corrections"),
      // The hot log may drop an outcome before it comes again, and a killed gateway is asked again.
      ...(counts.repeated >= repeated ? [] : [`${counts.repeated} repetitions of ${repeated}`]),
      ...expected(found.unmatched, extra.unknown, "unmatched ids"),
      ...expected(counts.unreadable, extra.bad, "unreadable outcomes"),
      ...expected(counts.misfit, extra.bad * (BAD_BODIES.length - 1), "outcomes that do not fit"),
      ...expected(killed(), kills, "kills"),
      ...(dropped > 0 ? [] : ["the hot log had dropped no fact"]),
    ]
    return { ...found, dropped, killed: killed(), broken }
  } finally {
    await monitor.stop()
    await laboratory.stop()
  }
}

const FIGURE_DIGITS = 6
const qualityText = ({ rows, labelled, accuracy }: DirectQuality): string =>
  `${(accuracy ?? Number.NaN).toFixed(FIGURE_DIGITS)} (${labelled} of ${rows} rows labelled)`

export const show: Show = {
  summary: "Labels late, twice, corrected, in any order; accuracy as computed directly",
  usage: `Usage: ./weir show outcomes [flags]

Asks two versions of the demo model, then says what came true: once, twice, corrected, row by row,
in bulks, by subject, before the prediction, of unknown ids and in bad form, in a random order and
after a hot log of ${HOT_SHARE * 100} % of the predictions dropped most of them. Accuracy and
Brier score of each version and window must be those of a direct computation over the answers, for
the monitor and for the command line. --kills kills gateways and the monitor by turns while the
labels come.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const result = await runOutcomes({
      predictions: wholeNumber("predictions", set.predictions, {
        least: 1_000,
        most: 100_000,
        otherwise: 5_000,
      }),
      kills: wholeNumber("kills", set.kills, { least: 0, most: 100, otherwise: 0 }),
      seed: wholeNumber("seed", set.seed, { least: 1, most: 2 ** 31, otherwise: 1 }),
      extra: { unknown: 100, bad: 100 },
    })
    const { counts, scan } = result
    const figures: Figures = [
      ...result.versions.map(
        (one) => [`accuracy of ${one.version ?? "all versions"}`, qualityText(one)] as const,
      ),
      ["figures of the monitor, by window and version", result.groups],
      ["of them different from the direct computation", result.monitorDiffers],
      ["outcomes in the log", counts.messages],
      ["new labels, corrections", `${counts.recorded}, ${counts.corrected}`],
      ["repetitions in the log", counts.repeated],
      ["unreadable, do not fit", `${counts.unreadable}, ${counts.misfit}`],
      ["unmatched ids", result.unmatched],
      ["told over HTTP after the hot log had dropped the fact", result.dropped],
      ["given a position by a scan, still unknown", `${scan.joined}, ${scan.unknown.length}`],
      ["kills of gateways and monitor", result.killed],
    ]
    console.log(figuresText(figures, result.broken))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
