// A file of labels into the log: CSV or lines of JSON, read as a stream, each line stored or
// refused with its number. Two lines of one id are taken in their order.
import { csvOutcomes, NO_KEY, type IdOf, type OutcomeColumns } from "#core/outcomes/csv-outcomes"
import {
  parseOutcome,
  readOutcome,
  type BadOutcome,
  type ParsedOutcome,
} from "#core/outcomes/outcome"
import { recordOutcome, type Recorded, type RecordOptions } from "#core/outcomes/record"
import { isKey, keyedId } from "#proto/ids"
import { isLogId } from "#proto/names"
import { readLines } from "../../gateway/http/ndjson.ts"
import { CommandFailed } from "../command.ts"
import { startProgress } from "../progress.ts"

const LINE_BYTES_MAX = 1024 * 1024
/** Lines that are being stored at once. */
const AT_ONCE = 64
/** Refused lines that are told one by one. */
const TOLD_MAX = 20

export interface ImportOptions extends RecordOptions {
  readonly model: string
  readonly path: string
  readonly columns: OutcomeColumns
  /** The caller whose idempotency keys stand in the key column; undefined where ids do. */
  readonly keysOf: string | undefined
  /** Stands in the outcomes as who sent them. */
  readonly by: string
}

export interface ImportResult {
  readonly lines: number
  readonly recorded: number
  readonly corrected: number
  readonly unchanged: number
  /** Of the stored ones, those whose prediction is not known yet. */
  readonly unjoined: number
  readonly refused: number
  readonly refusals: ReadonlyArray<string>
}

type Parsed = ParsedOutcome | BadOutcome

const isTable = (path: string): boolean => !/\.(ndjson|jsonl|json)$/iu.test(path)

/** Keys go by the gateway's rule, which strips the spaces around what a header holds. */
const idOfKey = (caller: string, model: string, given: string): string | undefined => {
  const key = given.trim()
  return isKey(key) ? keyedId(caller, model, key) : undefined
}

/** A line of JSON whose `id` is a key: it becomes an id before anything is asked of it. */
const parseKeyed = (text: string, idOf: IdOf): Parsed => {
  let plain: unknown
  try {
    plain = JSON.parse(text)
  } catch {
    return parseOutcome(text)
  }
  if (typeof plain !== "object" || plain === null || !("id" in plain)) return readOutcome(plain)
  if (typeof plain.id !== "string") return readOutcome(plain)
  const id = idOf(plain.id)
  return id === undefined ? { kind: "bad", reason: NO_KEY } : readOutcome({ ...plain, id })
}

/** The reader of lines; the first line of a table is its head. */
const lineReader = (options: ImportOptions): ((text: string) => Parsed | undefined) => {
  const { path, columns, keysOf } = options
  const idOf: IdOf =
    keysOf === undefined ? (key) => key : (key) => idOfKey(keysOf, options.model, key)
  if (!isTable(path)) return keysOf === undefined ? parseOutcome : (text) => parseKeyed(text, idOf)
  let read: ((text: string) => Parsed) | undefined
  return (text) => {
    if (read !== undefined) return read(text)
    const reader = csvOutcomes(text, columns, idOf)
    if ("kind" in reader) throw new CommandFailed(`${path}: ${reader.reason}`)
    read = reader.read
    return undefined
  }
}

class Importing {
  readonly #options: ImportOptions
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #counts = { recorded: 0, corrected: 0, unchanged: 0 }
  readonly #refusals: Array<string> = []
  #unjoined = 0
  #refused = 0
  lines = 0

  constructor(options: ImportOptions) {
    this.#options = options
  }

  get result(): ImportResult {
    const refusals = this.#refusals.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))
    const refused = { refused: this.#refused, refusals }
    return { lines: this.lines, ...this.#counts, unjoined: this.#unjoined, ...refused }
  }

  refuse(number: number, reason: string): void {
    this.#refused++
    if (this.#refusals.length < TOLD_MAX) this.#refusals.push(`line ${number}: ${reason}`)
  }

  /** Resolves when there is room for the next line. */
  async take(number: number, outcome: Parsed): Promise<void> {
    if (outcome.kind === "bad") return this.refuse(number, outcome.reason)
    const id = outcome.id ?? ""
    if (!isLogId(id)) return this.refuse(number, "id: expected 1 to 64 of A-Z a-z 0-9 _ -")
    await this.#underWay.get(id)
    while (this.#underWay.size >= AT_ONCE) await Promise.race(this.#underWay.values())
    const own: Promise<void> = this.#store(number, id, { ...outcome, id: undefined }).finally(() =>
      this.#underWay.delete(id),
    )
    own.catch(() => undefined)
    this.#underWay.set(id, own)
  }

  async end(): Promise<void> {
    await Promise.all(this.#underWay.values())
  }

  async #store(number: number, id: string, outcome: ParsedOutcome): Promise<void> {
    const { model, by } = this.#options
    const recorded: Recorded = await recordOutcome(this.#options, model, id, outcome, by)
    if (recorded.kind === "misfit") this.refuse(number, recorded.reason)
    else if (recorded.kind === "erased") this.refuse(number, `the prediction ${id} was erased`)
    else if (recorded.kind === "tooLarge") this.refuse(number, "larger than a message may be")
    else {
      this.#counts[recorded.kind]++
      if (recorded.joined === undefined) this.#unjoined++
    }
  }
}

/** @throws CommandFailed for a file that cannot be read, LogUnavailable, LookupFailed. */
export const importOutcomes = async (options: ImportOptions): Promise<ImportResult> => {
  const { path } = options
  const file = Bun.file(path)
  if (!(await file.exists())) throw new CommandFailed(`cannot read ${path}: there is no such file`)
  const read = lineReader(options)
  const importing = new Importing(options)
  const progress = startProgress()
  for await (const { number, text, fault } of readLines(file.stream(), LINE_BYTES_MAX)) {
    const outcome = text === undefined ? undefined : read(text)
    if (text !== undefined && outcome === undefined) continue
    importing.lines++
    progress.show(`importing line ${number}`)
    if (outcome === undefined) importing.refuse(number, fault ?? "cannot be read")
    else await importing.take(number, outcome)
  }
  await importing.end()
  progress.end()
  if (importing.lines === 0) throw new CommandFailed(`${path}: there is no label in it`)
  return importing.result
}
