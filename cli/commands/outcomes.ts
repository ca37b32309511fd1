// `weir outcomes`: what came true of predictions: what the log has of it, and ways to bring it in.
import { findErasures } from "#core/log/erasures"
import type { Log } from "#core/log/log"
import { DEFAULT_COLUMNS } from "#core/outcomes/csv-outcomes"
import { joinByScan } from "#core/outcomes/find-facts"
import { measure } from "#core/outcomes/measure"
import { pastLedger, WHOLE } from "#core/outcomes/past"
import { lastFactPosition } from "#core/findings/facts"
import { PREDICTIONS } from "#proto/subjects"
import {
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  UsageError,
  type Command,
} from "../command.ts"
import { jsonFlag, logFlags, withFoundLog } from "../find-log.ts"
import { importOutcomes } from "../outcomes/import.ts"
import { findModel, horizonMillis } from "../outcomes/model.ts"
import { nameOf, percent } from "../outcomes/text.ts"
import { startProgress } from "../progress.ts"
import { countText, durationText, fields, table } from "../table.ts"

const flags = {
  model: { value: "MODEL", help: "import: the model that the labels belong to" },
  key: { value: "COLUMN", help: "import: column with the ids of predictions (default id)" },
  value: { value: "COLUMN", help: "import: column with what came true (default value)" },
  row: { value: "COLUMN", help: "import: column with the row of the request, from 0" },
  position: { value: "COLUMN", help: "import: column with Weir-Position (default position)" },
  "observed-at": { value: "COLUMN", help: "import: column with times (default observed_at)" },
  "keys-of": {
    value: "CALLER",
    help: 'import: the keys are Idempotency-Keys of this caller ("" without API keys)',
  },
  json: jsonFlag,
  ...logFlags,
} as const

type Set = { readonly [Name in keyof typeof flags]?: string }

interface Asked {
  readonly log: Log
  readonly set: Set
  readonly json: boolean
}

const UNMATCHED_NAMED = 5
const BY = "weir outcomes"

const recording = async (log: Log, model: string) => {
  const { release } = await findModel(log, model)
  const { config } = await log.manager.streams.info(PREDICTIONS)
  const releases = { model: (name: string) => (name === model ? release : undefined) }
  const erased = new Set((await findErasures(log, undefined, model)).map(({ id }) => id))
  const isErased = (_: string, id: string) => erased.has(id)
  return { log, replicas: config.num_replicas, releases, isErased }
}

const status = async ({ log, json }: Asked, model: string): Promise<number> => {
  const { release } = await findModel(log, model)
  const progress = startProgress()
  const ledger = await pastLedger({
    log,
    model,
    release,
    rule: WHOLE,
    from: 1,
    to: await lastFactPosition(log, model),
    sliceFeatures: [],
    horizonMillis: horizonMillis(),
    onProgress: (read, left) => progress.show(`reading the long log: ${read} of ${read + left}`),
  })
  progress.end()
  const { groups, delayMedian, delayMost } = measure(ledger)
  const { counts, unmatched } = ledger
  if (json) {
    const coverage = groups.map(({ version, rows, labelled }) => ({ version, rows, labelled }))
    const delay = { medianMillis: delayMedian, mostMillis: delayMost }
    console.log(JSON.stringify({ model, counts, unmatched, coverage, delay }, undefined, 2))
    return EXIT_DONE
  }
  const rows = groups.map((group) => [
    nameOf(group),
    countText(group.rows),
    countText(group.labelled),
    percent(group.labelled, group.rows),
  ])
  const right = (name: string) => ({ name, align: "right" }) as const
  const names = unmatched.slice(0, UNMATCHED_NAMED).join(", ")
  const more = unmatched.length > UNMATCHED_NAMED ? ", …" : ""
  const told = (count: number) => (count === 0 ? undefined : countText(count))
  const messages = fields([
    ["outcomes", countText(counts.messages)],
    ["new labels", countText(counts.recorded)],
    ["repeated", countText(counts.repeated)],
    ["corrections", countText(counts.corrected)],
    ["unmatched ids", `${countText(unmatched.length)}${names === "" ? "" : `: ${names}${more}`}`],
    ["unreadable", told(counts.unreadable)],
    ["do not fit", told(counts.misfit)],
    ["of failed requests", told(counts.failed)],
    ["too late", told(counts.late)],
    ["delay, median", delayMedian === undefined ? undefined : durationText(delayMedian)],
    ["delay, 95 %", delayMost === undefined ? undefined : durationText(delayMost)],
  ])
  const heads = [{ name: "ROWS OF" }, right("ROWS"), right("LABELLED"), right("COVERAGE")]
  console.log(`${table(heads, rows)}\n\n${messages}`)
  return EXIT_DONE
}

const bring = async ({ log, set, json }: Asked, path: string): Promise<number> => {
  const { model } = set
  if (model === undefined) throw new UsageError("--model: which model do the labels belong to?")
  const result = await importOutcomes({
    ...(await recording(log, model)),
    model,
    path,
    keysOf: set["keys-of"],
    by: BY,
    columns: {
      key: set.key ?? DEFAULT_COLUMNS.key,
      value: set.value ?? DEFAULT_COLUMNS.value,
      row: set.row ?? DEFAULT_COLUMNS.row,
      position: set.position ?? DEFAULT_COLUMNS.position,
      observedAt: set["observed-at"] ?? DEFAULT_COLUMNS.observedAt,
    },
  })
  if (json) console.log(JSON.stringify(result, undefined, 2))
  else {
    for (const refusal of result.refusals) console.error(refusal)
    const { lines, recorded, corrected, unchanged, unjoined, refused } = result
    console.log(
      `${lines} lines: ${recorded} recorded, ${corrected} corrected, ${unchanged} unchanged, ` +
        `${refused} refused; ${unjoined} of a prediction that the hot log does not hold`,
    )
  }
  return result.refused === 0 ? EXIT_DONE : EXIT_FAILED
}

const join = async ({ log, json }: Asked, model: string): Promise<number> => {
  const found = await joinByScan(await recording(log, model), model, BY)
  if (json) console.log(JSON.stringify(found, undefined, 2))
  else
    console.log(
      `${found.wanted} ids without a position: ${found.joined} joined, ${found.unfit} do not ` +
        `fit, ${found.unknown.length} unknown to the long log`,
    )
  return EXIT_DONE
}

const actions = { status, import: bring, join } as const
const isAction = (word: string): word is keyof typeof actions => Object.hasOwn(actions, word)

export const outcomes: Command = {
  name: "outcomes",
  summary: "What came true of predictions: coverage, import of labels, join",
  usage: `Usage: ./weir outcomes status MODEL
       ./weir outcomes import FILE --model MODEL [--key COLUMN] [--value COLUMN] …
       ./weir outcomes join MODEL     looks in the long log for unmatched ids

A file is CSV with a head, or lines of JSON (.ndjson). The same label again changes nothing,
another one corrects it. import ends with 1 when lines were refused; the others are stored.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, 2)
    const [action, object] = positionals
    if (action === undefined || !isAction(action))
      throw new UsageError(`expected one of ${Object.keys(actions).join(", ")}`)
    if (object === undefined)
      throw new UsageError(action === "import" ? "which file? Give its name" : "which model?")
    const json = switches.has("json")
    return withFoundLog("outcomes", set, (log) => actions[action]({ log, set, json }, object))
  },
}
