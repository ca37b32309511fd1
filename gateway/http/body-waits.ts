// How long bodies may take to come whole. One timer serves all that are being read: one for each
// would be made and cleared with every request. It reads nothing itself.
import { refuse, type Refusal } from "./status.ts"

/** A body that is being read. */
export class BodyWait {
  readonly millis: number
  /** On the clock of this process, milliseconds. */
  readonly until: number
  /** What still comes is for nobody. */
  isLate = false
  /** What came of it first. */
  readonly ended: Promise<Uint8Array | Refusal>
  readonly end: (bytes: Uint8Array | Refusal) => void

  constructor(millis: number) {
    this.millis = millis
    this.until = performance.now() + millis
    const { promise, resolve } = Promise.withResolvers<Uint8Array | Refusal>()
    this.ended = promise
    this.end = resolve
  }

  expire(): void {
    this.isLate = true
    const expected = `expected all of it within ${this.millis} ms, got a part`
    this.end(refuse("bodyTimedOut", `body: ${expected}`))
  }
}

export class BodyWaits {
  readonly #waits = new Set<BodyWait>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When the timer fires; it is left to fire where the waits have ended before. */
  #timerAt = Number.POSITIVE_INFINITY

  /** Waits for a body, which is refused where it has not ended within `millis`. */
  begin(millis: number): BodyWait {
    const wait = new BodyWait(millis)
    this.#waits.add(wait)
    if (wait.until < this.#timerAt) this.#lookAt(wait.until)
    return wait
  }

  /** The body is whole, or will never be. */
  end(wait: BodyWait, bytes: Uint8Array | Refusal): void {
    this.#waits.delete(wait)
    wait.end(bytes)
  }

  #lookAt(at: number): void {
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = setTimeout(() => this.#look(), Math.ceil(at - performance.now()))
    // A process that has nothing else to do need not stay for it.
    this.#timer.unref()
  }

  #look(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const wait of this.#waits) {
      if (wait.until > now) next = Math.min(next, wait.until)
      else {
        this.#waits.delete(wait)
        wait.expire()
      }
    }
    if (next < this.#timerAt) this.#lookAt(next)
  }
}
