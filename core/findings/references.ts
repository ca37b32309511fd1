// References where they are kept: as artifacts by digest, built from a range of the log or a file.
// The first rows and the first window are built by whoever folds the log.
import { readFile } from "node:fs/promises"
import { addCsv } from "#core/drift/csv"
import { readReference, writeReference, type ReferenceOrigin } from "#core/drift/reference"
import { canonicalJson } from "#core/drift/evaluated"
import { addRows, type ColumnPlan } from "#core/drift/columns"
import type { DriftSettings, ReferenceSource } from "#core/drift/settings"
import { TableBuilder, type Table } from "#core/drift/table"
import { seedOf } from "#core/statistics/seeded-random"
import type { WindowEvaluated } from "#proto/finding"
import type { DriftReference } from "#proto/drift-reference"
import { UnreadableRecord } from "#proto/message-pack"
import { ArtifactCorrupt, artifactDigest, type ArtifactStore } from "../registry/artifacts.ts"
import type { Release } from "../registry/release.ts"
import type { FactSource } from "./sources.ts"
import { versionInForce, type Plans } from "./versions.ts"

export interface LoadedReference {
  readonly digest: string
  readonly reference: DriftReference
  readonly table: Table
}

/**
 * What of the configuration a reference answers to; `profile` is the digest of the champion's. An
 * artifact that was made elsewhere says nothing of it: it is the configuration that names it.
 */
export const askedOf = (
  { reference, rowsMax }: Pick<DriftSettings, "reference" | "rowsMax">,
  profile: string | undefined,
): string =>
  reference.kind === "profile"
    ? canonicalJson({ ...reference, digest: profile })
    : canonicalJson({ ...reference, rowsMax })

/** Whether the configuration names this very reference, by its digest. */
export const isNamed = (
  { digest }: LoadedReference,
  { reference }: Pick<DriftSettings, "reference">,
  profile: string | undefined,
): boolean =>
  digest ===
  (reference.kind === "profile"
    ? profile
    : reference.kind === "digest"
      ? reference.digest
      : undefined)

/** Whether a reference answers to the configuration, or was put in the place of one that does. */
export const answersTo = (
  loaded: LoadedReference,
  settings: Pick<DriftSettings, "reference" | "rowsMax">,
  profile: string | undefined,
): boolean =>
  isNamed(loaded, settings, profile) || loaded.reference.asked === askedOf(settings, profile)

/** A configured reference in words: the origin of what was taken of it. */
export const sourceWords = (source: ReferenceSource): string => {
  switch (source.kind) {
    case "first":
      return `first ${source.rows} rows`
    case "window":
      return "first window"
    case "range":
      return `range ${source.from} to ${source.to}`
    case "file":
      return `file ${source.path}`
    case "digest":
      return `artifact ${source.digest}`
    case "profile":
      return "training profile"
  }
}

export interface FileQuestion {
  readonly model: string
  readonly settings: Pick<DriftSettings, "rowsMax">
  readonly plans: Plans
  readonly release: Release | undefined
}

/**
 * The rows of a CSV file, by the columns of the version in force; of more than `rowsMax` a sample
 * that is the same each time.
 *
 * @throws Error when the file cannot be read, or is no table of such columns.
 */
export const readFileTable = async (
  { model, settings, plans, release }: FileQuestion,
  path: string,
): Promise<Table> => {
  const columns = (plans(versionInForce(release)) ?? []).map(({ column }) => column)
  const table = new TableBuilder(settings.rowsMax, seedOf(`${model} ${path}`))
  addCsv(await readFile(path, "utf8"), columns, table)
  return table.finish()
}

/** Stores a table as a reference; resolves to its digest. @throws UnreadableRecord */
export const putReference = async (
  store: ArtifactStore,
  table: Table,
  origin: ReferenceOrigin,
): Promise<string> => {
  const { bytes, digest } = writeReference(table, origin)
  await store.put(bytes)
  return digest
}

/** Whether bytes that are there are what failed, as they will again. */
export const isUnreadable = (cause: unknown): cause is ArtifactCorrupt | UnreadableRecord =>
  cause instanceof ArtifactCorrupt || cause instanceof UnreadableRecord

/** @throws ArtifactMissing, ArtifactCorrupt, UnreadableRecord */
export const getReference = async (
  store: ArtifactStore,
  digest: string,
): Promise<LoadedReference> => {
  const pieces: Array<Uint8Array> = []
  for await (const piece of store.open(digest)) pieces.push(piece)
  const bytes = new Uint8Array(Buffer.concat(pieces))
  const found = artifactDigest(bytes)
  if (found !== digest)
    throw new ArtifactCorrupt({ digest, reason: `its bytes have the digest ${found}` })
  return { digest, ...readReference(bytes) }
}

export interface RangeOptions {
  readonly from: number
  readonly to: number
  readonly rowsMax: number
  readonly seed: number
  readonly plans: (version: string | undefined) => ReadonlyArray<ColumnPlan> | undefined
}

/** The rows of a window as the fold had them, sample included. */
export const readWindow = (
  {
    source,
    settings,
    plans,
  }: {
    readonly source: FactSource
    readonly settings: DriftSettings
    readonly plans: RangeOptions["plans"]
  },
  { model, window: { from, to } }: WindowEvaluated,
): Promise<Table> => {
  const { rowsMax } = settings
  return readTable(source, { from, to, rowsMax, seed: seedOf(`${model} ${from}`), plans })
}

/** The rows of a model's facts in a range of positions, both ends included. */
export const readTable = async (source: FactSource, options: RangeOptions): Promise<Table> => {
  const { from, to, plans } = options
  const table = new TableBuilder(options.rowsMax, options.seed)
  for await (const { fact } of source.read(from, to)) {
    const known = plans(fact.version)
    if (known !== undefined) addRows(fact, known, table)
  }
  return table.finish()
}
