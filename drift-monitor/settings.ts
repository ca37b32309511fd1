// What can be configured of a drift-monitor by its environment; windows, tests and references are
// in the YAML file that DRIFT_CONFIG names.
import { alertSettings } from "../core/alerts/settings.ts"
import { DriftConfigInvalid } from "../core/drift/config.ts"
import { readDriftConfig } from "../core/drift/config-file.ts"
import { limitSettings, loggingSettings, natsSettings } from "../core/service/process-settings.ts"
import {
  integer,
  optionalText,
  port,
  text,
  toggle,
  type ValuesOf,
} from "../core/service/settings.ts"

export const driftMonitorSettings = {
  ...natsSettings,
  ...loggingSettings,
  ...limitSettings,
  driftEnabled: toggle("DRIFT_ENABLED", "Sends an alert when drift begins or is over", false),
  ...alertSettings,
  // Read at once, so that a mistake in the file ends the start of whoever would begin with it.
  driftConfig: {
    ...optionalText("DRIFT_CONFIG", "YAML file with windows, references and tests"),
    read: (path: string) => {
      try {
        readDriftConfig(path)
      } catch (cause) {
        if (!(cause instanceof DriftConfigInvalid)) throw cause
        throw new Error(`a drift configuration that can be used (${cause.reason})`)
      }
      return path
    },
  },
  windowsQueuedMax: integer(
    "WEIR_DRIFT_QUEUED_WINDOWS",
    "Windows of a model that wait to be tested; reading goes on until there are so many",
    16,
    1,
    1_000,
  ),
  outcomesHorizonDays: integer(
    "WEIR_OUTCOMES_HORIZON_DAYS",
    "Labels that come later after their request do not count, days",
    30,
    1,
    3_650,
  ),
  outcomesFactsMax: integer(
    "WEIR_OUTCOMES_FACTS_MAX",
    "Facts of a model that wait for labels in memory, some 700 bytes each; the oldest go first",
    200_000,
    1_000,
    20_000_000,
  ),
  statusPort: port("WEIR_STATUS_PORT", "Port of health and metrics; 0 takes any free one", 0),
  statusHost: text("WEIR_STATUS_HOST", "Address of health and metrics", "127.0.0.1"),
} as const

export type DriftMonitorSettings = ValuesOf<typeof driftMonitorSettings>
