// Imports a folder of models again whenever it changes, for as long as `weir up` runs.
import { closeLog, openLog } from "#core/log/log"
import { watchDirectory } from "#core/registry/watch-directory"
import { natsSettings, natsSettingsOf } from "#core/service/process-settings"
import { reasonOf } from "#core/service/logger"
import { readSettings } from "#core/service/settings"
import { describeImport, importDependencies } from "./models.ts"

/** Changes are seen at once where the file system tells; this is for those that do not. */
const LOOK_INTERVAL_MILLIS = 5_000

export interface ModelWatch {
  /** Resolves when an import under way has ended. */
  readonly close: () => Promise<void>
}

/**
 * `saidBefore` are the lines about the first import, which is not told again.
 *
 * @throws NatsUnreachable when no server answers at `natsUrl`.
 */
export const watchModels = async (
  natsUrl: string,
  folder: string,
  saidBefore: ReadonlyArray<string>,
  say: (text: string) => void,
): Promise<ModelWatch> => {
  const settings = natsSettingsOf(readSettings(natsSettings, process.env), "weir-up-models")
  const log = await openLog({ ...settings, servers: natsUrl })
  // What is refused is refused at each look: it is said when it is new.
  let before: ReadonlySet<string> = new Set(saidBefore)
  const watching = watchDirectory(importDependencies(log), folder, {
    intervalMillis: LOOK_INTERVAL_MILLIS,
    onReport: (report) => {
      const lines = new Set(describeImport(report))
      for (const line of lines.difference(before)) say(line)
      before = lines
    },
    onFailure: (cause) => say(`models are not imported yet: ${reasonOf(cause)}`),
  })
  return {
    close: async () => {
      await watching.close()
      await closeLog(log)
    },
  }
}
