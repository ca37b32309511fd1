// Callers of the demo model, many at once, of which it is kept what each request came to.
import { ID } from "#proto/headers"
import { FLIGHTS } from "./flights.ts"

export const CALLERS = 32
const ANSWER_WAIT_MILLIS = 60_000
const AGAIN_PAUSE_MILLIS = 20

export interface Told {
  /** A status, or the code of a broken connection. */
  readonly what: string
  readonly id: string
  readonly millis: number
}

const errorCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)

/**
 * Callers that try again only where a connection was refused or reset. After a refusal nothing can
 * have been sent; after a reset the log has to tell: a request that was taken nevertheless is a
 * fact that no caller was told of.
 */
export class StubbornCallers {
  readonly told: Array<Told> = []
  refused = 0
  reset = 0
  waiting = 0
  #over = false
  #next = 0
  readonly #urls: ReadonlyArray<string>
  readonly #rows: ReadonlyArray<unknown>

  constructor(urls: ReadonlyArray<string>, rows: ReadonlyArray<unknown>) {
    this.#urls = urls
    this.#rows = rows
  }

  async run(): Promise<void> {
    const call = async () => {
      while (!this.#over) {
        this.waiting++
        this.told.push(await this.#ask(this.#next++))
        this.waiting--
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, call))
  }

  end(): void {
    this.#over = true
  }

  async #ask(at: number): Promise<Told> {
    const body = JSON.stringify({ data: [this.#rows[at % this.#rows.length]] })
    for (let attempt = at; ; attempt++) {
      const began = performance.now()
      const url = this.#urls[attempt % this.#urls.length] ?? ""
      try {
        const signal = AbortSignal.timeout(ANSWER_WAIT_MILLIS)
        const path = `/predict?model=${FLIGHTS}`
        const response = await fetch(`${url}${path}`, { method: "POST", body, signal })
        await response.text()
        const millis = performance.now() - began
        return { what: `${response.status}`, id: response.headers.get(ID) ?? "", millis }
      } catch (cause) {
        const what = errorCode(cause)
        if (/refused/i.test(what)) this.refused++
        else if (what === "ECONNRESET") this.reset++
        else return { what, id: "", millis: performance.now() - began }
        await Bun.sleep(AGAIN_PAUSE_MILLIS)
      }
    }
  }
}
