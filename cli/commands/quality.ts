// `weir quality`: runs a suite of Great Expectations on a table, as a step of a pipeline (the exit
// code says whether all expectations were met), and says which suites judge the rows of a model.
import { writeFile } from "node:fs/promises"
import { basename, extname } from "node:path"
import { evaluateSuite, type SuiteResult } from "#core/quality/evaluate"
import { gxJson } from "#core/quality/gx-json"
import { writeToolJson } from "#core/quality/python-json"
import { htmlReport } from "#core/quality/html-report"
import { RESULT_FORMATS, type ResultFormat } from "#core/quality/result-format"
import { readSuite, SuiteRefused } from "#core/quality/suite"
import { onlyRowLevel, suggestSuite, type SuggestedSuite } from "#core/quality/suggest"
import type { Table } from "#core/quality/table"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  UsageError,
  type Command,
} from "../command.ts"
import { logFlags, withFoundLog } from "../find-log.ts"
import { readCsv, readJson, readParquet } from "../quality/files.ts"
import { readReference, readRows, releaseOf, signatureOf } from "../quality/model-rows.ts"
import { placeGate, placeWindows } from "../quality/placing.ts"
import { resultText } from "../quality/text.ts"

const flags = {
  csv: { value: "FILE", help: "the table: CSV with a header line; an empty cell is missing" },
  schema: { value: "FILE", help: 'types of its columns: {"columns": [{"name", "type"}]}' },
  parquet: { value: "FILE", help: "the table: Parquet, as pandas, Polars or DuckDB write it" },
  model: { value: "MODEL", help: "the table: rows that this model answered, with its answers" },
  from: { value: "PLACE", help: "of the model's log: position, time, length ago (2h) or mark" },
  to: { value: "PLACE", help: "the same (default: now)" },
  format: { value: "FORMAT", help: "BOOLEAN_ONLY, BASIC, SUMMARY (default) or COMPLETE" },
  json: { help: "the result as Great Expectations writes it, instead of a table" },
  html: { value: "FILE", help: "write the result as a page too" },
  mode: { value: "MODE", help: "of a gate: reject, flag or off" },
  "for-gate": { help: "suggest only what can stand at the gate" },
  ...logFlags,
} as const

type Set = { readonly [Name in keyof typeof flags]?: string }

interface Asked {
  readonly set: Set
  readonly words: ReadonlyArray<string>
  readonly json: boolean
  readonly forGate: boolean
}

const readFormat = (text: string | undefined): ResultFormat => {
  const format = RESULT_FORMATS.find((known) => known === (text?.toUpperCase() ?? "SUMMARY"))
  if (format !== undefined) return format
  throw new UsageError(`--format must be one of ${RESULT_FORMATS.join(", ")}, got "${text}"`)
}

const readTable = async ({
  csv,
  schema,
  parquet,
  model,
  from,
  to,
  ...log
}: Set): Promise<Table> => {
  const sources = [csv, parquet, model].filter((source) => source !== undefined)
  if (sources.length !== 1)
    throw new UsageError("name one table: --csv FILE, --parquet FILE or --model MODEL")
  if (csv !== undefined) return readCsv(csv, schema)
  if (parquet !== undefined) return readParquet(parquet)
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  return withFoundLog("quality", log, (found) => readRows(found, model ?? "", range))
}

const evaluate = async (path: string, table: Table, format: ResultFormat): Promise<SuiteResult> => {
  const json = await readJson(path)
  try {
    return evaluateSuite(readSuite(json), table, { format })
  } catch (error) {
    throw error instanceof SuiteRefused ? new CommandFailed(`${path}: ${error.message}`) : error
  }
}

const run = async (suite: string, { set, json }: Asked): Promise<number> => {
  const format = readFormat(set.format)
  const outcome = await evaluate(suite, await readTable(set), format)
  if (set.html !== undefined) await writeFile(set.html, htmlReport(outcome))
  console.log(json ? writeToolJson(gxJson(outcome)) : resultText(outcome))
  return outcome.success ? EXIT_DONE : EXIT_FAILED
}

const suggestForModel = (model: string, set: Set): Promise<SuggestedSuite> =>
  withFoundLog("quality", set, async (log) => {
    const { features } = signatureOf(await releaseOf(log, model))
    if (set.from !== undefined || set.to !== undefined || set.csv !== undefined) {
      const table = await readTable(set.csv === undefined ? { ...set, model } : set)
      return suggestSuite(model, table, features)
    }
    const { table, origin } = await readReference(log, model)
    console.error(`from the reference of ${model}: ${origin}`)
    return suggestSuite(model, table, features)
  })

const suggest = async (asked: Asked): Promise<number> => {
  const { set, forGate } = asked
  const [, model] = asked.words
  const path = set.csv ?? set.parquet
  const made =
    model !== undefined
      ? await suggestForModel(model, set)
      : suggestSuite(basename(path ?? "", extname(path ?? "")), await readTable(set))
  console.log(JSON.stringify(forGate ? onlyRowLevel(made) : made, undefined, 2))
  return EXIT_DONE
}

const place =
  (action: typeof placeGate) =>
  async ({ set, words, json }: Asked): Promise<number> => {
    const [, model, suite] = words
    if (model === undefined) throw new UsageError("which model? Give its name")
    await withFoundLog("quality", set, (log) => action({ log, model, suite, mode: set.mode, json }))
    return EXIT_DONE
  }

const actions: Readonly<Record<string, (asked: Asked) => Promise<number>>> = {
  suggest,
  gate: place(placeGate),
  windows: place(placeWindows),
}

export const quality: Command = {
  name: "quality",
  summary: "Suites of Great Expectations: on a table, at the gate, on windows",
  usage: `Usage: ./weir quality SUITE --csv FILE|--parquet FILE|--model MODEL [flags]
       ./weir quality suggest MODEL [--for-gate]         a first suite from its reference
       ./weir quality suggest --csv FILE|--parquet FILE  … from a table that is good
       ./weir quality gate MODEL SUITE --mode reject|flag   at the door of a model
       ./weir quality gate MODEL --mode off
       ./weir quality windows MODEL SUITE                over the windows of its traffic
       ./weir quality windows MODEL --mode off
       ./weir quality gate MODEL                         what is set

Runs SUITE (JSON of Great Expectations 0.x or 1.x) on a table and tells what was met. Exit code 0
when all expectations are met, 1 when one is not, cannot be computed or is unknown.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals: words } = readWords(args, flags, 3)
    const [first] = words
    if (first === undefined) throw new UsageError("name a suite, or suggest, gate or windows")
    const asked = { set, words, json: switches.has("json"), forGate: switches.has("for-gate") }
    const action = Object.hasOwn(actions, first) ? actions[first] : undefined
    if (action !== undefined) return action(asked)
    const surplus = words[1]
    if (surplus !== undefined) throw new UsageError(`unexpected word "${surplus}"`)
    return run(first, asked)
  },
}
