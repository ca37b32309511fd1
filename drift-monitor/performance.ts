// The watch over how good answers were: one reader of the long log for all models, because facts
// and outcomes have to be taken in their one order. What it finds of a window is a function of the
// log alone, so a restart folds again and writes only what differs. It stands beside the drift
// watches because it folds the same facts and writes to the same findings.
import { settingsOf, type DriftConfig } from "../core/drift/config.ts"
import type { WindowRule } from "../core/drift/window.ts"
import {
  appendPerformance,
  readPerformance,
  samePerformance,
} from "../core/findings/performance.ts"
import type { KnownPerformance } from "../core/findings/performance.ts"
import { entryAt, seek } from "../core/log/history.ts"
import type { Log } from "../core/log/log.ts"
import type { HistoryMessage, HistoryTail } from "../core/outcomes/history-messages.ts"
import { Ledger } from "../core/outcomes/ledger.ts"
import { Calibrations, measured, taskOf } from "../core/outcomes/measure.ts"
import { signaturesOf } from "../core/outcomes/past.ts"
import type { Releases } from "../core/registry/releases.ts"
import type { Logger } from "../core/service/logger.ts"
import type { PerformanceMeasured } from "../proto/outcome.ts"
import { HISTORY } from "../proto/subjects.ts"
import type { PerformanceMetrics } from "./performance-metrics.ts"

export interface PerformanceOptions {
  readonly log: Log
  /** What the other watches of this process follow too. */
  readonly tail: HistoryTail
  readonly releases: Releases
  readonly config: DriftConfig
  readonly horizonMillis: number
  readonly factsMax: number
  readonly metrics: PerformanceMetrics
  readonly logger: Logger
  readonly now: () => number
}

/** Windows by marks wait for people; labels do not. */
const ROWS_INSTEAD_OF_MARKS: WindowRule = { kind: "rows", rows: 1_000 }
/** Labels come one by one: so long they are gathered before windows are measured again. */
const REPORT_EVERY_MILLIS = 1_000

interface Watched {
  readonly model: string
  readonly ledger: Ledger
  readonly from: number
  known: KnownPerformance
  /** Revision of each window when it was last measured. */
  readonly measured: Map<number, number>
  calibrations: string
}

/** What the calibrations of a ledger rest on: where it changes, every estimate does. */
const calibrationsKey = (ledger: Ledger, calibrations: Calibrations): string =>
  Array.from({ length: ledger.versions.size }, (_, version) => {
    const found = calibrations.of(version)
    if (found === undefined) return "–"
    const { scores, probabilities } = found.map
    return [found.rows, ...scores, ...probabilities].join(" ")
  }).join("; ")

const isOfKnownVersion = ({ ledger }: Watched, message: HistoryMessage): boolean =>
  message.kind !== "fact" ||
  message.fact.version === undefined ||
  ledger.options.signatureOf(message.fact.version) !== undefined

const take = ({ ledger, from }: Watched, message: HistoryMessage): void => {
  if (message.kind === "outcome") ledger.takeOutcome(message.outcome)
  else if (message.kind === "fact" && message.position >= from)
    ledger.takeFact(message.fact, message.position)
}

export class PerformanceWatch {
  readonly #options: PerformanceOptions
  readonly #watched = new Map<string, Watched>()
  readonly #end = new AbortController()
  readonly #failed = Promise.withResolvers<never>()
  #running: Promise<void> = Promise.resolve()
  #firstPosition = 1

  constructor(options: PerformanceOptions) {
    this.#options = options
    this.#failed.promise.catch(() => undefined)
  }

  /** Rejects when it cannot go on. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  start(): void {
    this.#running = this.#run().catch((cause: unknown) => this.#failed.reject(cause))
  }

  async stop(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { log, tail, releases, metrics } = this.#options
    const { signal } = this.#end
    const { state } = await log.manager.streams.info(HISTORY)
    this.#firstPosition = (await entryAt(log)(state.first_seq))?.position ?? 1
    for (const model of releases.models().keys()) await this.#of(model)
    const from = Math.min(...Array.from(this.#watched.values(), (one) => one.from))
    const caughtUp = state.last_seq
    const begin = Number.isFinite(from)
      ? ((await seek(log, from)) ?? caughtUp + 1)
      : Math.max(1, state.first_seq)
    metrics.pending = () => Math.max(0, caughtUp + 1 - begin)
    let reportedAt = -Infinity
    if (state.messages === 0 || begin > caughtUp) await this.#report()
    for await (const { messages, behind } of tail.follow({ from: begin, signal })) {
      let left = messages.length
      metrics.pending = () => left + behind()
      for (const message of messages) {
        const one = this.#ready(message) ?? (await this.#open(message))
        if (one !== undefined) take(one, message)
        left--
      }
      const isCaughtUp = (messages.at(-1)?.sequence ?? 0) >= caughtUp
      if (!isCaughtUp || signal.aborted) continue
      const isDue = performance.now() - reportedAt > REPORT_EVERY_MILLIS
      if (behind() > 0 && !isDue) continue
      await this.#report()
      reportedAt = performance.now()
    }
  }

  /** Where a message belongs, when nothing has to be waited for. */
  #ready(message: HistoryMessage): Watched | undefined {
    const { model } = message
    const one = this.#watched.get(model)
    const isReady = one !== undefined && this.#options.releases.model(model) !== undefined
    return isReady && isOfKnownVersion(one, message) ? one : undefined
  }

  /** Where a message belongs; `undefined` when nobody knows its model. */
  async #open(message: HistoryMessage): Promise<Watched | undefined> {
    const { releases } = this.#options
    const { model } = message
    if (releases.model(model) === undefined) await releases.caughtUp()
    if (releases.model(model) === undefined) return undefined
    const one = await this.#of(model)
    if (!isOfKnownVersion(one, message)) await releases.caughtUp()
    return one
  }

  async #of(model: string): Promise<Watched> {
    const known = this.#watched.get(model) ?? (await this.#begin(model))
    this.#watched.set(model, known)
    return known
  }

  /** Begins at the oldest known window that is held and whose labels still count. */
  async #begin(model: string): Promise<Watched> {
    const { log, releases, config, horizonMillis, factsMax, now } = this.#options
    const known = await readPerformance(log, model)
    const findings = [...known.windows.values()].toSorted((a, b) => a.number - b.number)
    const oldest = now() - horizonMillis
    const anchor = findings.find(
      ({ window }) => window.from >= this.#firstPosition && (window.lastAt ?? 0) >= oldest,
    )
    const last = findings.at(-1)
    const from = anchor?.window.from ?? Math.max(this.#firstPosition, (last?.window.to ?? 0) + 1)
    const settings = settingsOf(config, model, false)
    const { window } = settings
    const ledger = new Ledger({
      rule: window.kind === "marks" ? ROWS_INSTEAD_OF_MARKS : window,
      from,
      firstNumber: anchor?.number ?? (last?.number ?? 0) + 1,
      horizonMillis,
      factsMax,
      signatureOf: signaturesOf(() => releases.model(model)),
      sliceFeatures: settings.slices.map(({ feature }) => feature),
    })
    return { model, ledger, from, known, measured: new Map(), calibrations: "" }
  }

  async #report(): Promise<void> {
    const { metrics, now } = this.#options
    for (const one of this.#watched.values()) {
      metrics.counted(one.model, one.ledger)
      await this.#reportModel(one)
      one.ledger.retire(now())
    }
  }

  async #reportModel(one: Watched): Promise<void> {
    const { now, metrics } = this.#options
    const { ledger, model } = one
    const task = taskOf(ledger)
    const calibrations = new Calibrations(ledger, task)
    const key = calibrationsKey(ledger, calibrations)
    const isNew = key !== one.calibrations
    one.calibrations = key
    let changed = false
    for (const window of ledger.windows) {
      if (!window.closed) continue
      if (!isNew && one.measured.get(window.number) === window.revision) continue
      changed = true
      const revision = window.revision
      // Many windows at once must not keep the connection from its heartbeats.
      await new Promise<void>((resolve) => setImmediate(resolve))
      await this.#append(one, measured(ledger, model, window, now(), task, calibrations))
      one.measured.set(window.number, revision)
    }
    if (!changed) return
    const held = ledger.windows.flatMap(({ number }) => one.known.windows.get(number) ?? [])
    metrics.show(model, held)
  }

  /** Another monitor that found the same is no rival; what it found otherwise is replaced. */
  async #append(one: Watched, finding: PerformanceMeasured): Promise<void> {
    const { log, logger } = this.#options
    for (;;) {
      const before = one.known.windows.get(finding.number)
      if (before !== undefined && samePerformance(before, finding)) return
      const sequence = await appendPerformance(log, finding, one.known.sequence)
      if (sequence !== undefined) {
        one.known.windows.set(finding.number, finding)
        one.known = { windows: one.known.windows, sequence }
        const { number, groups } = finding
        const { labelled = 0, rows = 0 } = groups[0] ?? {}
        logger.debug("performance measured", { model: one.model, number, rows, labelled })
        return
      }
      logger.info("somebody else wrote about the performance of this model", { model: one.model })
      one.known = await readPerformance(log, one.model)
    }
  }
}
