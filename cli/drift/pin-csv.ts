// `weir drift reference MODEL --csv FILE`: the profile of a model's training data as an artifact,
// and windows compared with it from then on.
import { addCsv } from "#core/drift/csv"
import { featureOf } from "#core/drift/samples"
import type { DriftSettings } from "#core/drift/settings"
import { TableBuilder, type Column, type Table } from "#core/drift/table"
import { pinReference } from "#core/findings/accept"
import { championProfile, plansOf } from "#core/findings/versions"
import type { Log } from "#core/log/log"
import { jetStreamArtifacts } from "#core/registry/object-store"
import type { Release } from "#core/registry/release"
import { present } from "#core/statistics/feature"
import { quantileSorted } from "#core/statistics/histogram"
import { seedOf } from "#core/statistics/seeded-random"
import { CommandFailed } from "../command.ts"
import { plain, table as tableText } from "../table.ts"

export interface CsvQuestion {
  readonly log: Log
  readonly model: string
  readonly release: Release
  /** Of the champion, or of the latest version. */
  readonly version: string
  readonly settings: DriftSettings
  readonly path: string
  /** Milliseconds since 1970. */
  readonly now: number
}

const QUANTILES = [0, 0.25, 0.5, 0.75, 1]
const PERCENT = 100
const figure = (value: number): string => String(Number(value.toPrecision(4)))

const row = (table: Table, column: Column): ReadonlyArray<string> => {
  const feature = featureOf(table, column, undefined)
  const nulls = feature.rows - present(feature)
  const values =
    feature.kind === "categorical"
      ? `${feature.counts.size} values`
      : feature.sorted.length === 0
        ? "no value"
        : QUANTILES.map((share) => figure(quantileSorted(feature.sorted, share))).join(" ")
  const share = `${figure((PERCENT * nulls) / Math.max(1, feature.rows))} %`
  return [plain(column.name), column.kind, share, values]
}

/** Makes and pins it; resolves to what is shown. @throws CommandFailed, CsvUnreadable */
export const pinCsv = async (question: CsvQuestion): Promise<string> => {
  const { log, model, release, version, settings, path, now } = question
  const file = Bun.file(path)
  if (!(await file.exists())) throw new CommandFailed(`there is no file ${path}`)
  const plans = plansOf(() => release, settings)
  const columns = (plans(version) ?? []).map(({ column }) => column)
  const builder = new TableBuilder(settings.rowsMax, seedOf(model))
  addCsv(await file.text(), columns, builder)
  const table = builder.finish()
  if (table.rows === 0) throw new CommandFailed(`${path} has no rows`)
  const profile = championProfile(release)
  const store = jetStreamArtifacts(log)
  const options = { log, store, model, settings, profile, plans, now }
  const { reference, position } = await pinReference(options, table, `file ${path}`)
  const heads = [
    { name: "COLUMN" },
    { name: "KIND" },
    { name: "NULLS", align: "right" },
    { name: "MIN 25% MEDIAN 75% MAX" },
  ] as const
  const found = new Set(table.columns.map(({ name }) => name))
  const missing = columns.filter(({ name }) => !found.has(name)).map(({ name }) => name)
  const sampled = table.rows < table.seen ? `, of which ${table.rows} are kept by chance` : ""
  return [
    tableText(
      heads,
      table.columns.map((column) => row(table, column)),
    ),
    ...(missing.length === 0 ? [] : [`not in the file, so not tested: ${missing.join(", ")}`]),
    `${table.seen} rows${sampled}, as artifact ${reference}`,
    `${model} is compared with them from position ${position + 1} on. To keep them with the model,`,
    `write "referenceProfile": "${reference}" into its signature.json;`,
    `to keep them in the configuration, reference: { digest: ${reference} }`,
  ].join("\n")
}
