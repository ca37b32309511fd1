// What was erased, as far as the monitor is concerned: the positions that no fold may take any
// more, and word of each erasure. The record comes before the facts are removed, so a position is
// left out from then on, whether its fact is still there or not.
import type { FactSource } from "../core/findings/sources.ts"
import { follow } from "../core/log/follow.ts"
import { lookUp } from "../core/log/leader-lookup.ts"
import type { Log } from "../core/log/log.ts"
import { readable } from "../core/log/readable.ts"
import { ALL_ERASURES, erasureCodec, type Erased } from "../proto/erasure.ts"
import { EVENTS } from "../proto/subjects.ts"

type Listener = (erased: Erased) => void

const NONE: ReadonlySet<number> = new Set()

interface Waiting {
  readonly sequence: number
  readonly resolve: () => void
}

export class ErasureBoard {
  readonly #log: Log
  readonly #positions = new Map<string, Set<number>>()
  readonly #listeners = new Map<Listener, string>()
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  #waiting: ReadonlyArray<Waiting> = []
  /** Of the last record that was read, in `EVENTS`. */
  #sequence = 0

  private constructor(log: Log) {
    this.#log = log
    this.#running = this.#run()
    this.#running.catch(() => undefined)
  }

  /** Resolves when every erasure is known that was recorded by then. */
  static async open(log: Log): Promise<ErasureBoard> {
    const board = new ErasureBoard(log)
    await board.caughtUp()
    return board
  }

  /** Rejects when the erasures can no longer be followed. */
  get done(): Promise<void> {
    return this.#running
  }

  positions(model: string): ReadonlySet<number> {
    return this.#positions.get(model) ?? NONE
  }

  /** Told of each erasure of a model that comes from now on. */
  follow(model: string, listener: Listener): () => void {
    this.#listeners.set(listener, model)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when every erasure is known that the log holds at the time of the call. */
  async caughtUp(): Promise<void> {
    const last = await lookUp(this.#log, EVENTS, { last_by_subj: ALL_ERASURES })
    if (last === undefined || last.sequence <= this.#sequence) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting = [...this.#waiting, { sequence: last.sequence, resolve }]
    await Promise.race([promise, this.#running])
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running.catch(() => undefined)
  }

  async #run(): Promise<void> {
    const options = { stream: EVENTS, from: 1, filter: ALL_ERASURES, signal: this.#abort.signal }
    for await (const { data, sequence } of follow(this.#log, options)) {
      const read = readable(erasureCodec, data)
      if (read.kind !== "unreadable") this.#take(read.value)
      this.#sequence = sequence
      for (const one of this.#waiting) if (one.sequence <= sequence) one.resolve()
      this.#waiting = this.#waiting.filter((one) => one.sequence > sequence)
    }
  }

  #take(erased: Erased): void {
    const known = this.#positions.get(erased.model) ?? new Set()
    this.#positions.set(erased.model, known)
    for (const position of erased.positions) known.add(position)
    for (const [listener, model] of this.#listeners) if (model === erased.model) listener(erased)
  }
}

/**
 * The source without what was erased from the model, where a range is read. Who follows the source
 * asks when it takes a fact, since that may have been erased after it was read.
 */
export const withoutErased = (
  source: FactSource,
  erasures: ErasureBoard,
  model: string,
): FactSource => ({
  ...source,
  read: async function* (from, to) {
    for await (const one of source.read(from, to))
      if (!erasures.positions(model).has(one.position)) yield one
  },
})

/**
 * What `make` gives, made again until no erasure came meanwhile: what was read before an erasure
 * that the log holds by now is given to nobody.
 */
export const sinceErasures = async <A>(
  erasures: ErasureBoard,
  model: string,
  make: () => Promise<A>,
): Promise<A> => {
  for (;;) {
    await erasures.caughtUp()
    const before = erasures.positions(model).size
    const made = await make()
    await erasures.caughtUp()
    if (erasures.positions(model).size === before) return made
  }
}
