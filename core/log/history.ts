// What the copying from the hot log to the long log really did: how far it is, where a position
// lies, and what it missed. The server's own figure for the lag cannot be used: it reads 0 while
// copies are missing.
import { STREAM_SOURCE } from "../../proto/headers.ts"
import { ALL_HISTORY, HISTORY, PREDICTIONS } from "../../proto/subjects.ts"
import type { Log } from "./log.ts"
import { readFromLeader } from "./read.ts"
import type { ReceivedHeaders } from "./received-headers.ts"

/** Where a copy came from. */
export interface Source {
  /** Sequence in `PREDICTIONS`: the position of the fact. */
  readonly position: number
  /** Its subject there, which names the id. */
  readonly subject: string
}

/** Reads `PREDICTIONS <sequence> <filters> <transforms> <original subject>`. */
export const readSource = (
  headers: Pick<ReceivedHeaders, "last"> | undefined,
): Source | undefined => {
  const words = headers?.last(STREAM_SOURCE).split(" ") ?? []
  const position = Number(words[1])
  const subject = words[4]
  return words[0] === PREDICTIONS && Number.isInteger(position) && subject !== undefined
    ? { position, subject }
    : undefined
}

export interface HistoryEntry {
  readonly sequence: number
  readonly position: number
}

/** The first message of `HISTORY` at or after a sequence. */
export type EntryAt = (sequence: number) => Promise<HistoryEntry | undefined>

export const entryAt =
  (log: Log): EntryAt =>
  async (sequence) => {
    const lookup = { seq: sequence, next_by_subj: ALL_HISTORY }
    const message = await readFromLeader(log, HISTORY, lookup)
    const source = readSource(message?.headers)
    return message === undefined || source === undefined
      ? undefined
      : { sequence: message.sequence, position: source.position }
  }

/** Positions that were never copied, both ends included. */
export interface Gap {
  readonly fromPosition: number
  readonly toPosition: number
}

/**
 * The gaps between two messages of `HISTORY`. Copies keep their order and take consecutive
 * sequences, so position minus sequence grows exactly at a gap: where it is equal at both ends
 * nothing is missing between them. Takes O(gaps · log n) look-ups. Messages that were erased from
 * `HISTORY` leave their sequence behind and are no gap.
 */
export const findGaps = async (
  at: EntryAt,
  low: HistoryEntry,
  high: HistoryEntry,
): Promise<ReadonlyArray<Gap>> => {
  if (high.position - low.position === high.sequence - low.sequence) return []
  const middle = Math.floor((low.sequence + high.sequence) / 2)
  const found = middle > low.sequence ? await at(middle) : undefined
  if (found === undefined || found.sequence >= high.sequence) {
    // Nothing is left in the upper half, so what is missing there lies between `high` and the last
    // message before it.
    const lower = await lastBefore(at, low, middle)
    return [...(await findGaps(at, low, lower)), ...gapBetween(lower, high)]
  }
  return [...(await findGaps(at, low, found)), ...(await findGaps(at, found, high))]
}

/**
 * What is missing between two messages that follow each other, some of whose successors may have
 * been erased.
 */
const gapBetween = (lower: HistoryEntry, high: HistoryEntry): ReadonlyArray<Gap> => {
  const fromPosition = lower.position + (high.sequence - lower.sequence)
  return fromPosition < high.position ? [{ fromPosition, toPosition: high.position - 1 }] : []
}

/** The last message before the sequence `upper`, where none is known after `low`. */
const lastBefore = async (at: EntryAt, low: HistoryEntry, upper: number): Promise<HistoryEntry> => {
  let lower = low
  let open = upper
  while (open - lower.sequence > 1) {
    const middle = Math.floor((lower.sequence + open) / 2)
    const found = await at(middle)
    if (found !== undefined && found.sequence < upper) lower = found
    else open = middle
  }
  return lower
}

export interface HistoryStatus {
  /** Last sequence of the hot log, and the last position that was copied. */
  readonly lastPosition: number
  readonly copiedPosition: number
  /** Facts that are not copied yet. */
  readonly lag: number
  /** Lag over the number of messages that the hot log holds before it drops any; 1 loses facts. */
  readonly headroomUsed: number
}

const statusOf = (
  lastPosition: number,
  copiedPosition: number,
  capacity: number,
): HistoryStatus => {
  const lag = Math.max(0, lastPosition - copiedPosition)
  return { lastPosition, copiedPosition, lag, headroomUsed: lag / capacity }
}

const bothStates = async (log: Log) => {
  const infos = [log.manager.streams.info(PREDICTIONS), log.manager.streams.info(HISTORY)] as const
  const [hot, long] = await Promise.all(infos)
  return { hot: hot.state, long: long.state }
}

/** The status, and by how much positions are ahead of the sequences of `HISTORY` at its end. */
const readStatus = async (log: Log, capacity: number) => {
  const { hot, long } = await bothStates(log)
  // Read behind the end: what is copied between the two would count as erased.
  const last = await readFromLeader(log, HISTORY, { last_by_subj: ALL_HISTORY })
  // Copies that were erased at the end leave their sequences behind, and were copied all the same.
  const sequence = Math.max(long.last_seq, last?.sequence ?? 0)
  const erased = last === undefined ? 0 : sequence - last.sequence
  // An empty long log, new or grown old, says nothing; what the hot log no longer holds cannot be
  // copied any more.
  const found = readSource(last?.headers)?.position
  const copiedPosition = (found ?? Math.max(0, hot.first_seq - 1)) + erased
  const status = statusOf(hot.last_seq, copiedPosition, capacity)
  return { status, ahead: copiedPosition - sequence }
}

/** How far the copying is. `capacity` is the number of messages that the hot log may hold. */
export const historyStatus = async (log: Log, capacity: number): Promise<HistoryStatus> =>
  (await readStatus(log, capacity)).status

/** For how long the last copy's position is reckoned from its sequence instead of being read. */
const RECKONED_MILLIS_MAX = 60_000
/** A reckoned lag above this share of the hot log's room is looked up. */
const RECKONED_HEADROOM_MAX = 0.01

/**
 * How far the copying is, for whoever asks all the time. The server keeps a block of 8 MiB in
 * memory for 10 s after anything of it was read, so the last copy is read once a minute; between,
 * its position is reckoned from its sequence. A gap that came meanwhile makes the lag look larger
 * than it is, never smaller, and a lag that matters is looked up.
 */
export class HistoryMeter {
  readonly #log: Log
  readonly #now: () => number
  #ahead = 0
  #readAt = Number.NEGATIVE_INFINITY

  /** `now` gives milliseconds of a monotonic clock. */
  constructor(log: Log, now: () => number) {
    this.#log = log
    this.#now = now
  }

  async status(capacity: number): Promise<HistoryStatus> {
    if (this.#now() - this.#readAt < RECKONED_MILLIS_MAX) {
      const { hot, long } = await bothStates(this.#log)
      const reckoned = statusOf(hot.last_seq, long.last_seq + this.#ahead, capacity)
      if (reckoned.headroomUsed <= RECKONED_HEADROOM_MAX) return reckoned
    }
    const { status, ahead } = await readStatus(this.#log, capacity)
    this.#ahead = ahead
    this.#readAt = this.#now()
    return status
  }
}

/** All gaps in what `HISTORY` holds now. */
export const historyGaps = async (log: Log): Promise<ReadonlyArray<Gap>> => {
  const { state } = await log.manager.streams.info(HISTORY)
  if (state.messages === 0) return []
  const at = entryAt(log)
  const [low, high] = await Promise.all([at(state.first_seq), at(state.last_seq)])
  if (low === undefined || high === undefined) return []
  const before = state.first_seq === 1 && low.position > 1 ? [firstGap(low)] : []
  return [...before, ...(await findGaps(at, low, high))]
}

const firstGap = (low: HistoryEntry): Gap => ({
  fromPosition: low.sequence,
  toPosition: low.position - 1,
})

/**
 * The sequence in `HISTORY` of the first fact at or after a position, by binary search; `undefined`
 * when there is none yet. Positions grow with sequences.
 */
export const seek = async (log: Log, position: number): Promise<number | undefined> => {
  const { state } = await log.manager.streams.info(HISTORY)
  if (state.messages === 0) return undefined
  const at = entryAt(log)
  let low = state.first_seq
  let high = state.last_seq + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const found = await at(middle)
    if (found === undefined || found.position >= position) high = middle
    else low = found.sequence + 1
  }
  return low > state.last_seq ? undefined : low
}
