// Which model versions this predictor holds in memory: every champion from the moment that it is
// promoted, any other loaded version from its first request on. It follows the releases and decides
// nothing about them.
import { BATCH_ROWS_MAX } from "../core/inference/batch.ts"
import type { Engine } from "../core/inference/engine.ts"
import type { Release } from "../core/registry/release.ts"
import type { Releases } from "../core/registry/releases.ts"
import { reasonOf, type Logger } from "../core/service/logger.ts"
import type { Signature } from "../proto/signature.ts"

/** Inline batches of fewer rows would spend their time on the cost of a run instead of its rows. */
const INLINE_ROWS_ENOUGH = 16
/** Between two tries to load a model whose bytes could not be had. */
const LOAD_AGAIN_MILLIS = 1_000
/** A version that was unloaded goes when nothing has asked for it for so long. */
const LEAVE_AFTER_MILLIS = 2_000

export interface HeldVersion {
  readonly digest: string
  readonly signature: Signature
}

export interface ModelsOptions {
  readonly engine: Engine
  readonly releases: Releases
  readonly logger: Logger
  /** The model's bytes, verified against the digest. */
  readonly fetch: (digest: string) => Promise<Uint8Array>
}

const championOf = (release: Release): HeldVersion | undefined => {
  const known = release.champion === undefined ? undefined : release.versions.get(release.champion)
  return known?.loaded === true ? known : undefined
}

export class Models {
  readonly #options: ModelsOptions
  readonly #unfollow: () => void
  readonly #again = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #loading = new Map<string, Promise<void>>()
  /** Unloaded versions, which still answer what was queued before. */
  readonly #leaving = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(options: ModelsOptions) {
    this.#options = options
    this.#unfollow = options.releases.onChange((_, release) => this.#follow(release))
  }

  /** Resolves when every champion runs, or has been tried. */
  async loadChampions(): Promise<void> {
    const releases = [...this.#options.releases.models().values()]
    await Promise.all(
      releases.map(async (release) => {
        const champion = championOf(release)
        if (champion !== undefined) await this.#loadPatiently(champion)
      }),
    )
  }

  isHeld(digest: string): boolean {
    this.#leaving.get(digest)?.refresh()
    return this.#options.engine.has(digest)
  }

  /**
   * Most rows of one run: as many as still run inline, where that is enough for a batch; a worker
   * costs more than it gives for so little work.
   */
  rowsMax(digest: string): number {
    const inline = this.isHeld(digest) ? this.#options.engine.rowsInlineMax(digest) : 0
    return inline >= INLINE_ROWS_ENOUGH ? inline : BATCH_ROWS_MAX
  }

  /** Resolves when the version can run; rejects when its bytes cannot be had or loaded. */
  async hold(version: HeldVersion): Promise<void> {
    const { digest } = version
    if (this.isHeld(digest)) return
    // Everyone who waits for a version waits for the same bytes.
    const loading = this.#loading.get(digest) ?? this.#load(version)
    this.#loading.set(digest, loading)
    try {
      await loading
    } finally {
      this.#loading.delete(digest)
    }
  }

  close(): void {
    this.#unfollow()
    for (const timer of this.#again.values()) clearTimeout(timer)
    for (const timer of this.#leaving.values()) clearTimeout(timer)
  }

  async #load({ digest, signature }: HeldVersion): Promise<void> {
    const { engine, fetch, logger } = this.#options
    const bytes = await fetch(digest)
    await engine.load({ digest, bytes, signature })
    const fields = { ...this.#nameOf(digest), digest: digest.slice(0, 12) }
    logger.info("a model version is ready", fields)
    // Unloaded while it was being loaded: nobody else would let it go.
    if (!this.#isWanted(digest)) this.#leave(digest)
  }

  #follow(release: Release): void {
    const champion = championOf(release)
    if (champion !== undefined) void this.#loadPatiently(champion)
    for (const { digest, loaded } of release.versions.values())
      if (!loaded && this.#options.engine.has(digest) && !this.#isWanted(digest))
        this.#leave(digest)
  }

  #leave(digest: string): void {
    if (this.#leaving.has(digest)) return
    const timer = setTimeout(() => {
      this.#leaving.delete(digest)
      if (!this.#isWanted(digest)) void this.#options.engine.unload(digest)
    }, LEAVE_AFTER_MILLIS)
    this.#leaving.set(digest, timer)
  }

  #isWanted(digest: string): boolean {
    for (const release of this.#options.releases.models().values())
      for (const version of release.versions.values())
        if (version.loaded && version.digest === digest) return true
    return false
  }

  /** The first name that these bytes have; the same bytes may be several versions. */
  #nameOf(digest: string): { readonly model?: string; readonly version?: string } {
    for (const [model, release] of this.#options.releases.models())
      for (const [version, known] of release.versions)
        if (known.digest === digest) return { model, version }
    return {}
  }

  async #loadPatiently(version: HeldVersion): Promise<void> {
    const { digest } = version
    try {
      await this.hold(version)
    } catch (cause) {
      this.#options.logger.error("a model version cannot be loaded", {
        ...this.#nameOf(digest),
        digest: digest.slice(0, 12),
        reason: reasonOf(cause),
      })
      clearTimeout(this.#again.get(digest))
      const timer = setTimeout(() => {
        this.#again.delete(digest)
        if (this.#isWanted(digest)) void this.#loadPatiently(version)
      }, LOAD_AGAIN_MILLIS)
      this.#again.set(digest, timer)
    }
  }
}
