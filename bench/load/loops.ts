// The two ways to put a server under load. Time comes in as an argument, so that what they promise
// of it can be tested: an open loop counts from the time at which a request should have been sent.
import type { Caller } from "./caller.ts"

export interface Recorded {
  /** Milliseconds since the loop began, when the request ended. */
  readonly atMillis: number
  readonly latencyMillis: number
  /** How late it was sent; 0 in a closed loop. */
  readonly latenessMillis: number
  readonly error: string | undefined
}

export interface LoopOptions {
  readonly caller: Caller
  readonly seconds: number
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  readonly record: (recorded: Recorded) => void
}

export interface OpenLoopOptions extends LoopOptions {
  readonly perSecond: number
  /** Calls back when so much time is over, or later. */
  readonly after: (millis: number, call: () => void) => void
}

/** Below this distance a timer is too coarse, and the loop looks at the clock in every turn. */
const TIMER_SLACK_MILLIS = 2

/** Each of `callers` sends its next request when it has its answer; resolves with the last one. */
export const closedLoop = (options: LoopOptions & { readonly callers: number }): Promise<void> => {
  const { caller, now, record, callers } = options
  const { promise, resolve } = Promise.withResolvers<void>()
  const began = now()
  const end = began + options.seconds * 1_000
  let index = 0
  let running = callers
  const next = () => {
    const sent = now()
    if (sent >= end) {
      if (--running === 0) resolve()
      return
    }
    caller.send(index++, (error) => {
      const at = now()
      record({ atMillis: at - began, latencyMillis: at - sent, latenessMillis: 0, error })
      // A refused connection ends at once: without a turn between them it would never end.
      if (error === undefined) next()
      else setImmediate(next)
    })
  }
  for (let started = 0; started < callers; started++) next()
  return promise
}

/**
 * Sends request number n at n ÷ `perSecond`, however slow the answers are; resolves with the last
 * answer. Latency and lateness count from that time.
 */
export const openLoop = (options: OpenLoopOptions): Promise<void> => {
  const { caller, now, record, perSecond, after } = options
  const { promise, resolve } = Promise.withResolvers<void>()
  const total = Math.max(1, Math.round(perSecond * options.seconds))
  const began = now()
  let sent = 0
  let ended = 0
  const send = (index: number) => {
    const intended = began + (index * 1_000) / perSecond
    const latenessMillis = now() - intended
    caller.send(index, (error) => {
      const at = now()
      record({ atMillis: at - began, latencyMillis: at - intended, latenessMillis, error })
      if (++ended === total) resolve()
    })
  }
  const tick = () => {
    const at = now()
    while (sent < total && began + (sent * 1_000) / perSecond <= at) send(sent++)
    if (sent === total) return
    const wait = began + (sent * 1_000) / perSecond - now()
    after(wait > TIMER_SLACK_MILLIS ? wait - TIMER_SLACK_MILLIS : 0, tick)
  }
  tick()
  return promise
}
