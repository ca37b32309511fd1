// What is live, for whoever serves: a projection of the release facts of all models, kept up by
// following the log. It decides nothing and writes nothing. A fact that it cannot read makes its
// model unavailable until it is mended, since going on would serve a wrong version; it stops no
// other model.
import { Schema } from "effect"
import { isModelName } from "#proto/names"
import { ALL_RELEASES, EVENTS, modelOfEvent } from "#proto/subjects"
import type { ServingConfig } from "#proto/serving-config"
import type { Signature } from "#proto/signature"
import type { Logger } from "../service/logger.ts"
import { follow, type Entry } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { lookUp } from "../log/leader-lookup.ts"
import { BrokenModels } from "./broken-models.ts"
import { readReleaseFact, ReleaseUnreadable } from "./release-fact.ts"
import { evolve, initialRelease, type Release } from "./release.ts"
import type { ReleaseAt } from "./commands.ts"

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
      readonly config?: ServingConfig
    }
  | { readonly kind: "unknown_model" }
  | { readonly kind: "unknown_version" }
  /**
   * Registered, but not loaded; or no version is champion. With a reason: its releases cannot be
   * read, and the reason says at which sequence and what mends it.
   */
  | { readonly kind: "unavailable"; readonly reason?: string }

/**
 * Which version answers: the champion unless one is pinned. One that was unloaded answers what the
 * server had stored by then (`storedAt`, milliseconds since 1970), and nothing that comes later.
 */
export const resolveRelease = (
  release: Release | undefined,
  pinned: string | undefined,
  storedAt = Number.POSITIVE_INFINITY,
): Resolution => {
  if (release === undefined) return { kind: "unknown_model" }
  const version = pinned ?? release.champion
  if (version === undefined) return { kind: "unavailable" }
  const known = release.versions.get(version)
  if (known === undefined) return { kind: "unknown_version" }
  if (!known.loaded && storedAt > (known.unloadedAt ?? 0)) return { kind: "unavailable" }
  const { digest, signature, signatureDigest } = known
  const { config } = release
  const found = { kind: "version", version, digest, signature, signatureDigest } as const
  return config === undefined ? found : { ...found, config }
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
  readonly #logger: Logger | undefined
  readonly #abort = new AbortController()
  readonly #models = new Map<string, Release>()
  readonly #broken: BrokenModels
  /** Up to which sequence a model was read anew: what follows up to there is folded in already. */
  readonly #mendedUpTo = new Map<string, number>()
  readonly #listeners = new Set<ReleaseListener>()
  readonly #waiters = new Set<Waiter>()
  readonly #running: Promise<undefined>
  #position = 0
  #failure: { readonly cause: unknown } | undefined

  /** Resolves after `close`; rejects when the projection ends by itself, as with a lost log. */
  readonly done: Promise<void>

  constructor(log: Log, logger?: Logger) {
    this.#log = log
    this.#logger = logger
    this.#broken = new BrokenModels(log, logger, (at) => this.#mended(at))
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

  /**
   * By name, in the order of their first registration. Of a model that is broken, what was known
   * before the fact that cannot be read: to look at, not to serve.
   */
  models(): ReadonlyMap<string, Release> {
    if (this.#failure !== undefined) throw this.#failure.cause
    return this.#models
  }

  /** Models whose releases cannot be read, with what stands in the way. */
  broken(): ReadonlyMap<string, ReleaseUnreadable> {
    this.models()
    return this.#broken.all
  }

  /** "default" if there is such a model, else the one that was registered first. */
  defaultModel(): string | undefined {
    const models = this.models()
    return models.has(DEFAULT_MODEL) ? DEFAULT_MODEL : models.keys().next().value
  }

  resolve(model: string, pinned?: string, storedAt?: number): Resolution {
    const unreadable = this.broken().get(model)
    if (unreadable !== undefined) return { kind: "unavailable", reason: unreadable.message }
    return resolveRelease(this.model(model), pinned, storedAt)
  }

  /**
   * Calls back after each fact, with the state that holds it, and when a known model breaks or is
   * mended; returns what ends the calls. A listener must not throw: that ends the projection.
   */
  onChange(listener: ReleaseListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Resolves when every fact is folded in that was stored at the time of the call: read your own
   * writes. A model that was mended before is read anew by then.
   *
   * @throws LookupFailed when the log cannot be asked, ReleasesClosed, or what ended the
   * projection.
   */
  async caughtUp(): Promise<void> {
    const lookup = lookUp(this.#log, EVENTS, { last_by_subj: ALL_RELEASES })
    const last = await Promise.race([lookup, this.#running])
    if (this.#failure !== undefined) throw this.#failure.cause
    await this.#broken.look()
    const sequence = last?.sequence ?? 0
    if (sequence <= this.#position) return
    await new Promise<void>((resolve, reject) => this.#waiters.add({ sequence, resolve, reject }))
  }

  async close(): Promise<void> {
    this.#broken.close()
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
    this.#broken.close()
    this.#failure = { cause }
    for (const waiter of this.#waiters) waiter.reject(cause)
    this.#waiters.clear()
  }

  #apply(entry: Entry): void {
    this.#fold(entry)
    this.#position = entry.sequence
    for (const waiter of this.#waiters) {
      if (waiter.sequence > entry.sequence) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  #fold(entry: Entry): void {
    const { subject, sequence } = entry
    const model = modelOfEvent(subject)
    if (!isModelName(model)) {
      const fields = { subject, sequence }
      this.#logger?.error("a release fact of no valid model name is left out", fields)
      return
    }
    if (this.#broken.passes(model, sequence)) return
    if (sequence <= (this.#mendedUpTo.get(model) ?? 0)) return
    try {
      const before = this.#models.get(model) ?? initialRelease(model)
      this.#models.set(model, evolve(before, readReleaseFact(entry), entry.storedAt))
    } catch (cause) {
      if (!(cause instanceof ReleaseUnreadable)) throw cause
      this.#broken.add(cause)
    }
    this.#tell(model)
  }

  #mended({ release, sequence }: ReleaseAt): void {
    const { model } = release
    this.#mendedUpTo.set(model, sequence)
    // Nothing may be left of it but what could not be read.
    if (sequence === 0) this.#models.delete(model)
    else this.#models.set(model, release)
    this.#tell(model, release)
  }

  #tell(model: string, release = this.#models.get(model)): void {
    if (release === undefined) return
    for (const listener of this.#listeners) listener(model, release)
  }
}

/**
 * Opens the projection and resolves when it holds every fact that was stored at the time of the
 * call. Watch `done`.
 *
 * @param logger Told of models that break and are mended.
 * @throws LookupFailed, or NatsError when there is no stream.
 */
export const openReleases = async (log: Log, logger?: Logger): Promise<Releases> => {
  const releases = new Releases(log, logger)
  try {
    await releases.caughtUp()
    return releases
  } catch (cause) {
    await releases.close()
    throw cause
  }
}
