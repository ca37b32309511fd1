// The rows that a model was asked about in a range of the log, and those that it is compared with.
import { readFacts } from "#core/findings/facts"
import { lastWindow } from "#core/findings/findings"
import { lastPosition, readMarks } from "#core/findings/marks"
import { getReference } from "#core/findings/references"
import { championProfile } from "#core/findings/versions"
import type { Log } from "#core/log/log"
import { FactTable } from "#core/quality/fact-table"
import { tableOfReference } from "#core/quality/reference-table"
import type { Table } from "#core/quality/table"
import { readRelease } from "#core/registry/commands"
import { jetStreamArtifacts } from "#core/registry/object-store"
import type { Release } from "#core/registry/release"
import { isModelName } from "#proto/names"
import type { Signature } from "#proto/signature"
import { CommandFailed, UsageError } from "../command.ts"
import { readPlace } from "../drift/options.ts"

/** Rows of one run over the log; more are asked for in parts. */
export const ROWS_MAX = 2_000_000

export interface Range {
  readonly from?: string
  readonly to?: string
}

export const releaseOf = async (log: Log, model: string): Promise<Release> => {
  if (!isModelName(model)) throw new UsageError(`"${model}" is no model name`)
  const { release } = await readRelease(log, model)
  if (release.versions.size === 0) throw new CommandFailed(`there is no model "${model}"`)
  return release
}

/** The signature of the live version, else of the newest. */
export const signatureOf = ({ model, versions, champion }: Release): Signature => {
  const found = versions.get(champion ?? [...versions.keys()].at(-1) ?? "")
  if (found === undefined) throw new CommandFailed(`there is no model "${model}"`)
  return found.signature
}

/** The answered rows of a range; without places, everything that the long log holds. */
export const readRows = async (log: Log, model: string, range: Range): Promise<Table> => {
  const { versions } = await releaseOf(log, model)
  const now = Date.now()
  const marks = await readMarks(log, model)
  const from = range.from === undefined ? 1 : await readPlace(log, marks, "from", range.from, now)
  const to =
    range.to === undefined
      ? await lastPosition(log)
      : await readPlace(log, marks, "to", range.to, now)
  const rows = new FactTable(ROWS_MAX)
  let unknown = 0
  for await (const { fact } of readFacts(log, model, from, to)) {
    const signature = versions.get(fact.version ?? "")?.signature
    if (signature !== undefined) rows.add(fact, signature)
    else unknown++
  }
  const without = rows.failed + unknown
  if (without > 0) console.error(`${without} facts without an output are no rows`)
  if (rows.seen > ROWS_MAX)
    throw new CommandFailed(
      `${rows.seen} rows from ${from} to ${to}, more than ${ROWS_MAX}: ask for less with --from ` +
        "and --to",
    )
  if (rows.seen === 0) throw new CommandFailed(`no row of ${model} from ${from} to ${to}`)
  return rows.finish()
}

export interface Reference {
  readonly table: Table
  /** In words. */
  readonly origin: string
}

/** What the monitor compares with, else the training profile of the live version. */
export const readReference = async (log: Log, model: string): Promise<Reference> => {
  const release = await releaseOf(log, model)
  const { finding } = await lastWindow(log, model)
  const digest = finding?.reference ?? championProfile(release)
  if (digest === undefined)
    throw new CommandFailed(
      `${model} has no reference yet: the drift-monitor takes one, or name rows that were good ` +
        "with --from and --to, --csv or --parquet",
    )
  const { table, reference } = await getReference(jetStreamArtifacts(log), digest)
  const { features } = signatureOf(release)
  return { table: tableOfReference(table, features), origin: reference.origin }
}
