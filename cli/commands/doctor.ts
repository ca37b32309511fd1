// `weir doctor`: looks at this machine and, when it runs, at the log, and says how to mend what is
// wrong.
import { reasonOf } from "#core/service/logger"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, type Command } from "../command.ts"
import { examine, runningLog, type Finding } from "../doctor/checks.ts"
import { readLimits } from "../log.ts"
import { modelSources } from "../up/models.ts"
import { readUpOptions } from "../up/options.ts"
import { checkSettings, checkSources } from "../up/preparation.ts"

const flags = {
  port: { value: "N", help: "port that the gateway shall have (default 8080)" },
  "grpc-port": { value: "N", help: "port for gRPC, or none (default 8081)" },
  host: { value: "ADDRESS", help: "address that it shall listen on (default 127.0.0.1)" },
  data: { value: "DIR", help: "where the log and cached models are (default .weir/data)" },
  nats: { value: "URL", help: "the log to look at (default: what ./weir up runs, else NATS_URL)" },
  json: { help: "one JSON document instead of lines" },
} as const

const MARKS = { good: "ok  ", warning: "warn", bad: "BAD " } as const

const describe = ({ check, state, found, mend }: Finding): string =>
  `${MARKS[state]} ${check}: ${found}${mend === "" ? "" : `\n       mend: ${mend}`}`

const troubleOfSettings = (): string | undefined => {
  try {
    checkSettings(process.env)
    checkSources(modelSources(undefined, process.env))
    return undefined
  } catch (cause) {
    return reasonOf(cause)
  }
}

export const doctor: Command = {
  name: "doctor",
  summary: "What is wrong on this machine, and how to mend it",
  usage: `Usage: ./weir doctor [flags]

Checks Bun, the packages, nats-server, the settings, both ports, the data folder,
disk and memory and, when the log runs, its streams and whether the long log keeps up.
Exit code 1 when something is bad; a warning alone exits 0.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches } = readWords(args, flags)
    const words = (["port", "grpc-port", "host", "data", "nats"] as const).flatMap((name) =>
      set[name] === undefined ? [] : [`--${name}=${set[name]}`],
    )
    const { host, port, grpcPort, dataFolder, natsUrl } = readUpOptions(words, process.env)
    const settingsTrouble = troubleOfSettings()
    const patient = {
      host,
      port,
      grpcPort,
      dataFolder,
      natsUrl: natsUrl ?? (await runningLog(dataFolder)) ?? (process.env["NATS_URL"] || undefined),
      limits: readLimits(settingsTrouble === undefined ? process.env : {}),
      settingsTrouble,
    }
    const findings = await examine(patient)
    const isGood = findings.every(({ state }) => state !== "bad")
    console.log(
      switches.has("json")
        ? JSON.stringify({ good: isGood, findings }, undefined, 2)
        : findings.map(describe).join("\n"),
    )
    return isGood ? EXIT_DONE : EXIT_FAILED
  },
}
