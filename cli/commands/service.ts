// `weir gateway` and `weir predictor`: one part alone, in this very process, as a container runs
// it. The services read their own configuration from environment and flags.
import { existsSync } from "node:fs"
import { CommandFailed, type Command } from "../command.ts"
import { inProject } from "../project.ts"

const service = (name: string, summary: string, about: string): Command => ({
  name,
  summary,
  usage: `Usage: ./weir ${name}

${about}
It is configured by the environment (NATS_URL names the log; .env.example lists every key with its
default), prints its configuration with secrets redacted, refuses a bad value by name, and drains on
SIGTERM.`,
  run: async (args) => {
    const main = inProject(name, "main.ts")
    if (!existsSync(main)) throw new CommandFailed(`this checkout has no ${name}/main.ts`)
    process.argv.splice(1, process.argv.length - 1, main, ...args)
    await import(main)
    // The service now owns the process, and ends it.
    return new Promise<number>(() => undefined)
  },
})

export const gateway = service(
  "gateway",
  "One gateway alone: HTTP in front of the log",
  "Answers /predict and the Open Inference Protocol, and publishes every request to the log.",
)

export const predictor = service(
  "predictor",
  "One predictor alone: runs models on what the log holds",
  "Takes requests from the log, runs the models and publishes one fact for each request.",
)

export const driftMonitor = service(
  "drift-monitor",
  "One drift-monitor alone: reads the long log and says when the data has changed",
  "Tests windows of every model's facts against a reference and appends what it found.",
)
