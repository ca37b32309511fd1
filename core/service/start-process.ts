// The first and the last lines of every process: settings are read and printed, bad ones end it
// with exit code 2 and their names, and the service runs until a signal.
import type { Layer } from "effect"
import type { Logger } from "./logger.ts"
import { loggingSettings } from "./process-settings.ts"
import { processLogger } from "./process-logger.ts"
import { runMain } from "./run-main.ts"
import {
  BAD_SETTINGS_EXIT_CODE,
  readSettings,
  SettingsInvalid,
  showSettings,
  type Settings,
  type ValuesOf,
} from "./settings.ts"

/** Reads the settings from the environment and runs the service. */
export const startProcess = <S extends Settings, E>(
  name: string,
  settings: S,
  service: (values: ValuesOf<S>, logger: Logger) => Layer.Layer<never, E>,
): void => {
  let values: ValuesOf<S>
  try {
    values = readSettings(settings, process.env)
  } catch (cause) {
    if (!(cause instanceof SettingsInvalid)) throw cause
    process.stderr.write(`${name}: ${cause.message}\n`)
    process.exit(BAD_SETTINGS_EXIT_CODE)
  }
  const logger = processLogger(name, readSettings(loggingSettings, process.env))
  logger.info("starting", showSettings(settings, values))
  runMain(service(values, logger), logger)
}
