// Callers as they are in production: many at once, each waiting for its answer, and trying again
// when the connection breaks or the server says so. They remember every answer that was given to
// them, to be held against the log.

/** One try may take so long before the caller gives up on the connection. */
const TRY_WAIT_MILLIS = 20_000
/** A caller that is refused for longer than this counts as failed: nothing is down for so long. */
const REQUEST_WAIT_MILLIS = 120_000
const RETRY_PAUSE_MILLIS = 50
/** Share of the keyed requests that are sent once more after their answer. */
const REPEATED_SHARE = 0.2
const UNAVAILABLE = 503
/** Answers that a caller tries again after. */
const RETRIED_STATUS = new Set([408, 429, 502, UNAVAILABLE, 504])

export interface Answer {
  readonly key: string | undefined
  readonly id: string
  readonly position: number
  readonly body: string
  /** Which row of the caller's data was asked about. */
  readonly row: number
}

export interface ClientsOptions {
  /** Each try goes to one of them. */
  readonly urls: ReadonlyArray<string>
  readonly concurrency: number
  /** JSON body for a row number. */
  readonly body: (row: number) => string
  readonly path: string
  /** Share of the requests that carry an idempotency key. */
  readonly keyedShare: number
  readonly random: () => number
  /** Whether to begin another request, given how many were answered. */
  readonly goOn: (answered: number) => boolean
}

export interface ClientsResult {
  readonly answers: ReadonlyArray<Answer>
  /** Status by id, where the gateway named one without an output: not in time (504), or failed. */
  readonly accepted: ReadonlyMap<string, number>
  /** Tries by what came of them: a status, or "connection". */
  readonly tries: ReadonlyMap<string, number>
  /** Requests that were given up, and requests that were refused for good. */
  readonly failures: ReadonlyArray<string>
}

export class Clients {
  readonly #options: ClientsOptions
  readonly #answers: Array<Answer> = []
  readonly #accepted = new Map<string, number>()
  readonly #tries = new Map<string, number>()
  readonly #failures: Array<string> = []
  #inFlight = 0
  #begun = 0

  constructor(options: ClientsOptions) {
    this.#options = options
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get answered(): number {
    return this.#answers.length
  }

  /** Resolves when `goOn` has said no and everything that was begun has ended. */
  async run(): Promise<ClientsResult> {
    const callers = Array.from({ length: this.#options.concurrency }, () => this.#call())
    await Promise.all(callers)
    return {
      answers: this.#answers,
      accepted: this.#accepted,
      tries: this.#tries,
      failures: this.#failures,
    }
  }

  async #call(): Promise<void> {
    const { goOn, random, keyedShare } = this.#options
    while (goOn(this.#answers.length)) {
      const row = this.#begun++
      const key = random() < keyedShare ? `key-${row}` : undefined
      const times = key !== undefined && random() < REPEATED_SHARE ? 2 : 1
      this.#inFlight++
      for (let time = 0; time < times; time++) await this.#request(row, key)
      this.#inFlight--
    }
  }

  async #request(row: number, key: string | undefined): Promise<void> {
    const deadline = performance.now() + REQUEST_WAIT_MILLIS
    while (performance.now() < deadline) {
      const outcome = await this.#try(row, key)
      if (outcome !== "again") return
      await Bun.sleep(RETRY_PAUSE_MILLIS * (0.5 + this.#options.random()))
    }
    this.#failures.push(`row ${row}: not answered within ${REQUEST_WAIT_MILLIS} ms`)
  }

  async #try(row: number, key: string | undefined): Promise<"again" | "done"> {
    try {
      const { urls, path, random } = this.#options
      const url = urls[Math.floor(random() * urls.length)] ?? ""
      const response = await fetch(`${url}${path}`, {
        method: "POST",
        headers: key === undefined ? {} : { "Idempotency-Key": key },
        body: this.#options.body(row),
        signal: AbortSignal.timeout(TRY_WAIT_MILLIS),
      })
      const body = await response.text()
      this.#count(String(response.status))
      const id = response.headers.get("Weir-Id")
      if (response.status === 200 && id !== null) {
        const position = Number(response.headers.get("Weir-Position"))
        this.#answers.push({ key, id, position, body, row })
        return "done"
      }
      // Accepted, whatever became of it: the log has to know it. A 503 leaves open whether it does.
      if (id !== null && response.status !== UNAVAILABLE) this.#accepted.set(id, response.status)
      if (RETRIED_STATUS.has(response.status)) return "again"
      this.#failures.push(`row ${row}: ${response.status} ${body.slice(0, 200)}`)
      return "done"
    } catch {
      this.#count("connection")
      return "again"
    }
  }

  #count(what: string): void {
    this.#tries.set(what, (this.#tries.get(what) ?? 0) + 1)
  }
}
