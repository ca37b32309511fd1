// `weir quality`: runs a suite of Great Expectations on a CSV file, as a step of a pipeline: the
// exit code says whether all expectations were met.
import { readFile, writeFile } from "node:fs/promises"
import { basename, extname } from "node:path"
import { Schema } from "effect"
import { CsvRefused, tableFromCsv, TableSchema } from "#core/quality/csv"
import { evaluateSuite, type SuiteResult } from "#core/quality/evaluate"
import { gxJson } from "#core/quality/gx-json"
import {
  columnText,
  htmlReport,
  kwargsText,
  observedText,
  stateText,
} from "#core/quality/html-report"
import { parseToolFile } from "#core/quality/python-json"
import { RESULT_FORMATS, type ResultFormat } from "#core/quality/result-format"
import { readSuite, SuiteRefused } from "#core/quality/suite"
import { suggestSuite } from "#core/quality/suggest"
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

const flags = {
  csv: { value: "FILE", help: "the table: CSV with a header line; an empty cell is missing" },
  schema: { value: "FILE", help: 'types of its columns: {"columns": [{"name", "type"}]}' },
  format: { value: "FORMAT", help: "BOOLEAN_ONLY, BASIC, SUMMARY (default) or COMPLETE" },
  json: { help: "the result as Great Expectations writes it, instead of a table" },
  html: { value: "FILE", help: "write the result as a page too" },
} as const

const read = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "utf8")
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
    throw new CommandFailed(`cannot read ${path}: ${code}`)
  }
}

const readJson = async (path: string): Promise<unknown> => {
  const text = await read(path)
  try {
    return parseToolFile(text)
  } catch {
    throw new CommandFailed(`${path} is not JSON`)
  }
}

const decodeSchema = Schema.decodeUnknownSync(TableSchema)

const readTable = async (path: string, schemaPath: string | undefined): Promise<Table> => {
  const text = await read(path)
  let schema: TableSchema | undefined
  try {
    schema = schemaPath === undefined ? undefined : decodeSchema(await readJson(schemaPath))
  } catch (error) {
    if (error instanceof CommandFailed || !(error instanceof Error)) throw error
    throw new CommandFailed(`${schemaPath}: ${error.message.replace(/\s*\n\s*/g, " ")}`)
  }
  try {
    return tableFromCsv(text, schema)
  } catch (error) {
    throw error instanceof CsvRefused ? new CommandFailed(`${path}: ${error.message}`) : error
  }
}

const readFormat = (text: string | undefined): ResultFormat => {
  const format = RESULT_FORMATS.find((known) => known === (text?.toUpperCase() ?? "SUMMARY"))
  if (format !== undefined) return format
  throw new UsageError(`--format must be one of ${RESULT_FORMATS.join(", ")}, got "${text}"`)
}

const evaluate = async (path: string, table: Table, format: ResultFormat): Promise<SuiteResult> => {
  try {
    return evaluateSuite(readSuite(await readJson(path)), table, { format })
  } catch (error) {
    throw error instanceof SuiteRefused ? new CommandFailed(`${path}: ${error.message}`) : error
  }
}

const lines = (outcome: SuiteResult): string => {
  const rows = outcome.results.map((one) => {
    const column = columnText(one)
    const about = column === "" ? one.entry.type : `${one.entry.type} ${column}`
    const given = kwargsText(one)
    const observed = observedText(one)
    const rest = [given, observed].filter((text) => text !== "").join(" | ")
    return `${stateText(one).padEnd(7)}  ${about}${rest === "" ? "" : ` | ${rest}`}`
  })
  const { successful, evaluated, rows: count, suite } = outcome
  const name = suite.name === "" ? "" : `${suite.name}: `
  return [...rows, "", `${name}${successful} of ${evaluated} met on ${count} rows`].join("\n")
}

const suggest = async (csv: string, schema: string | undefined): Promise<number> => {
  const name = basename(csv, extname(csv))
  console.log(JSON.stringify(suggestSuite(name, await readTable(csv, schema)), undefined, 2))
  return EXIT_DONE
}

export const quality: Command = {
  name: "quality",
  summary: "Run a suite of Great Expectations on a table",
  usage: `Usage: ./weir quality SUITE --csv FILE [flags]
       ./weir quality suggest --csv FILE [--schema FILE]

Runs SUITE (JSON of Great Expectations 0.x or 1.x) on a table and tells what was met. Exit code 0
when all expectations are met, 1 when one is not, cannot be computed or is unknown.
"suggest" writes a first suite that the table itself meets.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, 1)
    const [suite] = positionals
    if (suite === undefined) throw new UsageError("name a suite, or suggest")
    if (set.csv === undefined) throw new UsageError("--csv FILE is needed")
    if (suite === "suggest") return suggest(set.csv, set.schema)
    const format = readFormat(set.format)
    const outcome = await evaluate(suite, await readTable(set.csv, set.schema), format)
    if (set.html !== undefined) await writeFile(set.html, htmlReport(outcome))
    console.log(
      switches.has("json") ? JSON.stringify(gxJson(outcome), undefined, 2) : lines(outcome),
    )
    return outcome.success ? EXIT_DONE : EXIT_FAILED
  },
}
