// `weir erase`: removes what a person sent from the logs and the dead letters, bytes and all,
// leaves a record that it was removed, and says what it cannot reach.
import { userInfo } from "node:os"
import type { Log } from "#core/log/log"
import { isLogId, isModelName } from "#proto/names"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  UsageError,
  type Command,
} from "../command.ts"
import { findErasures } from "#core/log/erasures"
import type { Erased } from "#proto/erasure"
import { eraseHoldings, type ErasureResult } from "../erase/erase.ts"
import { idsOfCaller } from "../erase/of-caller.ts"
import { copiedSoFar, findHoldings, waitingModels, type Holdings } from "../erase/places.ts"
import { withRetries } from "../erase/retries.ts"
import { jsonFlag, logFlags, withFoundLog } from "../find-log.ts"
import { countText, table } from "../table.ts"

const IDS_MOST = 10_000
/** Messages of the long log to look through for an id that the hot log has dropped. */
const SCAN_MOST = 1_000_000_000

const REMAINS = [
  "answers that callers, feeds, Kafka topics and webhooks have already received",
  "backups and snapshots of the log, and archives written from it",
  "findings that were computed from it: counts, and the names of categories and slices in them",
  "training sets, training profiles and models that were made from it",
  "in a cluster, the servers' replication logs until they compact them",
] as const
const QUEUE_REMAINS =
  "the files of the queue, which was never empty: repeat this when it is, or wait for the server " +
  "to compact them"

const flags = {
  ...logFlags,
  json: jsonFlag,
  caller: { value: "NAME", help: "everything that this caller asked, in place of ids" },
  model: { value: "MODEL", help: "only what this model was asked" },
  by: { value: "TEXT", help: "who asks for it, kept in the record (default: your user name)" },
  yes: { help: "erases without asking" },
} as const

const ask = (count: number): boolean => {
  if (process.stdin.isTTY !== true)
    throw new UsageError("nobody can be asked here; --yes erases without asking")
  const answer = prompt(`Erase everything about ${count} ids? It cannot be undone. [y/N]`)
  return answer?.trim().toLowerCase() === "y"
}

const tableOf = (erased: ErasureResult["erased"]): ReadonlyArray<string> => {
  if (erased.length === 0) return []
  return [
    table(
      [
        { name: "ID" },
        { name: "MODEL" },
        { name: "FACTS", align: "right" },
        { name: "COPIES", align: "right" },
        { name: "DEAD LETTERS", align: "right" },
        { name: "LEFT", align: "right" },
      ],
      erased.map((one) => [
        one.id,
        one.model,
        ...[one.facts, one.copies, one.deadLetters, one.left].map(countText),
      ]),
    ),
    "",
  ]
}

const describe = ({ erased, references, queueSwept }: ErasureResult): string =>
  [
    ...tableOf(erased),
    ...references.map(
      ({ model, digest, origin }) =>
        `Erased with it: drift reference ${digest.slice(0, 12)} of ${model} (${origin}); the ` +
        `drift-monitor takes another, or set one: ./weir drift accept ${model} --from N --to M`,
    ),
    queueSwept ? "The files of the queue were swept." : "The files of the queue were not swept.",
    "",
    "Not within reach:",
    ...[...REMAINS, ...(queueSwept ? [] : [QUEUE_REMAINS])].map((line) => `  - ${line}`),
  ].join("\n")

interface Asked {
  readonly log: Log
  readonly ids: ReadonlySet<string>
  readonly caller: string | undefined
  readonly model: string | undefined
}

/** What is meant, with the retries of it; ids that still wait are named and left out. */
const collect = async ({ log, ids: named, caller, model }: Asked) => {
  const options = { model, scanMost: SCAN_MOST }
  const meant = caller === undefined ? named : await idsOfCaller(log, caller)
  const ids = await withRetries(log, meant, options)
  const waiting: Array<string> = []
  for (const id of ids) if ((await waitingModels(log, id, model)).length > 0) waiting.push(id)
  const settled = new Set([...ids].filter((id) => !waiting.includes(id)))
  // Copies may have been on their way.
  if (!(await copiedSoFar(log)))
    throw new CommandFailed("the long log does not keep up with its copies; nothing was erased")
  return { waiting, holdings: await findHoldings(log, settled, options) }
}

const unknownIds = (
  ids: ReadonlySet<string>,
  waiting: ReadonlyArray<string>,
  holdings: ReadonlyArray<Holdings>,
): ReadonlyArray<string> => {
  const known = new Set([...waiting, ...holdings.map(({ id }) => id)])
  return [...ids].filter((id) => !known.has(id))
}

/** The last record of each of these ids that has one. */
const erasedAlready = async (
  { log, model }: Asked,
  ids: ReadonlyArray<string>,
): Promise<ReadonlyArray<Erased>> => {
  if (ids.length === 0) return []
  const found = await findErasures(log, new Set(ids), model)
  return [...new Map(found.map((one) => [one.id, one])).values()]
}

const tellAlready = (already: ReadonlyArray<Erased>): void => {
  for (const { id, at, by } of already)
    console.error(`weir: ${id} is erased already, since ${new Date(at).toISOString()} by ${by}`)
}

const eraseAll = async (
  asked: Asked,
  options: { readonly by: string; readonly isAsked: boolean; readonly json: boolean },
): Promise<number> => {
  const { waiting, holdings } = await collect(asked)
  const missing = unknownIds(asked.ids, waiting, holdings)
  const already = await erasedAlready(asked, missing)
  const unknown = missing.filter((id) => already.every((one) => one.id !== id))
  tellAlready(already)
  for (const id of unknown) console.error(`weir: the log knows nothing of "${id}"`)
  for (const id of waiting)
    console.error(`weir: ${id} still waits to be predicted: erase it when it has ended`)
  const isWhole = unknown.length + waiting.length === 0
  if (holdings.length === 0 && already.length === 0) {
    if (isWhole) console.error("there is nothing to erase")
    if (options.json) console.log(JSON.stringify({ erased: [], already, unknown, waiting }))
    return isWhole ? EXIT_DONE : EXIT_FAILED
  }
  if (holdings.length > 0 && options.isAsked && !ask(holdings.length))
    throw new CommandFailed("nothing was erased")
  const result = await eraseHoldings(asked.log, holdings, already, options.by, Date.now())
  const remains = [...REMAINS, ...(result.queueSwept ? [] : [QUEUE_REMAINS])]
  tellAlready(result.already)
  const document = {
    ...result,
    already: [...already, ...result.already],
    unknown,
    waiting,
    remains,
  }
  console.log(options.json ? JSON.stringify(document, undefined, 2) : describe(result))
  const isClean = result.erased.every(({ left }) => left === 0)
  return isWhole && isClean ? EXIT_DONE : EXIT_FAILED
}

export const erase: Command = {
  name: "erase",
  summary: "Remove a person's inputs from the log, for good",
  usage: `Usage: ./weir erase ID... [--yes]
       ./weir erase --caller NAME [--yes]

Removes facts with their inputs and outputs, ground truth and dead letters of these ids, and of
the same caller's retries of them, from the hot log, the long log and the files of both. A record
that it was done stays: id, positions, when, by whom. It says what it cannot reach.
An id that is erased already is named, and is no failure; the files of the queue are swept again.
Exit code 1 when an id is unknown or still waits to be predicted; the others are erased.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, IDS_MOST)
    for (const id of positionals)
      if (!isLogId(id)) throw new UsageError(`"${id}" is no id ([A-Za-z0-9_-]{1,64})`)
    if (set.model !== undefined && !isModelName(set.model))
      throw new UsageError(`--model: "${set.model}" is no model name`)
    if (set.caller === "") throw new UsageError("--caller: expected a name")
    if ((positionals.length === 0) === (set.caller === undefined))
      throw new UsageError("give ids, or --caller NAME")
    return withFoundLog("erase", set, (log) =>
      eraseAll(
        { log, ids: new Set(positionals), caller: set.caller, model: set.model },
        {
          by: set.by ?? userInfo().username,
          isAsked: !switches.has("yes"),
          json: switches.has("json"),
        },
      ),
    )
  },
}
