// What was erased from the log: recorded before anything is removed, so that an erasure that was
// cut off is known, and can be given again.
import { erasureCodec, erasureSubject, type Erased } from "#proto/erasure"
import { EVENTS } from "#proto/subjects"
import { append, LogUnavailable } from "./append.ts"
import { ANY_MODEL } from "./find.ts"
import { readRange } from "./follow.ts"
import { lookUp } from "./leader-lookup.ts"
import type { Log } from "./log.ts"
import { readable } from "./readable.ts"

/** Others that record at the same moment; an operator's command has few rivals. */
const CONFLICTS_MAX = 50

/**
 * The recorded erasures of these ids, or of all, the oldest first. A record that cannot be read is told to
 * `onUnreadable`.
 */
export const findErasures = async (
  log: Log,
  ids: ReadonlySet<string> | undefined,
  model: string = ANY_MODEL,
  onUnreadable: (sequence: number, reason: string) => void = () => undefined,
): Promise<ReadonlyArray<Erased>> => {
  const found: Array<Erased> = []
  // Nothing is ever dropped from this stream, but its beginning may have been mended away.
  const { state } = await log.manager.streams.info(EVENTS)
  const from = Math.max(1, state.first_seq)
  const range = { stream: EVENTS, from, to: Infinity, filter: erasureSubject(model) }
  for await (const { data, sequence } of readRange(log, range)) {
    const read = readable(erasureCodec, data)
    if (read.kind === "unreadable") onUnreadable(sequence, read.reason)
    else if (ids === undefined || ids.has(read.value.id)) found.push(read.value)
  }
  return found
}

/**
 * Appends the record of an erasure; a record too many is harmless.
 *
 * @throws LogUnavailable, LookupFailed.
 */
export const recordErasure = async (log: Log, erased: Erased): Promise<void> => {
  const subject = erasureSubject(erased.model)
  const payload = erasureCodec.encode(erased)
  for (let conflicts = 0; conflicts <= CONFLICTS_MAX; conflicts++) {
    const last = await lookUp(log, EVENTS, { last_by_subj: subject })
    const appended = await append(log.publisher, subject, payload, last?.sequence ?? 0)
    if (appended.kind === "stored") return
    if (appended.kind === "tooLarge") break
  }
  throw new LogUnavailable({ subject, reason: "the record of an erasure was not taken" })
}
