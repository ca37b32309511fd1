// The valid keys, for whoever lets callers in: a projection of the facts about keys, kept up by
// following the log. A fact that it cannot read ends it, since going on could let somebody in whose
// key was revoked.
import { timingSafeEqual } from "node:crypto"
import { ALL_KEYS, EVENTS } from "#proto/subjects"
import { follow, type Entry } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { lookUp } from "../log/leader-lookup.ts"
import { evolve, initialCaller, type CallerKeys, type Key } from "./access.ts"
import { readAccessFact } from "./key-facts.ts"

interface Known {
  readonly key: Key
  readonly digest: Buffer
}

export class Keys {
  readonly #log: Log
  readonly #abort = new AbortController()
  readonly #callers = new Map<string, CallerKeys>()
  readonly #byDigest = new Map<string, Known>()
  readonly #listeners = new Set<() => void>()
  #position = 0

  /** Resolves after `close`; rejects when the projection ends by itself. */
  readonly done: Promise<void>

  constructor(log: Log) {
    this.#log = log
    this.done = this.#run()
  }

  /** Sequence in `EVENTS` of the last fact that was folded in. */
  get position(): number {
    return this.#position
  }

  /** Every caller that ever had a key, by name in the order of their first one. */
  callers(): ReadonlyArray<CallerKeys> {
    return [...this.#callers.values()]
  }

  /** Number of valid keys. */
  get size(): number {
    return this.#byDigest.size
  }

  /** The valid key of this digest. Takes the same time whatever part of a digest is right. */
  find(digest: Buffer): Key | undefined {
    const known = this.#byDigest.get(digest.toString("latin1"))
    return known !== undefined && timingSafeEqual(known.digest, digest) ? known.key : undefined
  }

  /** Calls back after each fact; returns what ends the calls. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when every fact is folded in that was stored at the time of the call. */
  async caughtUp(): Promise<void> {
    const last = await lookUp(this.#log, EVENTS, { last_by_subj: ALL_KEYS })
    const sequence = last?.sequence ?? 0
    if (sequence <= this.#position) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = this.onChange(() => {
      if (this.#position >= sequence) resolve()
    })
    try {
      await Promise.race([promise, this.done])
    } finally {
      end()
    }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.done.catch(() => undefined)
  }

  async #run(): Promise<void> {
    const options = { stream: EVENTS, from: 1, filter: ALL_KEYS, signal: this.#abort.signal }
    for await (const entry of follow(this.#log, options)) this.#apply(entry)
  }

  #apply(entry: Entry): void {
    const fact = readAccessFact(entry)
    const caller = evolve(this.#callers.get(fact.name) ?? initialCaller(fact.name), fact)
    this.#callers.set(fact.name, caller)
    const digest = Buffer.from(fact.digest, "hex")
    const key = caller.keys.find((one) => one.digest === fact.digest)
    if (key === undefined) this.#byDigest.delete(digest.toString("latin1"))
    else this.#byDigest.set(digest.toString("latin1"), { key, digest })
    this.#position = entry.sequence
    for (const listener of this.#listeners) listener()
  }
}

/**
 * Opens the projection and resolves when it holds every fact that was stored at the time of the
 * call. Watch `done`.
 *
 * @throws AccessUnreadable, LookupFailed, or NatsError when there is no stream.
 */
export const openKeys = async (log: Log): Promise<Keys> => {
  const keys = new Keys(log)
  try {
    await keys.caughtUp()
    return keys
  } catch (cause) {
    await keys.close()
    throw cause
  }
}
