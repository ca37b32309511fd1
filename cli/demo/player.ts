// Sends flights at a rate, with a bound on what is under way, and keeps count of what comes back.
// It prints nothing.
import { FLIGHTS } from "../laboratory/flights.ts"
import type { PlayedFlight } from "./flights-in-order.ts"

const ANSWER_WAIT_MILLIS = 60_000
const TICK_MILLIS = 5

export interface PlayerOptions {
  readonly url: string
  /** Requests a second; 0 for as fast as they are answered. */
  readonly rate: number
  readonly concurrency: number
}

interface Answer {
  readonly probability: number
  readonly calledLate: boolean
  readonly wasLate: boolean
}

/** What came back between two looks. */
export interface Second {
  readonly done: number
  readonly total: number
  readonly seconds: number
  readonly millis: ReadonlyArray<number>
  readonly errors: number
  readonly answers: ReadonlyArray<Answer>
  /** Departure of the last flight that was sent. */
  readonly date: string
  /** The log position of the latest answer. */
  readonly position: number
}

export interface Summary {
  readonly seconds: number
  readonly total: number
  readonly done: number
  readonly millis: ReadonlyArray<number>
  /** Status and code word, or the code of a broken connection, by how often it came. */
  readonly errors: ReadonlyMap<string, number>
  readonly answers: ReadonlyArray<Answer>
  readonly positionFirst: number
  readonly positionLast: number
}

/** Boundary: an answer of another form counts as an error. */
const readAnswer = (text: string, wasLate: boolean): Answer => {
  const told = JSON.parse(text) as {
    readonly predictions: readonly [number]
    readonly probabilities: readonly [readonly [number, number]]
  }
  const [[, probability]] = told.probabilities
  return { probability, calledLate: told.predictions[0] === 1, wasLate }
}

const errorCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)

export class Player {
  readonly #options: PlayerOptions
  readonly #flights: ReadonlyArray<PlayedFlight>
  readonly #stopped: AbortSignal
  readonly #millis: Array<number> = []
  readonly #answers: Array<Answer> = []
  readonly #errors = new Map<string, number>()
  readonly #began = performance.now()
  #ended: number | undefined
  #sent = 0
  #underWay = 0
  #failed = 0
  #first = Number.POSITIVE_INFINITY
  #last = 0
  #freed = Promise.withResolvers<void>()
  #looked = { at: performance.now(), millis: 0, answers: 0, failed: 0 }

  constructor(options: PlayerOptions, flights: ReadonlyArray<PlayedFlight>, stopped: AbortSignal) {
    this.#options = options
    this.#flights = flights
    this.#stopped = stopped
  }

  /** Resolves when all that was sent is answered. */
  async run(): Promise<void> {
    const asked: Array<Promise<void>> = []
    for (const flight of this.#flights) {
      await this.#due()
      if (this.#stopped.aborted) break
      this.#sent++
      this.#underWay++
      asked.push(this.#ask(flight))
    }
    await Promise.all(asked)
    this.#ended = performance.now()
  }

  /** What came back since this was asked the last time. */
  second(): Second {
    const before = this.#looked
    const now = performance.now()
    const [millis, answers] = [this.#millis.length, this.#answers.length]
    this.#looked = { at: now, millis, answers, failed: this.#failed }
    return {
      done: answers + this.#failed,
      total: this.#flights.length,
      seconds: (now - before.at) / 1_000,
      millis: this.#millis.slice(before.millis),
      errors: this.#failed - before.failed,
      answers: this.#answers.slice(before.answers),
      date: this.#flights[Math.max(0, this.#sent - 1)]?.date ?? "",
      position: this.#last,
    }
  }

  summary(): Summary {
    return {
      seconds: ((this.#ended ?? performance.now()) - this.#began) / 1_000,
      total: this.#flights.length,
      done: this.#answers.length + this.#failed,
      millis: this.#millis,
      errors: this.#errors,
      answers: this.#answers,
      positionFirst: this.#last === 0 ? 0 : this.#first,
      positionLast: this.#last,
    }
  }

  /** Resolves when the next request is due and there is room for it, or when all is to end. */
  async #due(): Promise<void> {
    const { rate, concurrency } = this.#options
    const isDue = () => this.#sent <= ((performance.now() - this.#began) * rate) / 1_000
    while (rate > 0 && !isDue() && !this.#stopped.aborted) await Bun.sleep(TICK_MILLIS)
    while (this.#underWay >= concurrency) await this.#freed.promise
  }

  async #ask({ body, wasLate }: PlayedFlight): Promise<void> {
    const began = performance.now()
    try {
      const signal = AbortSignal.timeout(ANSWER_WAIT_MILLIS)
      const url = `${this.#options.url}/predict?model=${FLIGHTS}`
      const response = await fetch(url, { method: "POST", body, signal })
      const text = await response.text()
      if (response.status === 200) {
        this.#answers.push(readAnswer(text, wasLate))
        this.#millis.push(performance.now() - began)
        this.#seen(Number(response.headers.get("Weir-Position")))
      } else {
        const code = /"code":"(\w+)"/.exec(text)?.[1] ?? ""
        this.#fail(`${response.status} ${code}`.trim())
      }
    } catch (cause) {
      this.#fail(errorCode(cause))
    }
    this.#underWay--
    this.#freed.resolve()
    this.#freed = Promise.withResolvers()
  }

  #seen(position: number): void {
    if (!(position > 0)) return
    this.#first = Math.min(this.#first, position)
    this.#last = Math.max(this.#last, position)
  }

  #fail(what: string): void {
    this.#failed++
    this.#errors.set(what, (this.#errors.get(what) ?? 0) + 1)
  }
}
