// `weir provision`: the only command that creates and changes streams and consumers.
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, type Command } from "../command.ts"
import { findLog, logFlags } from "../find-log.ts"
import { provisionLog, readLimits, verifyLog, withLog } from "../log.ts"

const flags = {
  nats: { value: "URL", help: "the server or cluster (default: NATS_URL)" },
  data: logFlags.data,
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
    const limits = readLimits(process.env)
    const servers = set.data === undefined ? set.nats : (await findLog(set)).servers
    return withLog("weir-provision", servers, async (log) => {
      if (!switches.has("check")) await provisionLog(log, limits)
      const differences = await verifyLog(log, limits)
      for (const { where, field, expected, found } of differences) {
        console.error(`${where}: ${field} is ${found}, expected ${expected}`)
      }
      if (differences.length === 0) console.log("the log is what this version describes")
      return differences.length === 0 ? EXIT_DONE : EXIT_FAILED
    })
  },
}
