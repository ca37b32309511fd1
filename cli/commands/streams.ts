// `weir streams`: what the log holds, how fast it fills, and whether the long log keeps up.
import { describeFlags, EXIT_DONE, readWords, wholeNumber, type Command } from "../command.ts"
import { jsonFlag, logFlags, withFoundLog } from "../find-log.ts"
import { readFigures } from "../streams/figures.ts"
import { figuresDocument, figuresText } from "../streams/text.ts"

const SECONDS_DEFAULT = 2
const SECONDS_MOST = 600

const flags = {
  ...logFlags,
  monitor: { value: "URL", help: "the server's monitoring pages (default: of ./weir up)" },
  over: { value: "SECONDS", help: `measures rates over so long (default ${SECONDS_DEFAULT})` },
  json: jsonFlag,
} as const

export const streams: Command = {
  name: "streams",
  summary: "What the log holds, how fast it fills, and whether copies keep up",
  usage: `Usage: ./weir streams [--over SECONDS] [--json]

For each stream: messages, size, first and last sequence, rate, share of its limits, and when it is
full at the present rate. For the queue: what is to be delivered, in work and parked. For the long
log: true lag, gaps, and for how long the hot log holds what comes before it is copied.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches } = readWords(args, flags)
    const seconds = wholeNumber("over", set.over, {
      least: 1,
      most: SECONDS_MOST,
      otherwise: SECONDS_DEFAULT,
    })
    return withFoundLog("streams", set, async (log, { monitorUrl }) => {
      const figures = await readFigures(log, set.monitor ?? monitorUrl, seconds)
      const isJson = switches.has("json")
      console.log(
        isJson ? JSON.stringify(figuresDocument(figures), undefined, 2) : figuresText(figures),
      )
      return EXIT_DONE
    })
  },
}
