// Which configuration `weir drift` goes by, and whether it is the one that the findings in the log
// were made with: answers by another one are no account of what the monitor did.
import type { DriftConfig } from "#core/drift/config"
import { settingsDigest } from "#core/drift/evaluated"
import { misspeltNames } from "#core/drift/names"
import type { DriftSettings } from "#core/drift/settings"
import { lastEvaluated } from "#core/findings/course"
import { signaturesByModel } from "#core/findings/versions"
import type { Log } from "#core/log/log"
import { openReleases } from "#core/registry/releases"
import { UsageError } from "../command.ts"

interface Words {
  readonly config?: string
}

const given = (text: string | undefined) => (text === "" ? undefined : text)

/** The file that is meant; `undefined` where the defaults are. */
export const configPath = ({ config }: Words): string | undefined =>
  given(config) ?? given(process.env["DRIFT_CONFIG"])

export const configWords = (words: Words): string => {
  const path = configPath(words)
  if (path === undefined) return "configuration: defaults (no --config, no DRIFT_CONFIG)"
  return `configuration: ${path} (${words.config === path ? "--config" : "DRIFT_CONFIG"})`
}

/** @throws UsageError naming what the file names and no registered model has. */
export const checkConfigNames = async (log: Log, config: DriftConfig): Promise<void> => {
  if (config.defaults === undefined && config.models === undefined) return
  const releases = await openReleases(log)
  const { columns, models } = misspeltNames(config, signaturesByModel(releases.models()))
  await releases.close()
  if (columns.length > 0) throw new UsageError([...columns, ...models].join("; "))
  for (const problem of models) console.error(`weir drift: ERROR ${problem}`)
}

/** Says on stderr when the monitor's last window was judged by other settings. */
export const sayOtherConfig = async (
  log: Log,
  model: string,
  settings: DriftSettings,
): Promise<void> => {
  const last = await lastEvaluated(log, model, settings.of)
  const own = settingsDigest(settings)
  if (last === undefined || last.configuration === own) return
  console.error(
    "weir drift: the monitor's last window was made with another configuration " +
      `(${last.configuration.slice(0, 12)}) than this one (${own.slice(0, 12)})` +
      "; --config FILE or DRIFT_CONFIG names the monitor's",
  )
}
