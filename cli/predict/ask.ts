// Asking a gateway for many answers: so many requests at once, answers in the order of the rows,
// and a pause where the gateway asks for one. A row that fails does not end the others.
import { setTimeout as pause } from "node:timers/promises"
import type { Row } from "./rows.ts"

/** A gateway that is busy or starting is asked again so often. */
const TRIES_MAX = 20
const PAUSE_MOST_MILLIS = 10_000
const PAUSE_DEFAULT_MILLIS = 500
/** Longer than a gateway lets any request wait. */
const ANSWER_WAIT_MILLIS = 630_000

export interface Part {
  /** Index of its first row among all rows. */
  readonly first: number
  readonly rows: ReadonlyArray<Row>
  readonly status: number
  readonly id: string | undefined
  readonly position: string | undefined
  readonly version: string | undefined
  /** The answer's body; text where it is no JSON. */
  readonly body: unknown
}

export interface AskOptions {
  readonly url: string
  readonly model: string
  readonly version: string | undefined
  readonly apiKey: string | undefined
  readonly rowsPerRequest: number
  readonly atOnce: number
  readonly onAnswered: (rows: number) => void
}

const pauseOf = (response: Response): number => {
  const seconds = Number(response.headers.get("retry-after") ?? "")
  const millis = seconds > 0 ? seconds * 1_000 : PAUSE_DEFAULT_MILLIS
  return Math.min(PAUSE_MOST_MILLIS, millis)
}

const bodyOf = async (response: Response): Promise<unknown> => {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Full, or not ready yet: it will pass. What was accepted and not answered in time is not. */
const passes = (status: number): boolean => status === 429 || status === 503

export const authorization = (apiKey: string | undefined): Readonly<Record<string, string>> =>
  apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }

const askOne = async (
  options: AskOptions,
  first: number,
  rows: ReadonlyArray<Row>,
): Promise<Part> => {
  const { url, model, version, apiKey } = options
  const query = new URLSearchParams({ model, ...(version === undefined ? {} : { version }) })
  for (let tries = 1; ; tries++) {
    const response = await fetch(`${url}/predict?${query}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...authorization(apiKey) },
      body: JSON.stringify({ data: rows }),
      signal: AbortSignal.timeout(ANSWER_WAIT_MILLIS),
    })
    const body = await bodyOf(response)
    if (passes(response.status) && tries < TRIES_MAX) {
      await pause(pauseOf(response))
      continue
    }
    const header = (name: string) => response.headers.get(name) ?? undefined
    return {
      first,
      rows,
      status: response.status,
      id: header("weir-id"),
      position: header("weir-position"),
      version: header("weir-version"),
      body,
    }
  }
}

/**
 * Yields the answers in the order of the rows.
 *
 * @throws what fetch throws when there is no gateway.
 */
export async function* askAll(rows: ReadonlyArray<Row>, options: AskOptions): AsyncGenerator<Part> {
  const { rowsPerRequest, atOnce, onAnswered } = options
  const waiting: Array<Promise<Part>> = []
  let next = 0
  const start = () => {
    const first = next
    const part = rows.slice(first, first + rowsPerRequest)
    next += part.length
    const asked = askOne(options, first, part)
    void asked.then(
      () => onAnswered(part.length),
      () => undefined,
    )
    // It is awaited in its turn; until then its failure is nobody's.
    asked.catch(() => undefined)
    waiting.push(asked)
  }
  while (next < rows.length && waiting.length < atOnce) start()
  for (let asked = waiting.shift(); asked !== undefined; asked = waiting.shift()) {
    yield await asked
    if (next < rows.length) start()
  }
}
