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
import type { MarkBoard } from "./mark-board.ts"
import type { DriftMetrics, OpenWindow } from "./metrics.ts"
import { ReferenceUnusable } from "./reference-taking.ts"
import { ModelWatch } from "./watch.ts"

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

  /** A mark that is misspelt never comes, and nothing else would show it. */
  #sayAwaited(model: string, marks: ReadonlyArray<string>, metrics: DriftMetrics): void {
    const { logger } = this.#options
    if (marks.length === 0) {
      metrics.watching(model)
      logger.info("the marks of the reference have come", { model })
      return
    }
    metrics.off(model)
    const names = marks.join(", ")
    logger.warn("drift of this model is off until the marks of its reference are set", {
      model,
      marks: names,
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
        onAwaited: (marks) => this.#sayAwaited(model, marks, metrics),
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
    const running: Promise<void> = watch
      .run()
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
}
