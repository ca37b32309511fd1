// The model that a command about ground truth is asked about, and what slices it.
import type { Log } from "#core/log/log"
import { readRelease } from "#core/registry/commands"
import type { Release } from "#core/registry/release"
import { readSettings } from "#core/service/settings"
import { isModelName } from "#proto/names"
import type { Signature } from "#proto/signature"
import { driftMonitorSettings } from "../../drift-monitor/settings.ts"
import { CommandFailed, UsageError } from "../command.ts"

export interface FoundModel {
  readonly release: Release
  /** Of the champion, or of the last version. */
  readonly signature: Signature
}

const DAY_MILLIS = 86_400_000
const { outcomesHorizonDays } = driftMonitorSettings

/** Labels that come later do not count: as the environment tells the monitor. */
export const horizonMillis = (): number =>
  readSettings({ outcomesHorizonDays }, process.env).outcomesHorizonDays * DAY_MILLIS

/** @throws UsageError for what is no name, CommandFailed where no version is registered. */
export const findModel = async (log: Log, model: string): Promise<FoundModel> => {
  if (!isModelName(model)) throw new UsageError(`"${model}" is no model name`)
  const { release } = await readRelease(log, model)
  const latest = release.champion ?? [...release.versions.keys()].at(-1) ?? ""
  const signature = release.versions.get(latest)?.signature
  if (signature === undefined) throw new CommandFailed(`there is no model "${model}"`)
  return { release, signature }
}

/** Features named with commas between them, or those that are texts or have categories. */
export const sliceFeatures = (
  text: string | undefined,
  { features }: Signature,
): ReadonlyArray<string> => {
  if (text === undefined)
    return features
      .filter(({ type, categories }) => type === "string" || categories !== undefined)
      .map(({ name }) => name)
  const names = text.split(",").map((name) => name.trim())
  const unknown = names.find((name) => !features.some((one) => one.name === name))
  if (unknown === undefined) return names
  const known = features.map(({ name }) => name).join(", ")
  throw new UsageError(`--slice: expected some of ${known}, got "${unknown}"`)
}
