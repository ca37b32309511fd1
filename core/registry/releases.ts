// What is live, for whoever serves: a projection of the release facts of all models, kept up by
// following the log. It decides nothing and writes nothing; a fact that it cannot read ends it,
// since going on would serve a wrong version.
import { Schema } from "effect"
import { ALL_RELEASES, EVENTS } from "#proto/subjects"
import type { Signature } from "#proto/signature"
import { follow, type Entry } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { lookUp } from "../log/leader-lookup.ts"
import { readReleaseFact } from "./release-fact.ts"
import { evolve, initialRelease, type Release } from "./release.ts"

/** The model that is served where a request names none. */
export const DEFAULT_MODEL = "default"

export type Resolution =
  | {
      readonly kind: "version"
      readonly version: string
      /** SHA-256 of the model's bytes, hexadecimal. */
      readonly digest: string
      readonly signature: Signature
      readonly signatureDigest: string
    }
  | { readonly kind: "unknown_model" }
  | { readonly kind: "unknown_version" }
  /** Registered, but not loaded; or no version is champion. */
  | { readonly kind: "unavailable" }

/** Which version answers: the champion unless one is pinned. */
export const resolveRelease = (
  release: Release | undefined,
  pinned: string | undefined,
): Resolution => {
  if (release === undefined) return { kind: "unknown_model" }
  const version = pinned ?? release.champion
  if (version === undefined) return { kind: "unavailable" }
  const known = release.versions.get(version)
  if (known === undefined) return { kind: "unknown_version" }
  if (!known.loaded) return { kind: "unavailable" }
  const { digest, signature, signatureDigest } = known
  return { kind: "version", version, digest, signature, signatureDigest }
}

/** The projection was closed before it had read what was asked for. */
export class ReleasesClosed extends Schema.TaggedError<ReleasesClosed>()("ReleasesClosed", {}) {
  override get message() {
    return "the projection of releases was closed"
  }
}

export type ReleaseListener = (model: string, release: Release) => void

interface Waiter {
  readonly sequence: number
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/** Reading methods throw what ended the projection, once something has. */
export class Releases {
  readonly #log: Log
  readonly #abort = new AbortController()
  readonly #models = new Map<string, Release>()
  readonly #listeners = new Set<ReleaseListener>()
  readonly #waiters = new Set<Waiter>()
  readonly #running: Promise<undefined>
  #position = 0
  #failure: { readonly cause: unknown } | undefined

  /**
   * Resolves after `close`; rejects when the projection ends by itself: a fact that cannot be read,
   * a lost log.
   */
  readonly done: Promise<void>

  constructor(log: Log) {
    this.#log = log
    this.#running = this.#run()
    // A promise of its own: waiting for the other one in here must not make a failure count as
    // handled.
    this.done = this.#running.then(() => undefined)
  }

  /** Sequence in `EVENTS` of the last fact that was folded in. */
  get position(): number {
    return this.#position
  }

  model(name: string): Release | undefined {
    return this.models().get(name)
  }

  /** By name, in the order of their first registration. */
  models(): ReadonlyMap<string, Release> {
    if (this.#failure !== undefined) throw this.#failure.cause
    return this.#models
  }

  /** "default" if there is such a model, else the one that was registered first. */
  defaultModel(): string | undefined {
    const models = this.models()
    return models.has(DEFAULT_MODEL) ? DEFAULT_MODEL : models.keys().next().value
  }

  resolve(model: string, pinned?: string): Resolution {
    return resolveRelease(this.model(model), pinned)
  }

  /**
   * Calls back after each fact, with the state that holds it; returns what ends the calls. A
   * listener must not throw: that ends the projection.
   */
  onChange(listener: ReleaseListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Resolves when every fact is folded in that was stored at the time of the call: read your own
   * writes.
   *
   * @throws LookupFailed when the log cannot be asked, ReleasesClosed, or what ended the
   * projection.
   */
  async caughtUp(): Promise<void> {
    const lookup = lookUp(this.#log, EVENTS, { last_by_subj: ALL_RELEASES })
    const last = await Promise.race([lookup, this.#running])
    if (this.#failure !== undefined) throw this.#failure.cause
    const sequence = last?.sequence ?? 0
    if (sequence <= this.#position) return
    await new Promise<void>((resolve, reject) => this.#waiters.add({ sequence, resolve, reject }))
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.done.catch(() => undefined)
  }

  async #run(): Promise<undefined> {
    const options = { stream: EVENTS, from: 1, filter: ALL_RELEASES, signal: this.#abort.signal }
    try {
      for await (const entry of follow(this.#log, options)) this.#apply(entry)
      this.#end(new ReleasesClosed())
      return undefined
    } catch (cause) {
      this.#end(cause)
      throw cause
    }
  }

  #end(cause: unknown): void {
    this.#failure = { cause }
    for (const waiter of this.#waiters) waiter.reject(cause)
    this.#waiters.clear()
  }

  #apply(entry: Entry): void {
    const fact = readReleaseFact(entry)
    const before = this.#models.get(fact.model) ?? initialRelease(fact.model)
    const release = evolve(before, fact)
    this.#models.set(fact.model, release)
    this.#position = entry.sequence
    for (const listener of this.#listeners) listener(fact.model, release)
    for (const waiter of this.#waiters) {
      if (waiter.sequence > entry.sequence) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }
}

/**
 * Opens the projection and resolves when it holds every fact that was stored at the time of the
 * call. Watch `done`.
 *
 * @throws ReleaseUnreadable, LookupFailed, or NatsError when there is no stream.
 */
export const openReleases = async (log: Log): Promise<Releases> => {
  const releases = new Releases(log)
  try {
    await releases.caughtUp()
    return releases
  } catch (cause) {
    await releases.close()
    throw cause
  }
}
