// The facts of one model from the long log, with their positions: from a position on for ever, or a
// range. What the long log no longer holds is not there; the first position says from where it is.
import type { Prediction } from "#proto/prediction"
import { ALL_HISTORY, HISTORY, historySubject } from "#proto/subjects"
import { readRange } from "../log/follow.ts"
import { readSource, seek } from "../log/history.ts"
import type { Log } from "../log/log.ts"
import { lookUp } from "../log/leader-lookup.ts"
import type { Batch } from "../log/tail-seat.ts"
import {
  historyMessage,
  type HistoryMessage,
  type HistoryTail,
} from "../outcomes/history-messages.ts"

export interface PositionedFact {
  readonly position: number
  readonly fact: Prediction
}

/** What cannot be read is a fact without rows: one damaged message must not end the watch. */
const unreadable = (model: string, id: string, storedAt: number): Prediction => ({
  id,
  model,
  failure: { reason: "invalid", message: "the stored fact cannot be read" },
  times: { stored: storedAt, taken: storedAt },
  deliveries: 0,
})

const factOf = (message: HistoryMessage | undefined): PositionedFact | undefined => {
  if (message === undefined || message.kind === "outcome") return undefined
  if (message.kind === "fact") return message
  const { model, id, position, at } = message
  return { position, fact: unreadable(model, id, at) }
}

/**
 * The sequence in `HISTORY` from which on facts at or after a position lie; 1 past its end. The end
 * is read first: what is copied while the position is looked for must not be left out.
 */
export const sequenceOf = async (log: Log, position: number): Promise<number> => {
  const { state } = await log.manager.streams.info(HISTORY)
  return (await seek(log, position)) ?? state.last_seq + 1
}

/** Every fact of a model from a position on, for ever; ends when the signal aborts. */
export async function* followFacts(
  log: Log,
  tail: HistoryTail,
  model: string,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Batch<PositionedFact>> {
  const follower = { from: await sequenceOf(log, from), subject: historySubject(model), signal }
  for await (const { messages, behind } of tail.follow(follower)) {
    const facts: Array<PositionedFact> = []
    for (const message of messages) {
      const found = factOf(message)
      if (found !== undefined && found.position >= from) facts.push(found)
    }
    if (facts.length > 0) yield { messages: facts, behind }
  }
}

/** The facts of a model with positions from `from` to `to`, both included. */
export async function* readFacts(
  log: Log,
  model: string,
  from: number,
  to: number,
): AsyncGenerator<PositionedFact> {
  const { state } = await log.manager.streams.info(HISTORY)
  const first = Math.max(state.first_seq, await sequenceOf(log, from))
  const range = { stream: HISTORY, from: first, to: state.last_seq, filter: historySubject(model) }
  for await (const entry of readRange(log, range)) {
    const found = factOf(historyMessage(entry))
    if (found === undefined || found.position < from) continue
    if (found.position > to) return
    yield found
  }
}

/** Position of the last fact of a model that was copied; 0 when there is none. */
export const lastFactPosition = async (log: Log, model: string): Promise<number> => {
  const last = await lookUp(log, HISTORY, { last_by_subj: historySubject(model) })
  return readSource(last?.headers)?.position ?? 0
}

/** The last position before a time (milliseconds since 1970) by when facts were copied. */
export const positionBefore = async (log: Log, millis: number): Promise<number> => {
  const { state } = await log.manager.streams.info(HISTORY)
  let low = state.first_seq
  let high = state.last_seq + 1
  let position = 0
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const found = await lookUp(log, HISTORY, { seq: middle, next_by_subj: ALL_HISTORY })
    if (found === undefined || found.storedAt >= millis) high = middle
    else {
      low = found.sequence + 1
      position = readSource(found.headers)?.position ?? position
    }
  }
  return position
}
