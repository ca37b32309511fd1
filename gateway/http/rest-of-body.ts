// How long the rest of a body may take. Most bodies come with their head, so a timer is made only
// for those that are not there at the end of the turn of the event loop in which they began.

export interface RestWait {
  readonly isOver: boolean
  /** The body is there, or nobody wants it any more. */
  end(): void
}

class Wait implements RestWait {
  readonly #millis: number
  readonly #onOver: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #hasEnded = false
  isOver = false

  constructor(millis: number, onOver: () => void) {
    this.#millis = millis
    this.#onOver = onOver
  }

  begin(): void {
    if (this.#hasEnded) return
    this.#timer = setTimeout(() => {
      this.isOver = true
      this.#onOver()
    }, this.#millis)
  }

  end(): void {
    this.#hasEnded = true
    clearTimeout(this.#timer)
  }
}

let begun: Array<Wait> = []

/** Calls `onOver` after `millis` unless the wait has ended before. */
export const waitForRest = (millis: number, onOver: () => void): RestWait => {
  const wait = new Wait(millis, onOver)
  begun.push(wait)
  if (begun.length === 1)
    setImmediate(() => {
      const waits = begun
      begun = []
      for (const one of waits) one.begin()
    })
  return wait
}
