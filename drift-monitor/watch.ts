// The watch over one model: what was found last says where to go on, windows are tested in their
// order, and what is found is appended only behind what this watch knows. Whoever finds that the
// findings moved on without it begins again from them.
import { settingsDigest, windowEvaluated, windowSeed } from "../core/drift/evaluated.ts"
import type { ClosedWindow } from "../core/drift/fold.ts"
import { expectedAlarms } from "../core/drift/settings.ts"
import { placeOf } from "../core/drift/place.ts"
import { joinedOrigin, joinedReference, joinReference, joins } from "../core/drift/update.ts"
import { decide } from "../core/drift/verdict.ts"
import { whyInUse } from "../core/findings/accept.ts"
import {
  appendDrift,
  appendWindow,
  lastDrift,
  lastWindow,
  reportedSince,
  sameFinding,
  type Stored,
} from "../core/findings/findings.ts"
import {
  askedOf,
  getReference,
  isUnreadable,
  type LoadedReference,
  putReference,
  readWindow,
} from "../core/findings/references.ts"
import { championProfile } from "../core/findings/versions.ts"
import { eraseArtifact } from "../core/registry/erase-artifact.ts"
import { ArtifactMissing, ArtifactStoreFull } from "../core/registry/artifacts.ts"
import type { Logger } from "../core/service/logger.ts"
import type { DriftFinding, WindowEvaluated, WindowFinding, WindowRange } from "../proto/finding.ts"
import { sinceErasures } from "./erasure-board.ts"
import type { Evaluator } from "./evaluator.ts"
import { foldFacts } from "./fold-facts.ts"
import type { DriftMetrics, OpenWindow } from "./metrics.ts"
import { takeReference, unlessUnreadable, type TakingOptions } from "./reference-taking.ts"
import { TaskQueue } from "./task-queue.ts"

export interface WatchOptions extends TakingOptions {
  readonly logger: Logger
  readonly metrics: DriftMetrics
  readonly evaluator: Evaluator
  readonly windowsQueuedMax: number
  /** Told when there is a reference to compare windows with. */
  readonly onReference: () => void
}

/** Somebody else appended to the findings of this model. */
class FindingsMoved extends Error {
  override readonly name = "FindingsMoved"
}

/** Rows of the reference were erased, and the reference with them. */
class ReferenceErased extends Error {
  override readonly name = "ReferenceErased"
}

const DAY_MILLIS = 86_400_000

export class ModelWatch {
  readonly #options: WatchOptions
  readonly #configuration: string
  /** Of this watch in the evaluation thread. */
  readonly #name: string
  #open: WindowRange | undefined
  #pending: () => number = () => 0
  #queue: TaskQueue | undefined
  #last: Stored<WindowFinding> = { finding: undefined, sequence: 0 }
  /** Of the last report about this model, whoever made it. */
  #driftSequence = 0
  /** Where the rows of the reference lie, as far as it was made from the log. */
  #rows: { readonly from: number; readonly to: number } | undefined
  #isErased = false

  constructor(options: WatchOptions) {
    this.#options = options
    const { model, settings, source } = options
    this.#name = `${source.of} of ${model}`
    this.#configuration = settingsDigest(settings)
  }

  get open(): OpenWindow {
    const { rows = 0, firstAt } = this.#open ?? {}
    const queued = this.#queue?.waiting ?? 0
    return { model: this.#options.model, rows, firstAt, queued, pending: this.#pending() }
  }

  /** Resolves when the signal has aborted; rejects with what makes going on impossible. */
  async run(): Promise<void> {
    const { signal, logger, model } = this.#options
    while (!signal.aborted) {
      try {
        await this.#session()
      } catch (cause) {
        if (cause instanceof ReferenceErased) {
          logger.info("rows of the reference were erased: taking another", { model })
          continue
        }
        if (!(cause instanceof FindingsMoved)) throw cause
        logger.info("somebody else wrote findings of this model: beginning from them", { model })
      }
    }
  }

  async #session(): Promise<void> {
    const { log, model, metrics, evaluator, source } = this.#options
    this.#last = await lastWindow(log, model, source.of)
    this.#driftSequence = (await lastDrift(log, model)).sequence
    if (this.#last.finding !== undefined) await this.#report(this.#last.finding)
    if (this.#last.finding?._tag === "WindowEvaluated") metrics.show(this.#last.finding, source.of)
    if (!(await this.#haveReference())) return
    const last = this.#last.finding
    if (last?._tag === "WindowEvaluated") await this.#join(last)
    try {
      await this.#watch()
    } finally {
      evaluator.forget(this.#name)
    }
  }

  /** Loads the reference, or takes it; false when told to stop meanwhile. */
  async #haveReference(): Promise<boolean> {
    const { model, store, settings, release, now } = this.#options
    const { finding } = this.#last
    const found = finding === undefined ? undefined : await this.#unlessErased(finding.reference)
    if (found !== undefined && found.table.rows > 0) {
      const why = whyInUse(found, settings, championProfile(release()))
      if (why !== undefined) return this.#hold(found, why)
    }
    const { after, number, persistence } = placeOf(finding, this.#configuration)
    const taken = await takeReference(this.#options, after)
    if (taken === undefined) return false
    const fields = { model, number, cleared: persistence.drifting, at: now() }
    await this.#append({ _tag: "ReferenceTaken", ...fields, ...taken })
    const before = found === undefined ? "was erased" : "is not what the configuration asks for"
    const why = finding === undefined ? "none was taken before" : `the one before ${before}`
    return this.#hold(await getReference(store, taken.reference), why)
  }

  #hold({ digest, reference, table }: LoadedReference, why: string): true {
    const { model, settings, evaluator, logger, onReference } = this.#options
    const { origin, from = 1, to, rows } = reference
    this.#rows = to === undefined ? undefined : { from, to }
    evaluator.reference(this.#name, table, settings)
    onReference()
    logger.info("windows are compared with this reference", { model, origin, rows, digest, why })
    return true
  }

  /** The reference; `undefined` where it is gone, and rows of the model were erased. */
  #unlessErased(digest: string): Promise<LoadedReference | undefined> {
    const { store, erasures, model } = this.#options
    const found = unlessUnreadable(model, `the artifact ${digest}`, getReference(store, digest))
    return found.catch((cause: unknown) => {
      if (cause instanceof ArtifactMissing && erasures.positions(model).size > 0) return undefined
      throw cause
    })
  }

  /** Ends what is under way when rows of the reference are erased. */
  #followErasures(end: () => void): () => void {
    const { erasures, model } = this.#options
    this.#isErased = false
    return erasures.follow(model, ({ positions }) => {
      const { from, to } = this.#rows ?? { from: 1, to: 0 }
      if (!positions.some((position) => position >= from && position <= to)) return
      this.#isErased = true
      end()
    })
  }

  async #watch(): Promise<void> {
    const { log, settings, signal, windowsQueuedMax, metrics, model, source } = this.#options
    const end = new AbortController()
    const queue = new TaskQueue(windowsQueuedMax, () => end.abort())
    this.#queue = queue
    const unfollow = this.#followErasures(() => end.abort())
    const options = {
      ...this.#options,
      rule: settings.window,
      rowsMax: settings.rowsMax,
      signal: AbortSignal.any([signal, end.signal]),
    }
    await foldFacts(
      {
        ...options,
        onFact: (open, added, pending) => {
          if (source.of === "predictions") metrics.read(model, added)
          this.#open = open
          this.#pending = pending
        },
        onWindow: async (closed) => {
          await queue.add(() => this.#evaluate(closed))
          return true
        },
      },
      placeOf(this.#last.finding, this.#configuration).after + 1,
    )
      .catch(async (cause: unknown) => {
        await queue.done()
        throw cause
      })
      .finally(unfollow)
    await queue.done()
    if (!this.#isErased) return
    const { finding } = this.#last
    // Whoever erases does it too; here it is certain before the next look.
    if (finding !== undefined) await eraseArtifact(log, finding.reference)
    throw new ReferenceErased()
  }

  async #evaluate(closed: ClosedWindow): Promise<void> {
    const { model, settings, evaluator, metrics, logger, now } = this.#options
    const { finding: last } = this.#last
    if (last === undefined) return
    const { range, version } = closed
    const seed = windowSeed(model, range.from, range.to)
    const { number, persistence: before, online } = placeOf(last, this.#configuration)
    const { evaluation, millis } = await evaluator.evaluate(this.#name, closed.table, seed, online)
    const context = { model, number: number + 1, reference: last.reference, settings, before }
    const finding = windowEvaluated({ range, version }, evaluation, { ...context, at: now() })
    await this.#append(finding)
    const { firstAt, lastAt, rows } = range
    const spent = firstAt === undefined || lastAt === undefined ? 0 : lastAt - firstAt
    const alarms = spent > 0 ? expectedAlarms(settings, finding, DAY_MILLIS / spent) : undefined
    metrics.evaluated(finding, this.#options.source.of, millis, alarms)
    const { verdict } = evaluation
    await this.#join(finding)
    logger.debug("window evaluated", { model, number: number + 1, rows, verdict })
  }

  /** Lets the rows of a quiet window join the reference, where that is configured. */
  async #join(finding: WindowEvaluated): Promise<void> {
    const { settings, store, evaluator, erasures, release, logger, model, now } = this.#options
    const { update } = settings
    if (update === undefined || !joins(settings, finding)) return
    const held = await this.#unlessErased(finding.reference)
    if (held === undefined) throw new ReferenceErased()
    const { table } = held
    const asked = askedOf(settings, championProfile(release()))
    const window = await sinceErasures(erasures, model, () => readWindow(this.#options, finding))
    if (this.#isErased) return
    const joined = joinReference(table, window, update, finding.seed)
    const origin = joinedOrigin(finding, update, asked)
    const digest = await putReference(store, joined, origin).catch((cause: unknown) => {
      if (!(cause instanceof ArtifactStoreFull || isUnreadable(cause))) throw cause
      logger.warn("the reference stays as it is", { model, reason: cause.message })
      return undefined
    })
    if (digest === undefined) return
    await this.#append(joinedReference(finding, digest, joined.rows, origin, now()))
    if (this.#rows !== undefined) this.#rows = { ...this.#rows, to: finding.window.to }
    evaluator.reference(this.#name, joined, settings)
  }

  /** Appends and reports; throws FindingsMoved when the findings moved on without this watch. */
  async #append(finding: WindowFinding): Promise<void> {
    const { log, model, source } = this.#options
    const sequence = await appendWindow(log, finding, this.#last.sequence, source.of)
    if (sequence === undefined) {
      // An earlier try of ours, or another monitor that found the same.
      const stored = await lastWindow(log, model, source.of)
      if (stored.finding === undefined || !sameFinding(stored.finding, finding))
        throw new FindingsMoved()
      this.#last = stored
    } else this.#last = { finding, sequence }
    await this.#report(finding)
  }

  /** Appends what is to be reported after a finding and is not yet. */
  async #report(finding: WindowFinding): Promise<void> {
    const { log, model, metrics, logger } = this.#options
    const due = decide(finding)
    let missing = due.length === 0 ? due : await this.#unreported(due)
    for (let next = missing[0]; next !== undefined; next = missing[0]) {
      const sequence = await appendDrift(log, next, this.#driftSequence)
      if (sequence === undefined) {
        const before = this.#driftSequence
        this.#driftSequence = (await lastDrift(log, model)).sequence
        if (this.#driftSequence === before) throw new FindingsMoved()
        missing = await this.#unreported(due)
        continue
      }
      this.#driftSequence = sequence
      metrics.reported(next)
      const features = next.features.map(({ name }) => name).join(", ")
      const what = next._tag === "DriftDetected" ? "drift detected" : "drift cleared"
      logger.warn(what, { model, features, number: next.number, id: next.id })
      missing = missing.slice(1)
    }
  }

  /** Reports lie behind the finding that they are about, among those of another watch. */
  async #unreported(due: ReadonlyArray<DriftFinding>): Promise<ReadonlyArray<DriftFinding>> {
    const { log, model } = this.#options
    const reported = await reportedSince(log, model, this.#last.sequence)
    return due.filter(({ id }) => !reported.has(id))
  }
}
