// Facts in the order of their positions: from the long log where the hot one has dropped them, then
// from the hot one, and then, when they are followed, as they come.
import { ANY_MODEL, seekTime } from "#core/log/find"
import { follow, readRange, type Entry } from "#core/log/follow"
import { readSource, seek } from "#core/log/history"
import { lookUp } from "#core/log/leader-lookup"
import type { Log } from "#core/log/log"
import { readable } from "#core/log/readable"
import { predictionCodec, type Prediction } from "#proto/prediction"
import {
  ALL_HISTORY,
  ALL_WEIR,
  HISTORY,
  historySubject,
  predictionSubject,
  PREDICTIONS,
  rawModelAndId,
} from "#proto/subjects"

export interface ReadFact {
  readonly kind: "read"
  readonly position: number
  readonly fact: Prediction
}

/** A message in the place of a fact that is none. */
export interface UnreadableFact {
  readonly kind: "unreadable"
  readonly position: number
  /** As in the subject. */
  readonly model: string
  readonly id: string
  /** Milliseconds since 1970. */
  readonly storedAt: number
  readonly bytes: number
  readonly reason: string
}

export type TailedFact = ReadFact | UnreadableFact

const tailed = (position: number, subject: string, { data, storedAt }: Entry): TailedFact => {
  const read = readable(predictionCodec, data)
  if (read.kind === "read") return { kind: "read", position, fact: read.value }
  const { model, id } = rawModelAndId(subject)
  const { reason } = read
  return { kind: "unreadable", position, model, id, storedAt, bytes: data.byteLength, reason }
}

export interface TailOptions {
  readonly model: string | undefined
  /** First position to show. */
  readonly from: number
  readonly isFollowed: boolean
  readonly signal: AbortSignal
}

const fromHistory = (entry: Entry): TailedFact | undefined => {
  const source = readSource(entry.headers)
  return source === undefined ? undefined : tailed(source.position, source.subject, entry)
}

async function* older(log: Log, options: TailOptions, before: number): AsyncGenerator<TailedFact> {
  const first = await seek(log, options.from)
  if (first === undefined) return
  const filter = historySubject(options.model ?? ANY_MODEL)
  const range = { stream: HISTORY, from: first, to: Infinity, filter, signal: options.signal }
  for await (const entry of readRange(log, range)) {
    const found = fromHistory(entry)
    if (found === undefined || found.position < options.from) continue
    if (found.position >= before) return
    yield found
  }
}

/** Yields facts until the last one that is there, or for ever; ends when the signal aborts. */
export async function* tailFacts(log: Log, options: TailOptions): AsyncGenerator<TailedFact> {
  const { model, from, isFollowed, signal } = options
  const { state } = await log.manager.streams.info(PREDICTIONS)
  if (from < state.first_seq) yield* older(log, options, state.first_seq)
  const filter = predictionSubject(model ?? ANY_MODEL, ANY_MODEL)
  const range = { stream: PREDICTIONS, from: Math.max(from, state.first_seq), filter, signal }
  const entries = isFollowed ? follow(log, range) : readRange(log, { ...range, to: Infinity })
  for await (const entry of entries) yield tailed(entry.sequence, entry.subject, entry)
}

/** The position of the first fact that was stored at or after a time, or the next one to come. */
export const positionAt = async (log: Log, millis: number): Promise<number> => {
  const { state } = await log.manager.streams.info(PREDICTIONS)
  const hot = await seekTime(log, PREDICTIONS, ALL_WEIR, millis)
  if (hot > state.first_seq) return hot
  const sequence = await seekTime(log, HISTORY, ALL_HISTORY, millis)
  const copy = await lookUp(log, HISTORY, { seq: sequence, next_by_subj: ALL_HISTORY })
  return Math.min(hot, readSource(copy?.headers)?.position ?? hot)
}

/** A range is widened by this when it held too few facts of the model. */
const WIDEN = 16

/** The position from which the hot log holds the last `count` facts of a model. */
export const lastPositions = async (
  log: Log,
  model: string | undefined,
  count: number,
): Promise<number> => {
  const { state } = await log.manager.streams.info(PREDICTIONS)
  const filter = predictionSubject(model ?? ANY_MODEL, ANY_MODEL)
  for (let width = count; ; width *= WIDEN) {
    const from = Math.max(1, state.first_seq, state.last_seq - width + 1)
    const found: Array<number> = []
    const range = { stream: PREDICTIONS, from, to: state.last_seq, filter, headersOnly: true }
    for await (const { sequence } of readRange(log, range)) {
      found.push(sequence)
      if (found.length > count) found.shift()
    }
    const isAll = from <= Math.max(1, state.first_seq)
    if (found.length >= count || isAll) return found[0] ?? state.last_seq + 1
  }
}
