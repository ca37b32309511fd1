// Facts and outcomes of the long log in the one order in which it holds them, for all models or for
// one. What cannot be read is passed on as what it is, never skipped.
import { LOOK_MILLIS, readRange, type Entry } from "#core/log/follow"
import { readSource } from "#core/log/history"
import type { Log } from "#core/log/log"
import { SharedTail } from "#core/log/shared-tail"
import { historyOutcomeSubject } from "#proto/outcome"
import { predictionCodec, type Prediction } from "#proto/prediction"
import { UnreadableRecord } from "#proto/message-pack"
import { ALL_HISTORY, HISTORY, historySubject, rawModelAndId } from "#proto/subjects"
import type { OutcomeMessage } from "./ledger.ts"

export type HistoryMessage = {
  readonly model: string
  readonly sequence: number
  readonly position: number
  /** When it was copied, milliseconds since 1970. */
  readonly at: number
  /** Messages that the server had still to deliver to its reader behind this one. */
  readonly pending: number
} & (
  | { readonly kind: "fact"; readonly fact: Prediction }
  | { readonly kind: "outcome"; readonly outcome: OutcomeMessage }
  /** A fact that cannot be read has no rows; its outcomes stay unmatched. */
  | { readonly kind: "unreadable"; readonly id: string }
)

const readFact = (data: Uint8Array): Prediction | undefined => {
  try {
    return predictionCodec.decode(data)
  } catch (cause) {
    if (!(cause instanceof UnreadableRecord)) throw cause
    return undefined
  }
}

/** What an entry of the long log is; undefined for what is no copy of ours. */
export const historyMessage = (entry: Entry): HistoryMessage | undefined => {
  const source = readSource(entry.headers)
  if (source === undefined) return undefined
  const { position, subject } = source
  const { model, id } = rawModelAndId(subject)
  const { sequence, storedAt: at, pending, data } = entry
  // Nearly every entry is a fact.
  if (entry.subject === historySubject(model)) {
    const fact = readFact(data)
    return fact === undefined
      ? { model, sequence, position, at, pending, kind: "unreadable", id }
      : { model, sequence, position, at, pending, kind: "fact", fact }
  }
  if (entry.subject !== historyOutcomeSubject(model)) return undefined
  const outcome = { id, position, at, data }
  return { model, sequence, position, at, pending, kind: "outcome", outcome }
}

export type HistoryTail = SharedTail<HistoryMessage>

/** What everybody in a process follows who waits for new facts and outcomes. */
export const historyTail = (log: Log): HistoryTail =>
  new SharedTail(log, {
    stream: HISTORY,
    filter: ALL_HISTORY,
    paceMillis: LOOK_MILLIS,
    decode: historyMessage,
  })

/** Everything of a model that the long log holds now, from a sequence on. */
export async function* readHistory(
  log: Log,
  model: string,
  from = 1,
): AsyncGenerator<HistoryMessage> {
  const { state } = await log.manager.streams.info(HISTORY)
  if (state.messages === 0) return
  const range = { stream: HISTORY, from: Math.max(from, state.first_seq), to: state.last_seq }
  for await (const entry of readRange(log, { ...range, filter: ALL_HISTORY })) {
    const message = historyMessage(entry)
    if (message?.model === model) yield message
  }
}
