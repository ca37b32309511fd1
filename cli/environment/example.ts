// The text of `.env.example`, made from the settings that the processes read, so that it cannot say
// anything else.
import { limitSettings, loggingSettings, natsSettings } from "#core/service/process-settings"
import { environmentExample, optionalText, text } from "#core/service/settings"
import { driftMonitorSettings } from "../../drift-monitor/settings.ts"
import { gatewaySettings } from "../../gateway/settings.ts"
import { predictorSettings } from "../../predictor/settings.ts"
import { MODEL_PATH_DEFAULT, MODEL_VERSION_PATH_DEFAULT } from "../up/models.ts"

const HEADER = [
  "# Every setting of every process, with its default. Bun reads a file .env in the folder where",
  "# a process starts; containers are given the same variables. Written by",
  "# bun cli/environment/write-example.ts from the settings themselves; a test compares them.",
  "",
  "",
].join("\n")

/** What `weir up` reads besides the settings of the processes that it starts. */
const upSettings = {
  modelPath: text(
    "MODEL_PATH",
    'A single model that is imported as "default"; taken only where it is named or there',
    MODEL_PATH_DEFAULT,
  ),
  modelVersionPath: text(
    "MODEL_VERSION_PATH",
    "A file whose one line is that model's version",
    MODEL_VERSION_PATH_DEFAULT,
  ),
  natsServer: optionalText(
    "WEIR_NATS_SERVER",
    "The nats-server to start; without it .weir/bin, PATH and ~/go/bin are searched",
  ),
} as const

export const environmentFile = (): string =>
  HEADER +
  environmentExample([
    { title: "The log", settings: natsSettings },
    { title: "What the processes print", settings: loggingSettings },
    {
      title: "Limits of the log; every process of one system needs the same",
      settings: limitSettings,
    },
    { title: "weir up", settings: upSettings },
    { title: "Gateway", settings: gatewaySettings },
    { title: "Predictor", settings: predictorSettings },
    { title: "Drift monitor", settings: driftMonitorSettings },
  ])
