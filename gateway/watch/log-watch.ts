// What an operator must know of the log and its server: how full each stream is, what the long log
// misses, how long the hot log holds out, and whether an acknowledgement means the disk. Asked
// rarely: nothing here decides about a request.
import { recordGaps } from "#core/log/gap-findings"
import { historyGaps } from "#core/log/history"
import type { Log } from "#core/log/log"
import {
  ADVISORIES,
  DEAD_LETTERS,
  EVENTS,
  FINDINGS,
  HISTORY,
  PREDICTIONS,
  REQUESTS,
} from "#proto/subjects"
import { Poller } from "./poller.ts"

const STREAMS = [REQUESTS, PREDICTIONS, HISTORY, EVENTS, FINDINGS, DEAD_LETTERS, ADVISORIES]
const POLL_INTERVAL_MILLIS = 5_000
/** Looking for gaps takes some twenty questions for each. */
const GAPS_EVERY_POLLS = 12
const MONITOR_WAIT_MILLIS = 2_000
const SECOND_MILLIS = 1_000

export interface StreamLevel {
  readonly name: string
  readonly messages: number
  readonly bytes: number
  readonly lastSequence: number
  /** Share of the nearest limit; undefined without limits. */
  readonly full: number | undefined
  /** Messages that it can hold; undefined without limits. */
  readonly capacity: number | undefined
}

export interface LogView {
  readonly streams: ReadonlyArray<StreamLevel>
  /** Positions that the long log lacks although it holds later ones. */
  readonly missing: number | undefined
  /** Highest rate of facts that was seen, a second. */
  readonly peakPerSecond: number
  /** Whether the server syncs the disk before it acknowledges; undefined where nobody says. */
  readonly syncAlways: boolean | undefined
}

export const NOTHING_SEEN: LogView = {
  streams: [],
  missing: undefined,
  peakPerSecond: 0,
  syncAlways: undefined,
}

/** Seconds that the hot log holds what comes at the highest rate seen, before it drops any. */
export const headroomSeconds = ({ streams, peakPerSecond }: LogView): number | undefined => {
  const capacity = streams.find(({ name }) => name === PREDICTIONS)?.capacity
  return capacity === undefined || peakPerSecond === 0 ? undefined : capacity / peakPerSecond
}

const levelOf = async (log: Log, name: string): Promise<StreamLevel> => {
  const { state, config } = await log.manager.streams.info(name)
  const { messages, bytes, last_seq: lastSequence } = state
  const mean = messages === 0 ? 0 : bytes / messages
  const limits = [
    { held: messages, most: config.max_msgs, room: config.max_msgs },
    {
      held: bytes,
      most: config.max_bytes,
      room: mean === 0 ? Infinity : config.max_bytes / mean,
    },
  ].filter(({ most }) => most > 0)
  const room = Math.min(...limits.map((limit) => limit.room))
  return {
    name,
    messages,
    bytes,
    lastSequence,
    full:
      limits.length === 0 ? undefined : Math.max(...limits.map(({ held, most }) => held / most)),
    capacity: Number.isFinite(room) ? room : undefined,
  }
}

/** What the server's own page says of `sync_interval`; its client protocol does not say it. */
const readSyncAlways = async (monitorUrl: string): Promise<boolean | undefined> => {
  const signal = AbortSignal.timeout(MONITOR_WAIT_MILLIS)
  const answer = await fetch(`${monitorUrl}/varz`, { signal }).catch(() => undefined)
  // Boundary: the server's own monitoring page.
  const page: unknown = await answer?.json().catch(() => undefined)
  if (typeof page !== "object" || page === null || !("jetstream" in page)) return undefined
  const { jetstream } = page
  if (typeof jetstream !== "object" || jetstream === null || !("config" in jetstream))
    return undefined
  const { config } = jetstream
  if (typeof config !== "object" || config === null) return undefined
  return "sync_always" in config && config.sync_always === true
}

export class LogWatch {
  readonly #log: Log
  readonly #monitorUrl: string | undefined
  readonly #now: () => number
  readonly #time: () => number
  readonly #poller: Poller
  #view = NOTHING_SEEN
  #at = 0
  #polls = 0

  /** `now` gives milliseconds of a monotonic clock, `time` those since 1970. */
  constructor(log: Log, monitorUrl: string | undefined, now: () => number, time: () => number) {
    this.#time = time
    this.#log = log
    this.#monitorUrl = monitorUrl
    this.#now = now
    this.#poller = new Poller(
      async () => {
        try {
          await this.#look()
        } catch {
          // The link's own state says that the log is away; what was known last stays.
        }
      },
      () => POLL_INTERVAL_MILLIS,
    )
  }

  get view(): LogView {
    return this.#view
  }

  start(): Promise<void> {
    return this.#poller.start()
  }

  stop(): Promise<void> {
    return this.#poller.stop()
  }

  async #look(): Promise<void> {
    const before = this.#view
    const streams = await Promise.all(STREAMS.map((name) => levelOf(this.#log, name)))
    const at = this.#now()
    const last = (view: ReadonlyArray<StreamLevel>) =>
      view.find(({ name }) => name === PREDICTIONS)?.lastSequence
    const known = last(before.streams)
    const came = known === undefined ? 0 : (last(streams) ?? known) - known
    const peakPerSecond = Math.max(
      before.peakPerSecond,
      (came * SECOND_MILLIS) / Math.max(1, at - this.#at),
    )
    this.#at = at
    const isTurn = this.#polls++ % GAPS_EVERY_POLLS === 0
    const missing = isTurn ? await this.#missing() : before.missing
    const monitorUrl = this.#monitorUrl
    const syncAlways = monitorUrl === undefined ? undefined : await readSyncAlways(monitorUrl)
    this.#view = { streams, missing, peakPerSecond, syncAlways }
  }

  async #missing(): Promise<number> {
    const gaps = await historyGaps(this.#log)
    await recordGaps(this.#log, gaps, this.#time)
    return gaps.reduce(
      (sum, { fromPosition, toPosition }) => sum + toPosition - fromPosition + 1,
      0,
    )
  }
}
