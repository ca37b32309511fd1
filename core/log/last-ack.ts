// Keeps the newest acknowledgement of a queue back until the next one, for a short time: a queue
// that becomes empty costs the server its file, which it removes and makes anew for the next
// message, under the lock that every publish waits for. What is kept back is not lost with the
// process: its work is delivered again and meets its own result.

/** Well below the shortest wait of the server for an ack. */
const KEPT_MAX_MILLIS = 100

export class LastAck {
  readonly #send: (ackSubject: string) => void
  #kept: string | undefined
  #keptAt = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(send: (ackSubject: string) => void) {
    this.#send = send
  }

  /** Sends the one that was kept, and keeps this one. */
  keep(ackSubject: string): void {
    if (this.#kept !== undefined) this.#send(this.#kept)
    this.#kept = ackSubject
    this.#keptAt = performance.now()
    this.#timer ??= setTimeout(() => this.#look(), KEPT_MAX_MILLIS)
  }

  /** Sends what is kept. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#kept !== undefined) this.#send(this.#kept)
    this.#kept = undefined
  }

  #look(): void {
    const left = this.#keptAt + KEPT_MAX_MILLIS - performance.now()
    if (left <= 0) this.end()
    else this.#timer = setTimeout(() => this.#look(), left)
  }
}
