// `weir gateway` and `weir predictor`: one part alone, in the place of this very process, as a
// container runs it. The services read their own configuration from environment and flags.
import { describeSettings } from "#core/service/flags"
import type { Settings } from "#core/service/settings"
import { driftMonitorSettings } from "../../drift-monitor/settings.ts"
import { gatewaySettings } from "../../gateway/settings.ts"
import { predictorSettings } from "../../predictor/settings.ts"
import type { Command } from "../command.ts"
import type { Service } from "../programs/services.ts"
import { becomeService } from "../programs/start-service.ts"

const service = (name: Service, summary: string, about: string, settings: Settings): Command => ({
  name,
  summary,
  usage: `Usage: ./weir ${name} [flags]

${about}
It is configured by flags and by the environment, where a flag wins over its variable. It prints its
configuration with secrets redacted, refuses a bad value or an unknown flag by name, and drains on
SIGTERM. Give secrets as variables: the flags of a process are seen by everybody on its machine.

${describeSettings(settings)}`,
  run: (args) => becomeService(name, args),
})

export const gateway = service(
  "gateway",
  "One gateway alone: HTTP in front of the log",
  "Answers /predict and the Open Inference Protocol, and publishes every request to the log.",
  gatewaySettings,
)

export const predictor = service(
  "predictor",
  "One predictor alone: runs models on what the log holds",
  "Takes requests from the log, runs the models and publishes one fact for each request.",
  predictorSettings,
)

export const driftMonitor = service(
  "drift-monitor",
  "One drift-monitor alone: reads the long log and says when the data has changed",
  "Tests windows of every model's facts against a reference and appends what it found.",
  driftMonitorSettings,
)
