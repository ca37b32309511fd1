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
 * The recorded erasures of these ids, or of all, the oldest first. A record that cannot be read is
 * told to `onUnreadable`.
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

const covers = (before: Erased, asked: Erased): boolean =>
  asked.positions.every((one) => before.positions.includes(one)) &&
  asked.deadLetters.every((one) => before.deadLetters.includes(one))

/**
 * Appends records of erasures, one for each thing that is erased: where several erase the same at
 * once, one of them records it.
 */
export class ErasureRecorder {
  readonly #log: Log
  /** What was read of a model: up to which sequence of `EVENTS`, and its records by id. */
  readonly #read = new Map<string, { readonly to: number; readonly byId: Map<string, Erased[]> }>()

  constructor(log: Log) {
    this.#log = log
  }

  /**
   * Answers the record that covers the same already, where there is one.
   *
   * @throws LogUnavailable, LookupFailed, RangeGone.
   */
  async record(erased: Erased): Promise<Erased | undefined> {
    const subject = erasureSubject(erased.model)
    const payload = erasureCodec.encode(erased)
    for (let conflicts = 0; conflicts <= CONFLICTS_MAX; conflicts++) {
      const last = await lookUp(this.#log, EVENTS, { last_by_subj: subject })
      const known = await this.#readTo(erased.model, last?.sequence ?? 0)
      const before = known.get(erased.id)?.find((one) => covers(one, erased))
      if (before !== undefined) return before
      const { publisher } = this.#log
      const appended = await append(publisher, subject, payload, last?.sequence ?? 0)
      if (appended.kind === "stored") return undefined
      if (appended.kind === "tooLarge") break
    }
    throw new LogUnavailable({ subject, reason: "the record of an erasure was not taken" })
  }

  async #readTo(model: string, to: number): Promise<ReadonlyMap<string, ReadonlyArray<Erased>>> {
    const before = this.#read.get(model)
    const byId = before?.byId ?? new Map<string, Erased[]>()
    if (to > (before?.to ?? 0)) {
      const { state } = await this.#log.manager.streams.info(EVENTS)
      const from = Math.max(1, state.first_seq, (before?.to ?? 0) + 1)
      const range = { stream: EVENTS, from, to, filter: erasureSubject(model) }
      for await (const { data } of readRange(this.#log, range)) {
        const read = readable(erasureCodec, data)
        if (read.kind === "unreadable") continue
        byId.set(read.value.id, [...(byId.get(read.value.id) ?? []), read.value])
      }
    }
    this.#read.set(model, { to, byId })
    return byId
  }
}

/**
 * Records a single erasure.
 *
 * @throws LogUnavailable, LookupFailed, RangeGone.
 */
export const recordErasure = async (log: Log, erased: Erased): Promise<void> => {
  await new ErasureRecorder(log).record(erased)
}
