// How far the long log is behind the hot one. A lag that grows towards what the hot log can hold
// loses history, so it shows in the readiness body at once and takes the gateway out of service
// above half.
import { HistoryMeter, type HistoryStatus } from "#core/log/history"
import type { Log } from "#core/log/log"
import { PREDICTIONS } from "#proto/subjects"
import { Poller } from "./poller.ts"

const POLL_INTERVAL_MILLIS = 2_000
/**
 * Share of the hot log's room that uncopied facts may take before that is worth saying, and before
 * it is an outage.
 */
export const HEADROOM_DEGRADED = 0.05
export const HEADROOM_NOT_READY = 0.5
/** After a restart of the server the copying resumes by itself within some 10 s. */
export const COPY_STALLED_MILLIS = 15_000

export type HistoryHealth = "ok" | "degraded" | "lagging"

/**
 * Facts that the hot log can hold: its limit of messages, or what its limit of bytes comes to at
 * their mean size.
 */
const capacityOf = async (log: Log): Promise<number> => {
  const { state, config } = await log.manager.streams.info(PREDICTIONS)
  const byMessages = config.max_msgs > 0 ? config.max_msgs : Number.POSITIVE_INFINITY
  if (config.max_bytes <= 0 || state.messages === 0) return byMessages
  return Math.min(byMessages, (config.max_bytes * state.messages) / Math.max(1, state.bytes))
}

export class HistoryWatch {
  readonly #poller: Poller
  #status: HistoryStatus | undefined
  #movedAt = 0
  #now: () => number

  constructor(log: Log, now: () => number) {
    this.#now = now
    const meter = new HistoryMeter(log, now)
    this.#poller = new Poller(
      async () => {
        try {
          this.#add(await meter.status(await capacityOf(log)))
        } catch {
          // The link's own state says that the log is away; what was known last stays.
        }
      },
      () => POLL_INTERVAL_MILLIS,
    )
  }

  get status(): HistoryStatus | undefined {
    return this.#status
  }

  get health(): HistoryHealth {
    const used = this.#status?.headroomUsed ?? 0
    if (used > HEADROOM_NOT_READY) return "lagging"
    const stalled = this.#now() - this.#movedAt > COPY_STALLED_MILLIS
    return used > HEADROOM_DEGRADED || stalled ? "degraded" : "ok"
  }

  start(): Promise<void> {
    this.#movedAt = this.#now()
    return this.#poller.start()
  }

  stop(): Promise<void> {
    return this.#poller.stop()
  }

  #add(status: HistoryStatus): void {
    const moved = status.lag === 0 || status.copiedPosition !== this.#status?.copiedPosition
    if (moved) this.#movedAt = this.#now()
    this.#status = status
  }
}
