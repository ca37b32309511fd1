// Finding what the log holds about one id when its model or its place is not known: by subject in
// the streams whose subjects name the id, by position or by reading headers in the long log.
import {
  ALL_HISTORY,
  HISTORY,
  historySubject,
  modelAndId,
  predictionSubject,
  PREDICTIONS,
} from "#proto/subjects"
import { readRange } from "./follow.ts"
import { readSource, seek, type Source } from "./history.ts"
import { lookUp } from "./leader-lookup.ts"
import type { Log } from "./log.ts"
import { LookupFailed, type StoredMessage } from "./read.ts"

/** In place of a model's name in a subject: every model. */
export const ANY_MODEL = "*"

/** A stored fact or outcome, wherever it lies now. */
export interface Placed {
  readonly stream: typeof PREDICTIONS | typeof HISTORY
  /** Sequence in `PREDICTIONS`, also of what only `HISTORY` holds. */
  readonly position: number
  /** The subject that it had in `PREDICTIONS`. */
  readonly subject: string
  readonly message: StoredMessage
}

/**
 * The messages of a stream whose subjects match, one by one and in their order; what comes
 * meanwhile is among them. It needs no consumer, of which a work queue allows no second one.
 *
 * @throws LookupFailed when the log cannot be asked.
 */
export async function* eachMatching(
  log: Log,
  stream: string,
  filter: string,
): AsyncGenerator<StoredMessage> {
  let seq = 1
  for (;;) {
    const next = await lookUp(log, stream, { seq, next_by_subj: filter })
    if (next === undefined) return
    yield next
    seq = next.sequence + 1
  }
}

/** The first `most` of them. */
export const findMatching = async (
  log: Log,
  stream: string,
  filter: string,
  most: number,
): Promise<ReadonlyArray<StoredMessage>> => {
  const found: Array<StoredMessage> = []
  for await (const message of eachMatching(log, stream, filter)) {
    found.push(message)
    if (found.length >= most) break
  }
  return found
}

/** More models than this that used one id are not looked for. */
const MODELS_WITH_ID_MAX = 64

/** The facts of an id in the hot log: one for each model that knows it. */
export const findHot = async (
  log: Log,
  id: string,
  model: string = ANY_MODEL,
): Promise<ReadonlyArray<Placed>> => {
  const subject = predictionSubject(model, id)
  const found = await findMatching(log, PREDICTIONS, subject, MODELS_WITH_ID_MAX)
  return found.map((message) => ({
    stream: PREDICTIONS,
    position: message.sequence,
    subject: message.subject,
    message,
  }))
}

/** The copy of a position in the long log; undefined when it holds none. */
export const historyAt = async (log: Log, position: number): Promise<Placed | undefined> => {
  const sequence = await seek(log, position)
  if (sequence === undefined) return undefined
  const message = await lookUp(log, HISTORY, { seq: sequence, next_by_subj: ALL_HISTORY })
  const source = readSource(message?.headers)
  return message === undefined || source?.position !== position
    ? undefined
    : { stream: HISTORY, ...source, message }
}

export interface HistoryScan {
  readonly ids: ReadonlySet<string>
  /** Only facts of this model; all facts and outcomes when absent. */
  readonly model?: string | undefined
  /** Messages to read at most, the newest ones. */
  readonly most: number
  /** Called now and then with messages read and messages in all. */
  readonly onProgress?: (read: number, of: number) => void
}

const PROGRESS_EVERY = 1_000

const readPlaced = async (log: Log, sequence: number, source: Source): Promise<Placed> => {
  const message = await lookUp(log, HISTORY, { seq: sequence, next_by_subj: ALL_HISTORY })
  if (message?.sequence !== sequence)
    throw new LookupFailed({ stream: HISTORY, reason: `${sequence} was dropped meanwhile` })
  return { stream: HISTORY, ...source, message }
}

/** Reads the headers of the long log and yields what belongs to one of the ids. */
export async function* scanHistory(log: Log, scan: HistoryScan): AsyncGenerator<Placed> {
  const { state } = await log.manager.streams.info(HISTORY)
  const from = Math.max(state.first_seq, state.last_seq - scan.most + 1)
  const filter = scan.model === undefined ? ALL_HISTORY : historySubject(scan.model)
  const range = { stream: HISTORY, from, to: state.last_seq, filter, headersOnly: true }
  let read = 0
  for await (const { sequence, headers } of readRange(log, range)) {
    read++
    if (read % PROGRESS_EVERY === 0) scan.onProgress?.(sequence - from, state.last_seq - from)
    const source = readSource(headers)
    const id = source === undefined ? undefined : modelAndId(source.subject)?.id
    if (source === undefined || id === undefined || !scan.ids.has(id)) continue
    yield await readPlaced(log, sequence, source)
  }
}

/**
 * The sequence of the first message at or after a time by the server's clock; one past the last
 * when there is none. Behind a filter, of the messages that match it.
 */
export const seekTime = async (
  log: Log,
  stream: string,
  filter: string,
  millis: number,
): Promise<number> => {
  const { state } = await log.manager.streams.info(stream)
  let low = Math.max(1, state.first_seq)
  let high = state.last_seq + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const found = await lookUp(log, stream, { seq: middle, next_by_subj: filter })
    if (found === undefined || found.storedAt >= millis) high = middle
    else low = found.sequence + 1
  }
  return low
}
