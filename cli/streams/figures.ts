// The figures of the log: what each stream holds and how fast it fills, the queue, and how far the
// long log is behind. Rates come from two looks at the server some time apart.
import { historyGaps, historyStatus, type Gap } from "#core/log/history"
import type { Log } from "#core/log/log"
import {
  ADVISORIES,
  DEAD_LETTERS,
  EVENTS,
  FINDINGS,
  HISTORY,
  PREDICTIONS,
  PREDICTOR,
  REQUESTS,
} from "#proto/subjects"

const NAMES = [REQUESTS, PREDICTIONS, HISTORY, EVENTS, FINDINGS, DEAD_LETTERS, ADVISORIES]
const SECOND_MILLIS = 1_000
const NANOS_PER_MILLI = 1_000_000
/** A local server answers at once. */
const ASK_WAIT_MILLIS = 2_000

interface Look {
  readonly messages: number
  readonly bytes: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly messagesMax: number | undefined
  readonly bytesMax: number | undefined
  readonly ageMaxMillis: number | undefined
  readonly refusesWhenFull: boolean
}

export interface StreamFigures extends Look {
  readonly name: string
  /** Share of the limit that is nearest to being reached; 0 without limits. */
  readonly full: number
  readonly messagesPerSecond: number
  /** Until the first limit is reached at the present rate; Infinity when it is not. */
  readonly fullInMillis: number
}

export interface QueueFigures {
  readonly pending: number
  readonly ackPending: number
  readonly redelivered: number
  /** Neither to be delivered nor being worked on: blocked until the reaper takes them. */
  readonly parked: number
}

export interface LogFigures {
  readonly streams: ReadonlyArray<StreamFigures>
  readonly queue: QueueFigures
  readonly lag: number
  readonly gaps: ReadonlyArray<Gap>
  /** Facts that the hot log may hold before it drops any. */
  readonly capacity: number
  /** What it may hold at the present rate, in milliseconds; Infinity when nothing comes. */
  readonly headroomMillis: number
  readonly memoryBytes: number | undefined
}

const limit = (value: number): number | undefined => (value > 0 ? value : undefined)

const look = async (log: Log, name: string): Promise<Look> => {
  const { state, config } = await log.manager.streams.info(name)
  return {
    messages: state.messages,
    bytes: state.bytes,
    firstSequence: state.first_seq,
    lastSequence: state.last_seq,
    messagesMax: limit(config.max_msgs),
    bytesMax: limit(config.max_bytes),
    ageMaxMillis: limit(config.max_age / NANOS_PER_MILLI),
    refusesWhenFull: config.discard === "new",
  }
}

const share = (held: number, most: number | undefined): number =>
  most === undefined ? 0 : held / most

/** Milliseconds until `most` is reached when `held` grows by `perSecond`. */
export const fullIn = (held: number, most: number | undefined, perSecond: number): number =>
  most === undefined || perSecond <= 0
    ? Number.POSITIVE_INFINITY
    : (Math.max(0, most - held) / perSecond) * SECOND_MILLIS

/**
 * Figures from two looks. What comes in counts by sequences, since what is dropped meanwhile makes
 * no room; a queue is emptied on purpose, so that there only growth counts.
 */
export const figuresOf = (
  name: string,
  before: Look,
  after: Look,
  seconds: number,
): StreamFigures => {
  const came = (after.lastSequence - before.lastSequence) / seconds
  const grown = (after.messages - before.messages) / seconds
  const perSecond = name === REQUESTS ? grown : came
  const meanBytes = after.messages === 0 ? 0 : after.bytes / after.messages
  const byMessages = fullIn(after.messages, after.messagesMax, perSecond)
  const byBytes = fullIn(after.bytes, after.bytesMax, perSecond * meanBytes)
  const untilFull = Math.min(byMessages, byBytes)
  // What grows old first never fills the stream.
  const ages = after.ageMaxMillis !== undefined && untilFull > after.ageMaxMillis
  return {
    ...after,
    name,
    full: Math.max(share(after.messages, after.messagesMax), share(after.bytes, after.bytesMax)),
    messagesPerSecond: came,
    fullInMillis: ages ? Number.POSITIVE_INFINITY : untilFull,
  }
}

/** Facts that the hot log can hold: by its messages, or by its bytes at their mean size. */
const capacityOf = ({ messages, bytes, messagesMax, bytesMax }: Look): number => {
  const byMessages = messagesMax ?? Number.POSITIVE_INFINITY
  if (bytesMax === undefined || messages === 0) return byMessages
  return Math.min(byMessages, Math.floor((bytesMax * messages) / Math.max(1, bytes)))
}

const memoryOf = async (monitorUrl: string | undefined): Promise<number | undefined> => {
  if (monitorUrl === undefined) return undefined
  const signal = AbortSignal.timeout(ASK_WAIT_MILLIS)
  const answer = await fetch(`${monitorUrl}/varz`, { signal }).catch(() => undefined)
  // Boundary: the server's own monitoring page.
  const page: unknown = await answer?.json().catch(() => undefined)
  const isPage = typeof page === "object" && page !== null && "mem" in page
  return isPage && typeof page.mem === "number" ? page.mem : undefined
}

const queueOf = async (log: Log): Promise<QueueFigures> => {
  // The queue is looked at last: what ends in between must not look parked.
  const consumer = await log.manager.consumers.info(REQUESTS, PREDICTOR)
  const { state } = await log.manager.streams.info(REQUESTS)
  const { num_pending: pending, num_ack_pending: ackPending } = consumer
  return {
    pending,
    ackPending,
    redelivered: consumer.num_redelivered,
    parked: Math.max(0, state.messages - pending - ackPending),
  }
}

/** What came between two looks has a wrong place in one of them: it is gone in the next. */
const PARKED_LOOKS = 3

const steadyQueue = async (log: Log): Promise<QueueFigures> => {
  let last = await queueOf(log)
  for (let looks = 1; looks < PARKED_LOOKS && last.parked > 0; looks++) {
    const next = await queueOf(log)
    last = { ...next, parked: Math.min(last.parked, next.parked) }
  }
  return last
}

/** @throws NatsError when a stream is missing. */
export const readFigures = async (
  log: Log,
  monitorUrl: string | undefined,
  seconds: number,
): Promise<LogFigures> => {
  const began = performance.now()
  const before = await Promise.all(NAMES.map((name) => look(log, name)))
  await new Promise<void>((resolve) => setTimeout(resolve, seconds * SECOND_MILLIS))
  const after = await Promise.all(NAMES.map((name) => look(log, name)))
  const passed = (performance.now() - began) / SECOND_MILLIS
  const streams = after.flatMap((second, at) => {
    const first = before[at]
    return first === undefined ? [] : [figuresOf(NAMES[at] ?? "", first, second, passed)]
  })
  const hot = streams.find(({ name }) => name === PREDICTIONS)
  const capacity = hot === undefined ? 0 : capacityOf(hot)
  const [status, gaps, queue, memoryBytes] = await Promise.all([
    historyStatus(log, capacity),
    historyGaps(log),
    steadyQueue(log),
    memoryOf(monitorUrl),
  ])
  return {
    streams,
    queue,
    lag: status.lag,
    gaps,
    capacity,
    headroomMillis: fullIn(0, capacity, hot?.messagesPerSecond ?? 0),
    memoryBytes,
  }
}
