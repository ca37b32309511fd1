// The first and the last lines of every process: settings are read from flags and environment and
// printed, bad ones end it with exit code 2 and their names, and the service runs until a signal.
import type { Layer } from "effect"
import { asksForHelp, describeSettings, readFlags } from "./flags.ts"
import type { Logger } from "./logger.ts"
import { loggingSettings } from "./process-settings.ts"
import { processLogger } from "./process-logger.ts"
import { runMain } from "./run-main.ts"
import {
  BAD_SETTINGS_EXIT_CODE,
  readSettings,
  SettingsInvalid,
  showSettings,
  type Environment,
  type Settings,
  type ValuesOf,
} from "./settings.ts"

/** Words of the command line after the script. */
const ARGS_AT = 2

/** Reads the settings from flags, else from the environment, and runs the service. */
export const startProcess = <S extends Settings, E>(
  name: string,
  settings: S,
  service: (values: ValuesOf<S>, logger: Logger) => Layer.Layer<never, E>,
): void => {
  const args = process.argv.slice(ARGS_AT)
  if (asksForHelp(args)) {
    process.stdout.write(`${describeSettings(settings)}\n`)
    process.exit(0)
  }
  let environment: Environment
  let values: ValuesOf<S>
  try {
    environment = { ...process.env, ...readFlags(settings, args) }
    values = readSettings(settings, environment)
  } catch (cause) {
    if (!(cause instanceof SettingsInvalid)) throw cause
    process.stderr.write(`${name}: ${cause.message}\n`)
    process.exit(BAD_SETTINGS_EXIT_CODE)
  }
  const logger = processLogger(name, readSettings(loggingSettings, environment))
  logger.info("starting", showSettings(settings, values))
  runMain(service(values, logger), logger)
}
