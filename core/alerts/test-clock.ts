// A clock that only moves when a test says so.
import type { Clock } from "./clock.ts"

interface Timer {
  readonly at: number
  readonly wake: () => void
}

export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>()
  #time: number
  #onTimer: (() => void) | undefined

  constructor(time: number) {
    this.#time = time
  }

  readonly now = (): number => this.#time

  readonly wakeAt = (at: number, wake: () => void): (() => void) => {
    const timer = { at, wake }
    this.#timers.add(timer)
    this.#onTimer?.()
    return () => this.#timers.delete(timer)
  }

  /** Waits for somebody to wait, moves to the earliest wake and fires it; resolves to that time. */
  async next(): Promise<number> {
    while (this.#timers.size === 0)
      await new Promise<void>((resolve) => {
        this.#onTimer = resolve
      })
    const [first] = [...this.#timers].toSorted((a, b) => a.at - b.at)
    if (first === undefined) return this.#time
    this.#timers.delete(first)
    this.#time = Math.max(this.#time, first.at)
    first.wake()
    return this.#time
  }

  /** Moves on without firing anything. */
  pass(millis: number): void {
    this.#time += millis
  }
}
