// The facts of one model in their order, each once: from the long log what the hot log no longer
// holds, from the hot log the rest, and then whatever comes. It holds a few messages and reads on
// only when it is asked for more.
import { setTimeout as pause } from "node:timers/promises"
import { follow, RangeGone, readRange } from "#core/log/follow"
import { entryAt, findGaps, readSource, seek, type HistoryEntry } from "#core/log/history"
import type { Log } from "#core/log/log"
import { LookupFailed } from "#core/log/read"
import type { PositionRange } from "../predictions/erased.ts"
import { HISTORY, historySubject, PREDICTIONS, predictionSubject } from "#proto/subjects"

/** Messages that a reader holds ahead of what it has passed on. */
export const FEED_AHEAD_MAX = 32
/**
 * After a pause of so long the hot log is asked whether it has dropped what was not read yet; it
 * must not turn over faster than this, and by design it holds far more.
 */
const VERIFY_AFTER_MILLIS = 250
const RETRY_PAUSE_MILLIS = 500

export interface FeedFact {
  readonly kind: "fact"
  readonly position: number
  readonly data: Uint8Array
}
/** Positions that no log holds any more, or that were erased; both ends included. */
export interface FeedGap {
  readonly kind: "gap"
  readonly from: number
  readonly to: number
}

export interface FeedOptions {
  readonly log: Log
  readonly model: string
  /** First position. */
  readonly from: number
  readonly signal: AbortSignal
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

const hotState = async (log: Log) => (await log.manager.streams.info(PREDICTIONS)).state

/** The position after the last fact of the hot log. */
export const nextPosition = async (log: Log): Promise<number> => (await hotState(log)).last_seq + 1

/** Reads the hot log from `from` on; ends when it has dropped what would come next. */
async function* readHot(options: FeedOptions, from: number): AsyncGenerator<FeedFact> {
  const { log, model, signal, now } = options
  let next = from
  let verifiedAt = now()
  const filter = predictionSubject(model, "*")
  const reading = { stream: PREDICTIONS, from, filter, aheadMax: FEED_AHEAD_MAX, signal }
  for await (const entry of follow(log, reading)) {
    if (now() - verifiedAt > VERIFY_AFTER_MILLIS) {
      const { first_seq: first } = await hotState(log)
      if (first > next && entry.sequence > next) return
      verifiedAt = now()
    }
    next = entry.sequence + 1
    yield { kind: "fact", position: entry.sequence, data: entry.data }
  }
}

const gapOf = (from: number, to: number): FeedGap => ({ kind: "gap", from, to })

/** What was never copied between two messages of the long log. */
const gapsBetween = async (log: Log, low: HistoryEntry, high: HistoryEntry) => {
  const gaps = await findGaps(entryAt(log), low, high)
  return gaps.map(({ fromPosition, toPosition }) => gapOf(fromPosition, toPosition))
}

/** What the long log has from a position on; returns the position after all it has copied. */
async function* readHistory(
  { log, model, signal }: FeedOptions,
  from: number,
): AsyncGenerator<FeedFact | FeedGap, number> {
  const { state } = await log.manager.streams.info(HISTORY)
  const at = entryAt(log)
  const first = await seek(log, from)
  const [low, high] = await Promise.all([first && at(first), at(state.last_seq)])
  if (first === undefined || !low || high === undefined) return from
  if (low.position > from) yield gapOf(from, low.position - 1)
  let before: HistoryEntry = low
  const range = { stream: HISTORY, from: first, to: state.last_seq, aheadMax: FEED_AHEAD_MAX }
  for await (const entry of readRange(log, { ...range, filter: historySubject(model), signal })) {
    const source = readSource(entry.headers)
    if (source === undefined) continue
    const { position } = source
    const here = { sequence: entry.sequence, position }
    yield* await gapsBetween(log, before, here)
    before = here
    yield { kind: "fact", position, data: entry.data }
  }
  if (signal.aborted) return before.position
  yield* await gapsBetween(log, before, high)
  return high.position + 1
}

/** One way through both logs; ends where it has to begin again, after `position.next`. */
async function* readOnce(
  options: FeedOptions,
  position: { next: number },
): AsyncGenerator<FeedFact | FeedGap> {
  const { log, signal } = options
  const { first_seq: first } = await hotState(log)
  if (position.next >= first) {
    for await (const fact of readHot(options, position.next)) {
      position.next = fact.position + 1
      yield fact
    }
    return
  }
  const begun = position.next
  const copies = readHistory(options, begun)
  for (;;) {
    const step = await copies.next()
    if (step.done === true) {
      if (!signal.aborted) position.next = step.value
      break
    }
    const { value } = step
    position.next = (value.kind === "gap" ? value.to : value.position) + 1
    yield value
  }
  if (position.next > begun || signal.aborted) return
  // Neither log has what comes next: it was dropped before it was copied, or long ago.
  position.next = first
  yield gapOf(begun, first - 1)
}

/** Never ends by itself: ends when the signal aborts. */
export async function* readFeed(options: FeedOptions): AsyncGenerator<FeedFact | FeedGap> {
  const position = { next: Math.max(1, options.from) }
  while (!options.signal.aborted) {
    try {
      yield* readOnce(options, position)
    } catch (cause) {
      const passes = cause instanceof RangeGone || cause instanceof LookupFailed
      if (!passes && options.log.connection.isClosed()) throw cause
      await pause(RETRY_PAUSE_MILLIS)
    }
  }
}

/** Puts gaps between the facts where what was erased is missing. */
export async function* withErased(
  feed: AsyncIterable<FeedFact | FeedGap>,
  from: number,
  erasedWithin: (range: PositionRange) => Iterable<PositionRange>,
): AsyncGenerator<FeedFact | FeedGap> {
  let next = from
  for await (const item of feed) {
    const [first, last] =
      item.kind === "gap" ? [item.from, item.to] : [item.position, item.position]
    for (const erased of erasedWithin({ from: next, to: first - 1 }))
      yield gapOf(erased.from, erased.to)
    next = last + 1
    yield item
  }
}
