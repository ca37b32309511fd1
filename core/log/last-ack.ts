// Keeps the newest acknowledgement of a queue back until the next one, for a short time: a queue
// that becomes empty costs the server its file, which it removes and makes anew for the next
// message, under the lock that every publish waits for. What is kept back is not lost with the
// process: its work is delivered again and meets its own result.

export class LastAck {
  readonly #send: (ackSubject: string) => void
  readonly #keptMillis: number
  #kept: string | undefined
  #keptAt = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Keeps each for `keptMillis` at most, which must be well below the server's wait for an ack. */
  constructor(send: (ackSubject: string) => void, keptMillis: number) {
    this.#send = send
    this.#keptMillis = keptMillis
  }

  /** Sends the one that was kept, and keeps this one. */
  keep(ackSubject: string): void {
    if (this.#kept !== undefined) this.#send(this.#kept)
    this.#kept = ackSubject
    this.#keptAt = performance.now()
    this.#timer ??= setTimeout(() => this.#look(), this.#keptMillis)
  }

  /** Sends what is kept. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#kept !== undefined) this.#send(this.#kept)
    this.#kept = undefined
  }

  #look(): void {
    const left = this.#keptAt + this.#keptMillis - performance.now()
    if (left <= 0) this.end()
    else this.#timer = setTimeout(() => this.#look(), left)
  }
}
