// The suite of one model over its windows: each window that the drift watch found is read again and
// judged, in their order. What was found last says where to go on, so that a restart neither skips
// nor repeats a window.
import { createHash } from "node:crypto"
import type { Gates } from "../core/gates/gates.ts"
import { parseSuite } from "../core/gates/suites.ts"
import { readFacts } from "../core/findings/facts.ts"
import type { Stored } from "../core/findings/findings.ts"
import { sameQuality } from "../core/findings/quality.ts"
import {
  appendQuality,
  appendQualityReport,
  lastQuality,
  lastQualityReport,
} from "../core/findings/quality.ts"
import { follow } from "../core/log/follow.ts"
import type { Log } from "../core/log/log.ts"
import { evaluateSuite } from "../core/quality/evaluate.ts"
import { FactTable } from "../core/quality/fact-table.ts"
import { judgeWindow, reportsOf } from "../core/quality/window-verdict.ts"
import type { Release } from "../core/registry/release.ts"
import type { Logger } from "../core/service/logger.ts"
import { windowFindingCodec, windowSubject, type WindowRange } from "../proto/finding.ts"
import type { WindowFinding } from "../proto/finding.ts"
import type { QualityEvaluated, QualityReport } from "../proto/quality-finding.ts"
import { FINDINGS } from "../proto/subjects.ts"
import type { QualityMetrics } from "./quality-metrics.ts"

export interface QualityWatchOptions {
  readonly log: Log
  readonly model: string
  readonly gates: Pick<Gates, "suites">
  readonly release: () => Release | undefined
  /** Resolves when every version that facts name by now is known. */
  readonly releasesCaughtUp: () => Promise<void>
  /** Rows of a window that are held; the rest is counted. */
  readonly rowsMax: number
  readonly metrics: QualityMetrics
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly now: () => number
}

/** Somebody else appended to the findings of this model. */
class FindingsMoved extends Error {
  override readonly name = "FindingsMoved"
}

interface Window {
  readonly range: WindowRange
  readonly version: string | undefined
  /** Sequence in `FINDINGS`. */
  readonly source: number
}

/** The rows that a finding is about: its window, or what was taken as reference from the log. */
const windowOf = (finding: WindowFinding, source: number): Window | undefined => {
  if (finding._tag === "WindowEvaluated")
    return { range: finding.window, version: finding.version, source }
  const { from, to, position, rows } = finding
  if (from === undefined || to === undefined || to !== position) return undefined
  return { range: { from, to, rows, facts: 0, failed: 0 }, version: undefined, source }
}

export class QualityWatch {
  readonly #options: QualityWatchOptions
  #last: Stored<QualityEvaluated> = { finding: undefined, sequence: 0 }
  #report: Stored<QualityReport> = { finding: undefined, sequence: 0 }

  constructor(options: QualityWatchOptions) {
    this.#options = options
  }

  /** Resolves when the signal has aborted; rejects with what makes going on impossible. */
  async run(): Promise<void> {
    const { signal, logger, model } = this.#options
    while (!signal.aborted) {
      try {
        await this.#session()
      } catch (cause) {
        if (!(cause instanceof FindingsMoved)) throw cause
        logger.info("somebody else judged windows of this model: beginning from them", { model })
      }
    }
  }

  async #session(): Promise<void> {
    const { log, model, metrics, signal } = this.#options
    this.#last = await lastQuality(log, model)
    this.#report = await lastQualityReport(log, model)
    if (this.#last.finding !== undefined) {
      metrics.show(this.#last.finding)
      await this.#reportAll(this.#last.finding)
    }
    const from = (this.#last.finding?.source ?? 0) + 1
    const filter = windowSubject(model)
    for await (const entry of follow(log, { stream: FINDINGS, from, filter, signal })) {
      const finding = windowFindingCodec.decode(entry.data)
      const { suite, at } = this.#options.gates.suites(model).windows ?? { at: 0 }
      const window = windowOf(finding, entry.sequence)
      // What was found before the suite was set is history: ./weir quality --from judges it.
      if (suite === undefined || window === undefined || finding.at < at) continue
      await this.#judge(suite, window)
    }
  }

  async #judge(text: string, { range, version, source }: Window): Promise<void> {
    const { model, metrics, logger, now } = this.#options
    const begun = now()
    const suite = parseSuite(text)
    const rows = await this.#read(range)
    const table = rows.finish()
    const before = this.#last.finding
    const judged = judgeWindow(evaluateSuite(suite, table), before?.failing ?? [])
    const finding: QualityEvaluated = {
      _tag: "QualityEvaluated",
      model,
      ...(version === undefined ? {} : { version }),
      number: (before?.number ?? 0) + 1,
      window: range,
      suite: suite.name,
      suiteDigest: createHash("sha256").update(text).digest("hex"),
      source,
      rows: table.rows,
      ...judged,
      at: now(),
    }
    await this.#append(finding)
    metrics.evaluated(finding, now() - begun)
    const { verdict, number } = finding
    logger.debug("window judged", { model, number, rows: table.rows, verdict })
  }

  async #read({ from, to }: WindowRange): Promise<FactTable> {
    const { log, model, release, releasesCaughtUp, rowsMax } = this.#options
    const rows = new FactTable(rowsMax)
    for await (const { fact } of readFacts(log, model, from, to)) {
      const { version = "" } = fact
      if (version !== "" && release()?.versions.get(version) === undefined) await releasesCaughtUp()
      const signature = release()?.versions.get(version)?.signature
      if (signature !== undefined) rows.add(fact, signature)
    }
    return rows
  }

  /** Appends and reports; throws FindingsMoved when the findings moved on without this watch. */
  async #append(finding: QualityEvaluated): Promise<void> {
    const { log, model } = this.#options
    const sequence = await appendQuality(log, finding, this.#last.sequence)
    if (sequence === undefined) {
      // An earlier try of ours, or another monitor that found the same.
      const stored = await lastQuality(log, model)
      if (stored.finding === undefined || !sameQuality(stored.finding, finding))
        throw new FindingsMoved()
      this.#last = stored
    } else this.#last = { finding, sequence }
    await this.#reportAll(this.#last.finding ?? finding)
  }

  /** Appends the reports that are due after a finding and are not in the log yet. */
  async #reportAll(finding: QualityEvaluated): Promise<void> {
    const { log, model, metrics, logger } = this.#options
    const due = reportsOf(finding)
    for (const report of due.slice(this.#reported(due, finding))) {
      const sequence = await appendQualityReport(log, report, this.#report.sequence)
      if (sequence === undefined) throw new FindingsMoved()
      this.#report = { finding: report, sequence }
      metrics.reported(report)
      const names = report.expectations.map(({ type, columns }) => [type, ...columns].join(" "))
      const what = report._tag === "QualityFailed" ? "quality failed" : "quality recovered"
      logger.warn(what, { model, expectations: names.join(", "), id: report.id })
    }
  }

  #reported(due: ReadonlyArray<QualityReport>, { number }: QualityEvaluated): number {
    const last = this.#report.finding
    if (last === undefined) return 0
    if (last.number > number) return due.length
    return due.findIndex(({ id }) => id === last.id) + 1
  }
}
