// A caller that tries again for as long as it is told to, at any of the gateways, and counts what
// its tries came to.

const TRY_WAIT_MILLIS = 20_000
const GIVE_UP_MILLIS = 120_000
const PAUSE_MILLIS = 50
const RETRIED = new Set([408, 429, 502, 503, 504])

export interface Told {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export class PatientCaller {
  readonly #urls: ReadonlyArray<string>
  readonly #random: () => number
  readonly #tries: Array<string> = []

  constructor(urls: ReadonlyArray<string>, random: () => number) {
    this.#urls = urls
    this.#random = random
  }

  /** Statuses, and "connection" where there was none. */
  get tries(): ReadonlyArray<string> {
    return this.#tries
  }

  /** The first answer that is final; throws when there is none for too long. */
  async ask(path: string, init: RequestInit): Promise<Told> {
    const deadline = performance.now() + GIVE_UP_MILLIS
    while (performance.now() < deadline) {
      const told = await this.#try(path, init)
      this.#tries.push(told === undefined ? "connection" : String(told.status))
      if (told !== undefined && !RETRIED.has(told.status)) return told
      await Bun.sleep(PAUSE_MILLIS * (0.5 + this.#random()))
    }
    throw new Error(`${path}: no answer within ${GIVE_UP_MILLIS} ms`)
  }

  async #try(path: string, init: RequestInit): Promise<Told | undefined> {
    const url = this.#urls[Math.floor(this.#random() * this.#urls.length)] ?? ""
    try {
      const signal = AbortSignal.timeout(TRY_WAIT_MILLIS)
      const response = await fetch(`${url}${path}`, { ...init, signal })
      const { status, headers } = response
      return { status, headers, text: await response.text() }
    } catch {
      return undefined
    }
  }
}

/** Does `work` for each item, so many at once; `onDone` after each. */
export const inParallel = async <A, B>(
  items: ReadonlyArray<A>,
  atOnce: number,
  work: (item: A, index: number) => Promise<B>,
  onDone: () => void = () => undefined,
): Promise<ReadonlyArray<B>> => {
  const results: Array<B> = []
  const queue = items.entries()
  const worker = async () => {
    for (const [index, item] of queue) {
      results[index] = await work(item, index)
      onDone()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}
