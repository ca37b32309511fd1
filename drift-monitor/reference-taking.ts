// Takes what windows are compared with: the first rows or the first window of the log, a range, a
// file, or the champion's training profile. The same log gives the same bytes and digest.
import { Schema } from "effect"
import type { ClosedWindow } from "../core/drift/fold.ts"
import type { ReferenceOrigin } from "../core/drift/reference.ts"
import type { DriftSettings, ReferenceSource } from "../core/drift/settings.ts"
import {
  askedOf,
  getReference,
  isUnreadable,
  putReference,
  readFileTable,
  readTable,
  sourceWords,
} from "../core/findings/references.ts"
import { lastPosition } from "../core/findings/marks.ts"
import type { FactSource } from "../core/findings/sources.ts"
import { championProfile, type Plans } from "../core/findings/versions.ts"
import type { Log } from "../core/log/log.ts"
import { eraseArtifact } from "../core/registry/erase-artifact.ts"
import { reasonOf } from "../core/service/logger.ts"
import { seedOf } from "../core/statistics/seeded-random.ts"
import { ArtifactMissing, type ArtifactStore } from "../core/registry/artifacts.ts"
import type { Release } from "../core/registry/release.ts"
import type { ReferenceTaken } from "../proto/finding.ts"
import { foldFacts } from "./fold-facts.ts"
import { sinceErasures, type ErasureBoard } from "./erasure-board.ts"
import type { MarkBoard } from "./mark-board.ts"

export interface TakingOptions {
  readonly log: Log
  readonly source: FactSource
  readonly store: ArtifactStore
  readonly model: string
  readonly settings: DriftSettings
  readonly release: () => Release | undefined
  readonly plans: Plans
  /** Resolves when every version that facts name by now is known. */
  readonly releasesCaughtUp: () => Promise<void>
  readonly marks: MarkBoard
  readonly erasures: ErasureBoard
  readonly signal: AbortSignal
  readonly now: () => number
}

/** What was taken, and after which position windows begin. */
type Taken = Omit<ReferenceTaken, "_tag" | "model" | "number" | "cleared" | "at">

const origin = (
  { model, settings }: TakingOptions,
  words: string,
  range: { readonly from?: number; readonly to?: number } = {},
): ReferenceOrigin => ({ model, origin: words, asked: askedOf(settings, undefined), ...range })

/** Folds the log from a position on until the first window is full. */
const firstWindow = async (
  options: TakingOptions,
  rule: DriftSettings["window"],
  from: number,
): Promise<ClosedWindow | undefined> => {
  let found: ClosedWindow | undefined
  const { rowsMax } = options.settings
  const onWindow = async (closed: ClosedWindow) => {
    found ??= closed
    return false
  }
  await foldFacts({ ...options, rule, rowsMax, onFact: () => undefined, onWindow }, from)
  return found
}

/** Stores what was made of the log, unless an erasure came meanwhile: then all of it anew. */
const keep = <A>(
  { log, erasures, model }: TakingOptions,
  make: () => Promise<A>,
  put: (made: A) => Promise<string | undefined>,
): Promise<{ readonly made: A; readonly reference: string | undefined }> => {
  let stored: string | undefined
  return sinceErasures(erasures, model, async () => {
    if (stored !== undefined) await eraseArtifact(log, stored)
    const made = await sinceErasures(erasures, model, make)
    stored = await put(made)
    return { made, reference: stored }
  })
}

const takeFirst = async (
  options: TakingOptions,
  after: number,
  rule: DriftSettings["window"],
  words: string,
): Promise<Taken | undefined> => {
  const fold = () => firstWindow(options, rule, after + 1)
  const { made, reference } = await keep(options, fold, async (found) => {
    if (found === undefined) return undefined
    const { from, to } = found.range
    return putReference(options.store, found.table, origin(options, words, { from, to }))
  })
  if (made === undefined || reference === undefined) return undefined
  const { from, to, rows } = made.range
  return { reference, rows, origin: words, from, to, position: to }
}

/** The reference that a model is configured to have cannot be read or holds no rows. */
export class ReferenceUnusable extends Schema.TaggedError<ReferenceUnusable>()(
  "ReferenceUnusable",
  { model: Schema.String, reference: Schema.String, reason: Schema.String },
) {
  override get message() {
    return `${this.model}: ${this.reference} cannot be used: ${this.reason}`
  }
}

/** What becomes of a reference. @throws ReferenceUnusable where its bytes cannot be read. */
export const unlessUnreadable = <A>(model: string, reference: string, made: Promise<A>) =>
  made.catch((cause: unknown): never => {
    if (!isUnreadable(cause)) throw cause
    throw new ReferenceUnusable({ model, reference, reason: cause.message })
  })

/** The reference that a model is configured to have is not there yet. */
export class ReferenceAwaited extends Schema.TaggedError<ReferenceAwaited>()("ReferenceAwaited", {
  model: Schema.String,
  awaited: Schema.String,
}) {
  override get message() {
    return `${this.model}: the reference waits for ${this.awaited}`
  }
}

type RangeSource = ReferenceSource & { readonly kind: "range" }

/** First and last position. @throws ReferenceAwaited where a mark or the end is yet to come. */
const placesOf = async (
  { log, model, marks }: TakingOptions,
  { from, to }: RangeSource,
): Promise<{ readonly from: number; readonly to: number }> => {
  const placed = (place: number | string) =>
    typeof place === "number" ? place : marks.position(model, place)
  const [before, last] = [placed(typeof from === "number" ? from - 1 : from), placed(to)]
  if (before === undefined || last === undefined) {
    const missing = [before === undefined ? from : [], last === undefined ? to : []].flat()
    throw new ReferenceAwaited({ model, awaited: `the marks ${missing.join(", ")}` })
  }
  const end = await lastPosition(log)
  if (last > end)
    throw new ReferenceAwaited({ model, awaited: `position ${last}; the log ends at ${end}` })
  return { from: before + 1, to: last }
}

const takeRange = async (
  options: TakingOptions,
  after: number,
  source: RangeSource,
): Promise<Taken | undefined> => {
  const { source: facts, model, marks, settings, plans, signal } = options
  const { from, to } = await placesOf(options, source)
  if (!(await marks.copied(to, signal))) return undefined
  await options.releasesCaughtUp()
  const seed = seedOf(`${model} ${from}`)
  const words = sourceWords({ kind: "range", from, to })
  const range = { from, to, rowsMax: settings.rowsMax, seed, plans }
  const read = async () => {
    const table = await readTable(facts, range)
    if (table.rows > 0) return table
    const named = `reference from ${source.from} to ${source.to}`
    const reason =
      from > to
        ? `it would begin at position ${from}, behind its end at ${to}`
        : `there are no rows from position ${from} to ${to}`
    throw new ReferenceUnusable({ model, reference: named, reason })
  }
  const { made: table, reference } = await keep(options, read, (rows) =>
    putReference(options.store, rows, origin(options, words, { from, to })),
  )
  if (reference === undefined) return undefined
  const position = Math.max(after, to)
  return { reference, rows: table.seen, origin: words, from, to, position }
}

const takeFile = async (options: TakingOptions, after: number, path: string): Promise<Taken> => {
  const { model, store } = options
  const table = await readFileTable({ ...options, release: options.release() }, path).catch(
    (cause: unknown) => {
      const reference = `reference.file ${path}`
      throw new ReferenceUnusable({ model, reference, reason: reasonOf(cause) })
    },
  )
  const words = sourceWords({ kind: "file", path })
  const reference = await putReference(store, table, origin(options, words))
  return { reference, rows: table.seen, origin: words, position: after }
}

interface Named {
  readonly digest: string
  readonly origin: string
  /** Where the digest is written. */
  readonly key: string
}

const takeArtifact = async (
  { model, store }: TakingOptions,
  after: number,
  { digest, origin: words, key }: Named,
): Promise<Taken> => {
  const found = unlessUnreadable(model, `${key} ${digest}`, getReference(store, digest))
  const { table } = await found.catch((cause: unknown) => {
    if (cause instanceof ArtifactMissing)
      throw new ReferenceAwaited({ model, awaited: `the artifact ${digest}, named by ${key}` })
    throw cause
  })
  return { reference: digest, rows: table.seen, origin: words, position: after }
}

const takeProfile = async (options: TakingOptions, after: number): Promise<Taken> => {
  const { model, release } = options
  const digest = championProfile(release())
  const key = "referenceProfile of the champion's signature"
  if (digest === undefined)
    throw new ReferenceAwaited({ model, awaited: `a training profile, named by ${key}` })
  return takeArtifact(options, after, { digest, origin: sourceWords({ kind: "profile" }), key })
}

const take = (options: TakingOptions, after: number, words: string): Promise<Taken | undefined> => {
  const { reference: source, window } = options.settings
  switch (source.kind) {
    case "first":
      return takeFirst(options, after, { kind: "rows", rows: source.rows }, words)
    case "window":
      return takeFirst(options, after, window, words)
    case "range":
      return takeRange(options, after, source)
    case "file":
      return takeFile(options, after, source.path)
    case "digest": {
      const { digest } = source
      return takeArtifact(options, after, { digest, origin: words, key: "reference.digest" })
    }
    case "profile":
      return takeProfile(options, after)
  }
}

/**
 * Takes the reference that is configured; `undefined` when it was told to stop meanwhile.
 *
 * @throws ReferenceAwaited, ReferenceUnusable
 */
export const takeReference = (
  options: TakingOptions,
  after: number,
): Promise<Taken | undefined> => {
  const words = sourceWords(options.settings.reference)
  return unlessUnreadable(options.model, `reference ${words}`, take(options, after, words))
}
