// `weir provision`: the only command that creates and changes streams and consumers.
import { connectNats } from "#core/log/connection"
import { provision as provisionLog, verify } from "#core/log/provision"
import { DEFAULT_LIMITS } from "#core/log/topology"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  type Command,
} from "../command.ts"

const flags = {
  nats: { value: "URL", help: "the server or cluster (default: NATS_URL)" },
  check: { help: "change nothing; name each difference and exit 1 when there is one" },
} as const

export const provision: Command = {
  name: "provision",
  summary: "Create or change the streams of the log",
  usage: `Usage: ./weir provision [--nats URL] [--check]

Makes streams and consumers what this version of Weir describes. It may be repeated;
it deletes nothing.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches } = readWords(args, flags)
    const servers = set.nats ?? process.env["NATS_URL"]
    if (servers === undefined || servers === "") {
      throw new CommandFailed("name the server with --nats URL or NATS_URL")
    }
    const connection = await connectNats({ servers, name: "weir-provision" })
    try {
      const manager = await connection.jetstreamManager()
      if (!switches.has("check")) await provisionLog(manager, DEFAULT_LIMITS)
      const differences = await verify(manager, DEFAULT_LIMITS)
      for (const { where, field, expected, found } of differences) {
        console.error(`${where}: ${field} is ${found}, expected ${expected}`)
      }
      if (differences.length === 0) console.log("the log is what this version describes")
      return differences.length === 0 ? EXIT_DONE : EXIT_FAILED
    } finally {
      await connection.close()
    }
  },
}
