// A CSV file as what `weir drift` compares windows with, read as the monitor reads it.
import { addCsv } from "#core/drift/csv"
import { writeReference } from "#core/drift/reference"
import type { DriftSettings } from "#core/drift/settings"
import { TableBuilder } from "#core/drift/table"
import type { PastReference } from "#core/findings/past-windows"
import { versionInForce, type Plans } from "#core/findings/versions"
import type { Release } from "#core/registry/release"
import { reasonOf } from "#core/service/logger"
import { seedOf } from "#core/statistics/seeded-random"
import { CommandFailed } from "../command.ts"

export interface FileQuestion {
  readonly model: string
  readonly settings: DriftSettings
  readonly plans: Plans
  readonly release: Release
}

/** @throws CommandFailed naming the file and what is wrong with it. */
export const readFileReference = async (
  { model, settings, plans, release }: FileQuestion,
  path: string,
): Promise<PastReference> => {
  const columns = (plans(versionInForce(release)) ?? []).map(({ column }) => column)
  const builder = new TableBuilder(settings.rowsMax, seedOf(`${model} ${path}`))
  try {
    addCsv(await Bun.file(path).text(), columns, builder)
  } catch (cause) {
    throw new CommandFailed(`the reference ${path} cannot be used: ${reasonOf(cause)}`)
  }
  const table = builder.finish()
  const origin = `file ${path}`
  return { table, origin, digest: writeReference(table, { model, origin, asked: "" }).digest }
}
