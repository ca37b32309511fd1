// `weir predict`: asks a model through the gateway, as any client does, about a row, a file of rows
// or a table, and prints the answers in the order of the rows.
import { Schema } from "effect"
import { isModelName, isVersionName } from "#proto/names"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  UsageError,
  wholeNumber,
  type Command,
} from "../command.ts"
import { jsonFlag } from "../find-log.ts"
import { answeredRows, answersText, type AnsweredRow } from "../predict/answers.ts"
import { askAll, authorization } from "../predict/ask.ts"
import { rowsOfCsv, rowsOfData, rowsOfNdjson, type ModelInput, type Row } from "../predict/rows.ts"
import { startProgress } from "../progress.ts"

const PORT_DEFAULT = "8080"
const AT_ONCE_DEFAULT = 16
const AT_ONCE_MOST = 256
const BATCH_MOST = 10_000
/** Rows of one table; what comes after them gets a table of its own. */
const TABLE_ROWS = 10_000

const flags = {
  data: { value: "JSON", help: "one row or several: a record, values in order, or lists of them" },
  csv: { value: "FILE", help: "a table with a header; - reads standard input" },
  ndjson: { value: "FILE", help: "one row of JSON a line; - reads standard input" },
  columns: { value: "A,B", help: "--csv: only these columns (default: those the model takes)" },
  url: { value: "URL", help: "the gateway (default: WEIR_URL, else port 8080 of this machine)" },
  version: { value: "VERSION", help: "asks this version instead of the champion" },
  key: { value: "KEY", help: "API key (default: WEIR_API_KEY)" },
  batch: { value: "N", help: "rows in one request, which share an id (default 1)" },
  concurrency: { value: "N", help: `requests at once (default ${AT_ONCE_DEFAULT})` },
  json: { help: `${jsonFlag.help}, one document a row` },
} as const

const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text)

const gatewayUrl = (flag: string | undefined): string => {
  const port = given(process.env["WEIR_PORT"]) ?? PORT_DEFAULT
  const url = flag ?? given(process.env["WEIR_URL"]) ?? `http://127.0.0.1:${port}`
  if (!URL.canParse(url)) throw new UsageError(`--url: "${url}" is no URL`)
  return url.replace(/\/+$/u, "")
}

const Metadata = Schema.Struct({
  inputs: Schema.Array(Schema.Struct({ name: Schema.String, datatype: Schema.String })),
})
const readMetadata = Schema.decodeUnknownOption(Metadata)

const unreachable = (url: string, error: unknown): CommandFailed => {
  const reason = error instanceof Error ? error.message : String(error)
  return new CommandFailed(`no gateway answers at ${url}: ${reason}`)
}

/** What the model takes; empty where the gateway does not say. */
const inputsOf = async (
  url: string,
  model: string,
  apiKey: string | undefined,
): Promise<ReadonlyArray<ModelInput>> => {
  const headers = authorization(apiKey)
  const response = await fetch(`${url}/v2/models/${model}`, { headers }).catch((error: unknown) => {
    throw unreachable(url, error)
  })
  const found = readMetadata(await response.json().catch(() => undefined))
  return found._tag === "Some" ? found.value.inputs : []
}

interface Sources {
  readonly data?: string
  readonly csv?: string
  readonly ndjson?: string
  readonly columns?: string
}

interface Read {
  readonly rows: ReadonlyArray<Row>
  /** Where a row came from, where that is a line of a file. */
  readonly lineOf: (row: number) => string | undefined
  /** What of the file could not be read, in sentences. */
  readonly problems: ReadonlyArray<string>
}

const whole = (rows: ReadonlyArray<Row>): Read => ({
  rows,
  lineOf: () => undefined,
  problems: [],
})

const readRows = async (
  { data, csv, ndjson, columns }: Sources,
  inputs: () => Promise<ReadonlyArray<ModelInput>>,
): Promise<Read> => {
  const count = [data, csv, ndjson].filter((one) => one !== undefined).length
  if (count !== 1) throw new UsageError("give one of --data, --csv and --ndjson")
  if (data !== undefined) return whole(rowsOfData(data))
  if (ndjson === undefined) return whole(rowsOfCsv(csv ?? "", await inputs(), columns?.split(",")))
  const { rows, lines, problems } = rowsOfNdjson(ndjson)
  return { rows, problems, lineOf: (row) => `--ndjson ${ndjson}, line ${lines[row - 1]}` }
}

const number = (flag: string, text: string | undefined, otherwise: number, most: number) =>
  wholeNumber(flag, text, { least: 1, most, otherwise })

const checkNames = (model: string | undefined, version: string | undefined): string => {
  if (model === undefined) throw new UsageError("which model? Give its name")
  if (!isModelName(model)) throw new UsageError(`"${model}" is no model name`)
  if (version !== undefined && !isVersionName(version))
    throw new UsageError(`--version: "${version}" is no version name`)
  return model
}

/** Prints as answers come: lines at once, tables when they are full. Says whether all is well. */
const printAll = async (
  answers: AsyncIterable<ReadonlyArray<AnsweredRow>>,
  isJson: boolean,
  lineOf: Read["lineOf"],
): Promise<boolean> => {
  let isGood = true
  let open: Array<AnsweredRow> = []
  for await (const rows of answers) {
    for (const { row, error } of rows) {
      if (error === undefined) continue
      isGood = false
      const line = lineOf(row)
      if (line !== undefined) console.error(`weir: ${line}: ${error}`)
    }
    if (isJson) for (const row of rows) console.log(JSON.stringify(row))
    else open.push(...rows)
    if (open.length < TABLE_ROWS) continue
    console.log(answersText(open))
    open = []
  }
  if (open.length > 0) console.log(answersText(open))
  return isGood
}

export const predict: Command = {
  name: "predict",
  summary: "Ask a model about rows from the command line or a file",
  usage: `Usage: ./weir predict MODEL --data JSON
       ./weir predict MODEL --csv FILE
       ./weir predict MODEL --ndjson FILE

Asks the gateway and prints the answers in the order of the rows; ./weir audit tells the story of
each id. Exit code 1 when a row has no answer, or a line is no JSON; the others are answered, and
of --ndjson the failed lines are named on standard error.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, 1)
    const model = checkNames(positionals[0], set.version)
    const url = gatewayUrl(set.url)
    const apiKey = set.key ?? given(process.env["WEIR_API_KEY"])
    const rowsPerRequest = number("batch", set.batch, 1, BATCH_MOST)
    const atOnce = number("concurrency", set.concurrency, AT_ONCE_DEFAULT, AT_ONCE_MOST)
    const read = await readRows(set, () => inputsOf(url, model, apiKey))
    const { rows, lineOf, problems } = read
    for (const problem of problems) console.error(`weir: ${problem}`)
    if (rows.length === 0 && problems.length > 0) return EXIT_FAILED
    if (rows.length === 0) throw new CommandFailed("there are no rows to ask about")
    const progress = startProgress()
    let answered = 0
    const parts = askAll(rows, {
      url,
      model,
      version: set.version,
      apiKey,
      rowsPerRequest,
      atOnce,
      onAnswered: (count) => {
        answered += count
        progress.show(`${answered} of ${rows.length} rows answered`)
      },
    })
    const inRows = async function* () {
      for await (const part of parts) yield answeredRows(part)
    }
    try {
      const isGood = await printAll(inRows(), switches.has("json"), lineOf)
      return isGood && problems.length === 0 ? EXIT_DONE : EXIT_FAILED
    } catch (error) {
      throw error instanceof TypeError || error instanceof DOMException || isConnection(error)
        ? unreachable(url, error)
        : error
    } finally {
      progress.end()
    }
  },
}

/** What fetch throws when nobody listens. */
const isConnection = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string"
