// `weir drift`: whether any past range of traffic differs from any reference, by the very code that
// the drift-monitor runs; and its first configuration.
import { driftConfigSchema } from "#core/drift/config"
import { readDriftConfig } from "#core/drift/config-file"
import { truthSettings, type DriftSettings } from "#core/drift/settings"
import { htmlReport } from "#core/drift/report"
import { acceptWindow } from "#core/findings/accept"
import { readMarks } from "#core/findings/marks"
import { predictionSource, truthSource, type FactSource } from "#core/findings/sources"
import { championProfile, plansOf } from "#core/findings/versions"
import type { Log } from "#core/log/log"
import { readRelease } from "#core/registry/commands"
import { jetStreamArtifacts } from "#core/registry/object-store"
import type { Release } from "#core/registry/release"
import { isModelName } from "#proto/names"
import type { Signature } from "#proto/signature"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  readWords,
  UsageError,
  type Command,
} from "../command.ts"
import { firstConfig } from "../drift/first-config.ts"
import { checkOrder, driftSettings, readPlace, readReference } from "../drift/options.ts"
import { describeJudgement, describeRule, type DriftWords } from "../drift/options.ts"
import { pinCsv } from "../drift/pin-csv.ts"
import { checkConfigNames, configPath, configWords, sayOtherConfig } from "../drift/which-config.ts"
import { askPast } from "../drift/past.ts"
import { pastText } from "../drift/text.ts"
import { jsonFlag, logFlags, withFoundLog } from "../find-log.ts"

const flags = {
  from: { value: "PLACE", help: "position, time, length ago such as 2h, or mark" },
  to: { value: "PLACE", help: "the same (default: now)" },
  reference: {
    value: "WHAT",
    help: "live (default), window, profile, first:N, FROM..TO, file:PATH or a digest",
  },
  window: { value: "SIZE", help: "rows, a length such as 1h, or marks" },
  test: { value: "NAME", help: "one test for all columns that it fits" },
  profile: { value: "NAME", help: "weir (default), alibi, evidently or scipy" },
  alpha: { value: "P", help: "false alarm rate of a window" },
  effect: { value: "D", help: "effect from which a small p counts" },
  csv: { value: "FILE", help: "the rows of reference: a header with the names of features" },
  config: { value: "FILE", help: "YAML (default: DRIFT_CONFIG)" },
  truth: { help: "windows over ground truth instead of predictions" },
  html: { value: "FILE", help: "write a report that needs nothing else" },
  json: jsonFlag,
  ...logFlags,
} as const

type Set = DriftWords & {
  readonly from?: string
  readonly to?: string
  readonly html?: string
  readonly csv?: string
}

interface Asked {
  readonly log: Log
  readonly model: string
  readonly release: Release
  readonly signature: Signature
  readonly set: Set
  readonly json: boolean
  readonly ofTruth: boolean
}

const settingsFor = async ({ log, set, model, signature }: Asked) => {
  const config = readDriftConfig(configPath(set))
  await checkConfigNames(log, config)
  return driftSettings(set, config, model, signature)
}

/** Whether flags ask for other tests than the configuration does. */
const asksOtherwise = ({ window, test, profile, alpha, effect }: Set): boolean =>
  [window, test, profile, alpha, effect].some((one) => one !== undefined)

/** Of the windows that are asked about: over predictions, or over what came true. */
const pastSettings = async (asked: Asked): Promise<DriftSettings> => {
  const settings = await settingsFor(asked)
  if (!asked.ofTruth) return settings
  const ofTruth = truthSettings(settings)
  if (ofTruth === undefined) throw new UsageError("the configuration has truth: false")
  return ofTruth
}

const sourceOf = ({ log, model, release, ofTruth }: Asked): FactSource =>
  ofTruth
    ? truthSource(log, model, async (version) => release.versions.get(version ?? "")?.signature)
    : predictionSource(log, model)

const past = async (asked: Asked): Promise<number> => {
  const { log, model, release, set, json } = asked
  const settings = await pastSettings(asked)
  if (!asksOtherwise(set)) await sayOtherConfig(log, model, settings)
  const source = sourceOf(asked)
  const reference = readReference(set.reference ?? "live")
  const plans = plansOf(() => release, settings)
  const question = { log, source, model, release, settings, plans, reference, now: Date.now() }
  const answer = await askPast({ ...question, from: set.from, to: set.to })
  if (set.html !== undefined) {
    await Bun.write(set.html, htmlReport(answer.report))
    console.error(`wrote ${set.html}`)
  }
  if (json) {
    const { from, to, reference: words, falseAlarmsPerDay } = answer.report
    const document = { model, from, to, reference: words, falseAlarmsPerDay }
    const { windows, rest, facts, notes } = answer
    console.log(JSON.stringify({ ...document, notes, facts, windows, rest }, undefined, 2))
    return EXIT_DONE
  }
  const rule = describeRule(settings.window)
  console.log(configWords(set))
  console.log(`windows of ${rule}; ${describeJudgement(settings)}\n${pastText(answer)}`)
  return EXIT_DONE
}

const config = async (asked: Asked): Promise<number> => {
  console.log(firstConfig(asked.model, asked.signature, await settingsFor(asked)).trimEnd())
  return EXIT_DONE
}

const accept = async (asked: Asked): Promise<number> => {
  const { log, model, release, set } = asked
  if ((set.from === undefined) !== (set.to === undefined))
    throw new UsageError("give both --from and --to, or neither for the last window")
  const settings = await settingsFor(asked)
  const now = Date.now()
  const marks = await readMarks(log, model)
  const range =
    set.from === undefined || set.to === undefined
      ? undefined
      : {
          from: await readPlace(log, marks, "from", set.from, now),
          to: await readPlace(log, marks, "to", set.to, now),
        }
  if (range !== undefined) checkOrder(set, range, now)
  const taken = await acceptWindow({
    log,
    store: jetStreamArtifacts(log),
    model,
    range,
    settings,
    profile: championProfile(release),
    plans: plansOf(() => release, settings),
    now,
  })
  console.log(`${model} is now compared with what was ${taken.origin}`)
  return EXIT_DONE
}

const reference = async (asked: Asked): Promise<number> => {
  const { log, model, release, set } = asked
  const path = set.csv
  if (path === undefined) throw new UsageError("which rows? Give --csv FILE, with a header")
  const version = latestOf(release)
  const settings = await settingsFor(asked)
  console.log(await pinCsv({ log, model, release, version, settings, path, now: Date.now() }))
  return EXIT_DONE
}

const actions = { config, accept, reference } as const
const isAction = (word: string): word is keyof typeof actions => Object.hasOwn(actions, word)

const schema = (): number => {
  console.log(JSON.stringify(driftConfigSchema(), undefined, 2))
  return EXIT_DONE
}

const latestOf = ({ champion, versions }: Release): string =>
  champion ?? [...versions.keys()].at(-1) ?? ""

const find = async (log: Log, model: string) => {
  if (!isModelName(model)) throw new UsageError(`"${model}" is no model name`)
  const { release } = await readRelease(log, model)
  const signature = release.versions.get(latestOf(release))?.signature
  if (signature === undefined) throw new CommandFailed(`there is no model "${model}"`)
  return { release, signature }
}

export const drift: Command = {
  name: "drift",
  summary: "Whether traffic changed: any past range against any reference",
  usage: `Usage: ./weir drift MODEL [--from PLACE] [--to PLACE] [--reference WHAT] [--html FILE] …
       ./weir drift config MODEL     a first configuration from the model's signature
       ./weir drift accept MODEL     the last window, or a range, is the new normal
       ./weir drift reference MODEL --csv FILE   rows of a file, such as the training data, are it
       ./weir drift schema           the JSON Schema of the configuration, for editors

Folds the facts of the range into windows and tests each against the reference: the same
code, and so the same verdicts, as the drift-monitor's. Nothing is written to the log but
by accept and reference. --test also takes mmd, classifier and detectors over the stream:
adwin, page-hinkley, kswin, ddm, eddm, hddm-a, hddm-w, mmd-online.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, 2)
    const [first, second] = positionals
    if (first === undefined) throw new UsageError("which model? Give its name")
    if (first === "schema" && second === undefined) return schema()
    const action = isAction(first) && second !== undefined ? actions[first] : past
    if (action === past && second !== undefined) throw new UsageError(`unexpected word "${second}"`)
    const model = action === past ? first : (second ?? first)
    return withFoundLog("drift", set, async (log) =>
      action({
        log,
        model,
        ...(await find(log, model)),
        set,
        json: switches.has("json"),
        ofTruth: switches.has("truth"),
      }),
    )
  },
}
