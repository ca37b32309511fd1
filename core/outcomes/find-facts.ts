// Looks in the long log for the predictions of outcomes that nobody told a position, and says it in
// a further outcome, so that every reader joins them. It reads headers, not facts.
import { readRange } from "#core/log/follow"
import { readSource } from "#core/log/history"
import type { Log } from "#core/log/log"
import { historyOutcomeSubject } from "#proto/outcome"
import { HISTORY, historySubject, modelAndId } from "#proto/subjects"
import { parseOutcome, type ParsedOutcome, type RowValue } from "./outcome.ts"
import { recordOutcome, type RecordOptions } from "./record.ts"

interface Wanted {
  readonly values: Map<number, RowValue["value"]>
  observedAt: number | undefined
}

export interface FoundFacts {
  /** Ids whose outcomes had no position. */
  readonly wanted: number
  readonly joined: number
  /** Found, but the outcome does not fit what was answered. */
  readonly unfit: number
  readonly unknown: ReadonlyArray<string>
}

const ranged = async (log: Log) => {
  const { state } = await log.manager.streams.info(HISTORY)
  return { stream: HISTORY, from: Math.max(1, state.first_seq), to: state.last_seq }
}

/** By id, with corrections over what they correct; ids that were told a position are left out. */
const withoutPosition = async (log: Log, model: string): Promise<Map<string, Wanted>> => {
  const found = new Map<string, Wanted>()
  const filter = historyOutcomeSubject(model)
  for await (const { headers, data } of readRange(log, { ...(await ranged(log)), filter })) {
    const id = modelAndId(readSource(headers)?.subject ?? "")?.id
    const outcome = parseOutcome(data)
    if (id === undefined || outcome.kind === "bad") continue
    if (outcome.position !== undefined) {
      found.delete(id)
      continue
    }
    const known = found.get(id) ?? { values: new Map(), observedAt: undefined }
    for (const { row, value } of outcome.values) known.values.set(row, value)
    known.observedAt = outcome.observedAt ?? known.observedAt
    found.set(id, known)
  }
  return found
}

/** The last position of each id. */
const positionsOf = async (
  log: Log,
  model: string,
  wanted: ReadonlyMap<string, unknown>,
): Promise<ReadonlyMap<string, number>> => {
  const positions = new Map<string, number>()
  const range = { ...(await ranged(log)), filter: historySubject(model), headersOnly: true }
  for await (const { headers } of readRange(log, range)) {
    const source = readSource(headers)
    const id = modelAndId(source?.subject ?? "")?.id
    if (source !== undefined && id !== undefined && wanted.has(id))
      positions.set(id, source.position)
  }
  return positions
}

/** @throws LogUnavailable, LookupFailed, RangeGone. */
export const joinByScan = async (
  options: RecordOptions,
  model: string,
  by: string,
): Promise<FoundFacts> => {
  const { log } = options
  const wanted = await withoutPosition(log, model)
  const positions = await positionsOf(log, model, wanted)
  const unknown: Array<string> = []
  let joined = 0
  let unfit = 0
  for (const [id, { values, observedAt }] of wanted) {
    const position = positions.get(id)
    if (position === undefined) {
      unknown.push(id)
      continue
    }
    const rows = [...values].map(([row, value]) => ({ row, value }))
    const named = rows.toSorted((a, b) => a.row - b.row)
    const outcome: ParsedOutcome = {
      kind: "outcome",
      id,
      values: named,
      rows: undefined,
      position,
      observedAt,
    }
    const { kind } = await recordOutcome(options, model, id, outcome, by)
    if (kind === "erased") unknown.push(id)
    else if (kind === "misfit" || kind === "tooLarge") unfit++
    else joined++
  }
  return { wanted: wanted.size, joined, unfit, unknown }
}
