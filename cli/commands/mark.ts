// `weir mark`: gives the present end of the log a name, for windows and ranges.
import { setMark } from "#core/findings/marks"
import { openReleases } from "#core/registry/releases"
import type { Log } from "#core/log/log"
import { MARK_NAME_MAX_CHARACTERS } from "#proto/finding"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  readWords,
  UsageError,
  type Command,
} from "../command.ts"
import { logFlags, withFoundLog } from "../find-log.ts"

const flags = {
  model: { value: "MODEL", help: "one model (default: every registered one)" },
  ...logFlags,
} as const

const modelsOf = async (log: Log, model: string | undefined): Promise<ReadonlyArray<string>> => {
  const releases = await openReleases(log)
  const known = [...releases.models().keys()]
  await releases.close()
  if (model === undefined) return known
  if (!known.includes(model)) throw new CommandFailed(`there is no model "${model}"`)
  return [model]
}

export const mark: Command = {
  name: "mark",
  summary: "Name this moment in the log, for windows and ranges",
  usage: `Usage: ./weir mark NAME [--model MODEL]

Sets a mark behind the last stored fact. Windows by marks end at it, and ./weir drift takes
its name for --from, --to and --reference.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, positionals } = readWords(args, flags, 1)
    const [name] = positionals
    if (name === undefined || name === "" || name.length > MARK_NAME_MAX_CHARACTERS)
      throw new UsageError(`a mark needs a name of 1 to ${MARK_NAME_MAX_CHARACTERS} characters`)
    return withFoundLog("mark", set, async (log) => {
      for (const model of await modelsOf(log, set.model)) {
        const { position } = await setMark(log, model, name, Date.now())
        console.log(`${model}: "${name}" stands behind position ${position}`)
      }
      return EXIT_DONE
    })
  },
}
