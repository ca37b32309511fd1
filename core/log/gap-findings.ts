// Keeps each gap of the long log as a finding, once, whoever sees it first: the findings so far are
// read, and the next is appended on condition that nobody else has.
import { FINDINGS } from "../../proto/subjects.ts"
import { HISTORY_GAP_SUBJECT, historyGapCodec } from "../../proto/history-gap.ts"
import { append } from "./append.ts"
import { readRange } from "./follow.ts"
import type { Gap } from "./history.ts"
import { lookUp } from "./leader-lookup.ts"
import type { Log } from "./log.ts"

/** Tries of one call against others who write at the same time. */
const CONFLICTS_MAX = 10

interface Known {
  /** Sequence of the last finding; 0 without one. */
  readonly last: number
  readonly to: ReadonlySet<number>
}

const readKnown = async (log: Log): Promise<Known> => {
  const last = await lookUp(log, FINDINGS, { last_by_subj: HISTORY_GAP_SUBJECT })
  if (last === undefined) return { last: 0, to: new Set() }
  const to = new Set<number>()
  const { state } = await log.manager.streams.info(FINDINGS)
  const from = state.first_seq
  const filter = HISTORY_GAP_SUBJECT
  for await (const entry of readRange(log, { stream: FINDINGS, from, to: last.sequence, filter }))
    to.add(historyGapCodec.decode(entry.data).toPosition)
  return { last: last.sequence, to }
}

/**
 * Appends a finding for each gap that has none yet; says how many it appended. A gap is known by
 * its upper end: the lower one moves up when the long log drops what is old.
 *
 * @throws LogUnavailable, LookupFailed, UnreadableRecord.
 */
export const recordGaps = async (
  log: Log,
  gaps: ReadonlyArray<Gap>,
  now: () => number,
): Promise<number> => {
  if (gaps.length === 0) return 0
  let appended = 0
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
    const known = await readKnown(log)
    let expected: number | undefined = known.last
    for (const { fromPosition, toPosition } of gaps) {
      if (known.to.has(toPosition)) continue
      const finding = { _tag: "HistoryGapFound" as const, fromPosition, toPosition, at: now() }
      const payload = historyGapCodec.encode(finding)
      const stored = await append(log.publisher, HISTORY_GAP_SUBJECT, payload, expected)
      if (stored.kind !== "stored") {
        expected = undefined
        break
      }
      expected = stored.sequence
      appended++
    }
    if (expected !== undefined) return appended
  }
  return appended
}
