// One watch for each model that is registered, as soon as it is. When one of them cannot go on, the
// monitor ends: a model that is silently no longer watched would be worse.
import { settingsOf, type DriftConfig } from "../core/drift/config.ts"
import { predictionSource, truthSource, type FactSource } from "../core/findings/sources.ts"
import { misspeltNames } from "../core/drift/names.ts"
import { championProfile, plansOf, signaturesByModel } from "../core/findings/versions.ts"
import { truthSettings, type DriftSettings } from "../core/drift/settings.ts"
import type { Log } from "../core/log/log.ts"
import type { HistoryTail } from "../core/outcomes/history-messages.ts"
import type { ArtifactStore } from "../core/registry/artifacts.ts"
import type { Releases } from "../core/registry/releases.ts"
import type { Logger } from "../core/service/logger.ts"
import { withoutErased, type ErasureBoard } from "./erasure-board.ts"
import type { Evaluator } from "./evaluator.ts"
import { pause, type MarkBoard } from "./mark-board.ts"
import type { DriftMetrics, OpenWindow } from "./metrics.ts"
import { ReferenceAwaited, ReferenceUnusable } from "./reference-taking.ts"
import { ModelWatch } from "./watch.ts"

/** Between two looks whether a reference is there; marks alone would announce themselves. */
const LOOK_AGAIN_MILLIS = 2_000

export interface MonitorOptions {
  readonly log: Log
  /** What all watches of this process follow. */
  readonly tail: HistoryTail
  readonly store: ArtifactStore
  readonly releases: Releases
  readonly marks: MarkBoard
  readonly erasures: ErasureBoard
  readonly evaluator: Evaluator
  readonly config: DriftConfig
  readonly windowsQueuedMax: number
  readonly logger: Logger
  readonly now: () => number
}

export class Monitor {
  readonly #options: MonitorOptions
  readonly #watches = new Map<string, ModelWatch>()
  readonly #said = new Set<string>()
  /** What the reference of a model waits for, as it was said. */
  readonly #awaited = new Map<string, string>()
  readonly #running = new Set<Promise<void>>()
  readonly #abort = new AbortController()
  readonly #unfollow: () => void
  readonly #failed = Promise.withResolvers<never>()
  #metrics: DriftMetrics | undefined

  constructor(options: MonitorOptions) {
    this.#options = options
    this.#failed.promise.catch(() => undefined)
    this.#unfollow = options.releases.onChange((model) => {
      if (this.#metrics !== undefined) this.#sayMisspelt()
      this.#watch(model)
    })
  }

  /** Rejects when a watch cannot go on. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  /** Names that nothing has, once each: they would change nothing, and nobody would know. */
  #sayMisspelt(): void {
    const { config, releases, logger } = this.#options
    const { columns, models } = misspeltNames(config, signaturesByModel(releases.models()))
    this.#metrics?.misspelt(columns.length + models.length)
    for (const problem of [...columns, ...models]) {
      if (this.#said.has(problem)) continue
      this.#said.add(problem)
      logger.error("the drift configuration names what is not there", { problem })
    }
  }

  /** What is misspelt never comes, and nothing else would show it. */
  #sayAwaited({ model, awaited }: ReferenceAwaited): void {
    if (this.#awaited.get(model) === awaited) return
    this.#awaited.set(model, awaited)
    this.#metrics?.off(model)
    this.#options.logger.warn("drift of this model is off until its reference is there", {
      model,
      awaited,
    })
  }

  openWindows(): ReadonlyArray<OpenWindow> {
    return [...this.#watches.values()].map((watch) => watch.open)
  }

  /** Begins to watch every registered model. */
  start(metrics: DriftMetrics): void {
    this.#metrics = metrics
    for (const model of this.#options.releases.models().keys()) this.#watch(model)
    this.#sayMisspelt()
  }

  async stop(): Promise<void> {
    this.#unfollow()
    this.#abort.abort()
    await Promise.all(this.#running)
  }

  #watch(model: string): void {
    const metrics = this.#metrics
    if (metrics === undefined || this.#watches.has(model)) return
    const { log, tail, releases, config, erasures } = this.#options
    const release = () => releases.model(model)
    const settings = settingsOf(config, model, championProfile(release()) !== undefined)
    const begin = (source: FactSource, own: DriftSettings): ModelWatch => {
      const watch = new ModelWatch({
        ...this.#options,
        model,
        source: withoutErased(source, erasures, model),
        settings: own,
        metrics,
        release,
        plans: plansOf(release, own),
        releasesCaughtUp: () => releases.caughtUp(),
        onReference: () => {
          // Ground truth has a reference of its own, which says nothing of this one.
          if (source.of === "truth") return
          metrics.watching(model)
          this.#awaited.delete(model)
        },
        signal: this.#abort.signal,
      })
      metrics.watching(model)
      this.#run(watch, () => metrics.off(model))
      return watch
    }
    this.#watches.set(model, begin(predictionSource(log, model, tail), settings))
    const ofTruth = truthSettings(settings)
    if (ofTruth === undefined) return
    const signatureOf = async (version: string | undefined) => {
      const known = () => release()?.versions.get(version ?? "")?.signature
      if (known() === undefined) await releases.caughtUp()
      return known()
    }
    begin(truthSource(log, model, signatureOf, tail), ofTruth)
  }

  #run(watch: ModelWatch, onOff: () => void): void {
    const running: Promise<void> = this.#untilThere(watch)
      .catch((cause: unknown) => {
        // One model's missing reference is no reason to watch no other model.
        if (!(cause instanceof ReferenceUnusable)) {
          this.#failed.reject(cause)
          return
        }
        onOff()
        this.#options.logger.error("drift of this model is off", { reason: cause.message })
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Runs a watch, and again while its reference is not there: it may have been accepted too. */
  async #untilThere(watch: ModelWatch): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted)
      try {
        return await watch.run()
      } catch (cause) {
        if (!(cause instanceof ReferenceAwaited)) throw cause
        this.#sayAwaited(cause)
        await pause(LOOK_AGAIN_MILLIS, signal)
      }
  }
}
