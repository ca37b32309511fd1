// The time that deliveries live by. Tests move it by hand.

/** What setTimeout takes at most; it fires at once for more. */
const TIMER_MAX_MILLIS = 2 ** 31 - 1

export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Calls back once, at that time or a little later; returns what prevents it. */
  readonly wakeAt: (at: number, wake: () => void) => () => void
}

export const systemClock: Clock = {
  now: Date.now,
  wakeAt: (at, wake) => {
    const wait = Math.min(Math.max(at - Date.now(), 0), TIMER_MAX_MILLIS)
    const timer = setTimeout(wake, wait)
    return () => clearTimeout(timer)
  },
}
