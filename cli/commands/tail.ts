// `weir tail`: the facts of the log, one a line, as they were and as they come.
import { ANY_MODEL } from "#core/log/find"
import { lookUp } from "#core/log/leader-lookup"
import type { Log } from "#core/log/log"
import { isModelName } from "#proto/names"
import {
  EVENTS,
  eventSubject,
  HISTORY,
  historySubject,
  PREDICTIONS,
  predictionSubject,
} from "#proto/subjects"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  readWords,
  UsageError,
  wholeNumber,
  type Command,
} from "../command.ts"
import { logFlags, withFoundLog } from "../find-log.ts"
import { readMoment, type Moment } from "../moment.ts"
import { lastPositions, positionAt, tailFacts } from "../tail/facts.ts"
import { factDocument, factLine, HEAD_LINE } from "../tail/line.ts"
import { printLine, whenReaderGoes } from "../tail/reader.ts"

const LAST_DEFAULT = 20
const LAST_MOST = 1_000_000

const flags = {
  ...logFlags,
  follow: { help: "goes on with the facts that come, until Ctrl-C" },
  from: { value: "WHERE", help: "a position, a time (2026-01-31T12:00Z) or how long ago (10m)" },
  last: { value: "N", help: `without --from: the newest N (default ${LAST_DEFAULT})` },
  json: { help: "one JSON document a line" },
  full: { help: "with --json: inputs and outputs too" },
} as const

const startOf = (
  log: Log,
  model: string | undefined,
  from: Moment | undefined,
  last: number,
): Promise<number> => {
  if (from === undefined) return lastPositions(log, model, last)
  return "position" in from ? Promise.resolve(from.position) : positionAt(log, from.millis)
}

/** A misspelt name looks like a model that nobody asks: neither released nor in any log. */
const checkKnown = async (log: Log, model: string): Promise<void> => {
  const found = await Promise.all([
    lookUp(log, EVENTS, { last_by_subj: eventSubject("release", model) }),
    lookUp(log, PREDICTIONS, { last_by_subj: predictionSubject(model, ANY_MODEL) }),
    lookUp(log, HISTORY, { last_by_subj: historySubject(model) }),
  ])
  if (found.some((message) => message !== undefined)) return
  throw new CommandFailed(
    `model "${model}" is unknown: it was never registered, and the log holds no fact of it`,
  )
}

/** Aborts at Ctrl-C, and when whoever reads our output has gone. */
const untilStopped = (): AbortSignal => {
  const abort = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => abort.abort())
  whenReaderGoes(() => abort.abort())
  return abort.signal
}

export const tail: Command = {
  name: "tail",
  summary: "Facts of the log, one a line, and as they come",
  usage: `Usage: ./weir tail [MODEL] [--follow] [--from WHERE] [--json]

One line for each request that ended: position, when it ended, model, version, id, outcome,
time from stored to ended, caller. Facts that the hot log has dropped come from the long log.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, 1)
    const [model] = positionals
    if (model !== undefined && !isModelName(model))
      throw new UsageError(`"${model}" is no model name ([A-Za-z0-9_.-]{1,64})`)
    const moment = set.from === undefined ? undefined : readMoment("from", set.from, Date.now())
    const last = wholeNumber("last", set.last, {
      least: 1,
      most: LAST_MOST,
      otherwise: LAST_DEFAULT,
    })
    const isJson = switches.has("json")
    const signal = untilStopped()
    return withFoundLog("tail", set, async (log) => {
      if (model !== undefined) await checkKnown(log, model)
      const from = await startOf(log, model, moment, last)
      const options = { model, from, isFollowed: switches.has("follow"), signal }
      if (!isJson) await printLine(HEAD_LINE)
      for await (const found of tailFacts(log, options)) {
        await printLine(
          isJson ? JSON.stringify(factDocument(found, switches.has("full"))) : factLine(found),
        )
        if (signal.aborted) break
      }
      return EXIT_DONE
    })
  },
}
