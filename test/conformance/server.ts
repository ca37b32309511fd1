// The server that is checked, over HTTP alone: what was asked and what came back, nothing unpacked
// or repaired on the way.
import { readJson } from "./json.ts"
import { expect, Failed, shown, textIn, recordIn } from "./verdict.ts"

const ANSWER_WAIT_MILLIS = 30_000

export interface Ask {
  readonly method?: string
  /** Sent as it is. */
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly asked: string
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array<ArrayBuffer>
}

export const isGood = ({ status }: Answer): boolean => status === 200
export const isRefused = ({ status }: Answer): boolean => status >= 400 && status < 500

const textOf = ({ bytes }: Answer) => new TextDecoder().decode(bytes)

/** @throws Failed where the body is no JSON. */
export const jsonOf = (answer: Answer): unknown => {
  try {
    return readJson(textOf(answer))
  } catch {
    throw new Failed(`${answer.asked}: ${answer.status} with a body that is no JSON`)
  }
}

/** @throws Failed unless it is 200. */
export const good = (answer: Answer): Answer => {
  const what = shown(textOf(answer))
  expect(isGood(answer), `${answer.asked}: ${answer.status} ${what}, not 200`)
  return answer
}

/** @throws Failed unless it is a refusal of the client's fault with an `error` in JSON. */
export const refused = (answer: Answer, what: string): void => {
  expect(isRefused(answer), `${what}: ${answer.status}, not 4xx`)
  const { error } = recordIn(`${what}: the body`, jsonOf(answer))
  expect(textIn(`${what}: "error"`, error) !== "", `${what}: "error" is empty`)
}

export class Server {
  readonly #base: string
  readonly #key: string | undefined

  constructor(base: string, key?: string) {
    this.#base = base.replace(/\/+$/u, "")
    this.#key = key
  }

  /** @throws Failed where no whole answer comes in time. */
  async ask(path: string, { method = "GET", body, headers = {} }: Ask = {}): Promise<Answer> {
    const asked = `${method} ${path}`
    const key = this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` }
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        headers: { "accept-encoding": "identity", ...key, ...headers },
        ...(body === undefined ? {} : { body }),
        redirect: "manual",
        decompress: false,
        signal: AbortSignal.timeout(ANSWER_WAIT_MILLIS),
      })
      const bytes = await response.bytes()
      return { asked, status: response.status, headers: response.headers, bytes }
    } catch (cause) {
      throw new Failed(`${asked}: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }

  post(path: string, body: string, headers: Readonly<Record<string, string>> = {}) {
    const all = { "content-type": "application/json", ...headers }
    return this.ask(path, { method: "POST", body, headers: all })
  }
}
