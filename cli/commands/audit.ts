// `weir audit`: the whole story of one id, from the request to what was made of its answer.
import { isLogId, isModelName } from "#proto/names"
import { storyDocument } from "../audit/story-document.ts"
import { storyText } from "../audit/story-text.ts"
import { findStory } from "../audit/story.ts"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  readWords,
  UsageError,
  wholeNumber,
  type Command,
} from "../command.ts"
import { jsonFlag, logFlags, withFoundLog } from "../find-log.ts"

/** Headers of the long log are read at some 100,000 a second. */
const SCAN_DEFAULT = 20_000_000
const SCAN_MOST = 1_000_000_000

const flags = {
  ...logFlags,
  json: jsonFlag,
  model: {
    value: "MODEL",
    help: "the model that was asked; needed only where several know the id",
  },
  scan: {
    value: "N",
    help: `facts of the long log to look through at most, the newest (default ${SCAN_DEFAULT})`,
  },
} as const

export const audit: Command = {
  name: "audit",
  summary: "The whole story of one id",
  usage: `Usage: ./weir audit ID [--model MODEL] [--json]

Request, caller, times, batch with its members (checked by their digest), the model's bytes and the
decisions that made it answer, output or failure, dead letter, chain of retries, drift windows,
ground truth. What the hot log has dropped is looked for in the long log.
Exit code 1 when the log knows nothing of the id.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, 1)
    const [id] = positionals
    if (id === undefined) throw new UsageError("which id? Answers carry it as Weir-Id")
    if (!isLogId(id)) throw new UsageError(`"${id}" is no id ([A-Za-z0-9_-]{1,64})`)
    const { model } = set
    if (model !== undefined && !isModelName(model))
      throw new UsageError(`--model: "${model}" is no model name`)
    const scanMost = wholeNumber("scan", set.scan, {
      least: 1,
      most: SCAN_MOST,
      otherwise: SCAN_DEFAULT,
    })
    return withFoundLog("audit", set, async (log) => {
      const story = await findStory(log, { id, model, scanMost })
      if (story === undefined) {
        const where = model === undefined ? "the log" : `the log of model "${model}"`
        throw new CommandFailed(
          `${where} knows nothing of "${id}": no request, fact, copy or dead letter has this id`,
        )
      }
      const isJson = switches.has("json")
      console.log(isJson ? JSON.stringify(storyDocument(story), undefined, 2) : storyText(story))
      return EXIT_DONE
    })
  },
}
