// What was erased, as far as its record says: so that a caller is told that an answer is gone for
// good, and a reader of a feed why positions are missing. It knows nothing of what it was.
import { follow } from "#core/log/follow"
import { lookUp } from "#core/log/leader-lookup"
import type { Log } from "#core/log/log"
import { readable } from "#core/log/readable"
import { ALL_ERASURES, erasureCodec, erasureOwner, type Erased } from "#proto/erasure"
import { EVENTS } from "#proto/subjects"
import type { Caller } from "../access/caller.ts"

/** Both ends included. */
export interface PositionRange {
  readonly from: number
  readonly to: number
}

/** Index of the first of these, which ascend, that is at least `least`. */
const firstAtLeast = (positions: ReadonlyArray<number>, least: number): number => {
  let low = 0
  let high = positions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((positions[middle] ?? Infinity) < least) low = middle + 1
    else high = middle
  }
  return low
}

const nameOf = (model: string, id: string): string => `${model} ${id}`

/** An operator's erasures alone let it grow, by some 200 bytes each. */
export class Erasures {
  /** Digests of owners, where they are known, by model and id. */
  readonly #owners = new Map<string, string | undefined>()
  /** By model, ascending. */
  readonly #positions = new Map<string, Array<number>>()

  add({ model, id, positions, owner }: Erased): void {
    const name = nameOf(model, id)
    this.#owners.set(name, owner ?? this.#owners.get(name))
    const known = this.#positions.get(model) ?? []
    this.#positions.set(model, known)
    for (const position of positions) {
      const at = firstAtLeast(known, position)
      if (known[at] !== position) known.splice(at, 0, position)
    }
  }

  isErased(model: string, id: string): boolean {
    return this.#owners.has(nameOf(model, id))
  }

  /** Whether it was erased, to those who could have seen it; to others it never was. */
  isKnownTo({ name, readsAll }: Caller, model: string, id: string): boolean {
    const key = nameOf(model, id)
    if (!this.#owners.has(key)) return false
    return readsAll || (name !== undefined && this.#owners.get(key) === erasureOwner(id, name))
  }

  /** The erased positions of a model within a range, neighbours together. */
  *within(model: string, { from, to }: PositionRange): Generator<PositionRange> {
    const known = this.#positions.get(model) ?? []
    let at = firstAtLeast(known, from)
    for (let first = known[at]; first !== undefined && first <= to; first = known[at]) {
      let last = first
      while (known[at + 1] === last + 1 && last < to) {
        last++
        at++
      }
      at++
      yield { from: first, to: last }
    }
  }
}

/** The records of the log, and those that come. */
export class ErasureWatch {
  readonly erasures = new Erasures()
  readonly #log: Log
  readonly #abort = new AbortController()
  #done: Promise<void> = Promise.resolve()

  constructor(log: Log) {
    this.#log = log
  }

  /**
   * Resolves when every record is known that was there at the time of the call.
   *
   * @throws LookupFailed, or NatsError when there is no stream.
   */
  async start(): Promise<void> {
    const last = (await lookUp(this.#log, EVENTS, { last_by_subj: ALL_ERASURES }))?.sequence ?? 0
    const { promise, resolve } = Promise.withResolvers<void>()
    if (last === 0) resolve()
    this.#done = this.#run((sequence) => {
      if (sequence >= last) resolve()
    })
    await Promise.race([promise, this.#done])
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    // Lost for good only with the connection or the stream, which others watch.
    await this.#done.catch(() => undefined)
  }

  async #run(onRecord: (sequence: number) => void): Promise<void> {
    const options = { stream: EVENTS, from: 1, filter: ALL_ERASURES, signal: this.#abort.signal }
    for await (const { data, sequence } of follow(this.#log, options)) {
      const read = readable(erasureCodec, data)
      if (read.kind !== "unreadable") this.erasures.add(read.value)
      onRecord(sequence)
    }
  }
}
