// One watch for each model that has a suite for its windows, from the moment that it is set. When
// one of them cannot go on, the monitor ends: windows silently unjudged would be worse.
import type { Gates } from "../core/gates/gates.ts"
import type { Log } from "../core/log/log.ts"
import type { Releases } from "../core/registry/releases.ts"
import type { Logger } from "../core/service/logger.ts"
import type { QualityMetrics } from "./quality-metrics.ts"
import { QualityWatch } from "./quality-watch.ts"

/** Rows of a window that are held at once, as the drift watch holds them by default. */
export const QUALITY_ROWS_MAX = 100_000

export interface QualityMonitorOptions {
  readonly log: Log
  readonly gates: Gates
  readonly releases: Releases
  readonly metrics: QualityMetrics
  readonly logger: Logger
  readonly now: () => number
}

export class QualityMonitor {
  readonly #options: QualityMonitorOptions
  readonly #watched = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  readonly #abort = new AbortController()
  readonly #failed = Promise.withResolvers<never>()
  readonly #unfollow: () => void

  constructor(options: QualityMonitorOptions) {
    this.#options = options
    this.#failed.promise.catch(() => undefined)
    this.#unfollow = options.gates.onChange((model) => this.#watch(model))
    for (const model of options.gates.models()) this.#watch(model)
  }

  /** Rejects when a watch cannot go on. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  async stop(): Promise<void> {
    this.#unfollow()
    this.#abort.abort()
    await Promise.all(this.#running)
  }

  #watch(model: string): void {
    const { gates, releases } = this.#options
    if (this.#watched.has(model) || gates.suites(model).windows?.suite === undefined) return
    this.#watched.add(model)
    const watch = new QualityWatch({
      ...this.#options,
      model,
      release: () => releases.model(model),
      releasesCaughtUp: () => releases.caughtUp(),
      rowsMax: QUALITY_ROWS_MAX,
      signal: this.#abort.signal,
    })
    const running: Promise<void> = watch
      .run()
      .catch((cause: unknown) => this.#failed.reject(cause))
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }
}
