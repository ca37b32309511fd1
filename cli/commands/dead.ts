// `weir dead`: what could not be predicted: reading it, sending it again once its cause is mended,
// and dropping it. A letter stays when it is sent again, so that the chain can be told.
import {
  findRetries,
  retryLetter,
  RetryRefused,
  type Retry,
  type StoredLetter,
  type UnreadableLetter,
} from "#core/log/dead-letters"
import { eraseMessage } from "#core/log/erase"
import type { Log } from "#core/log/log"
import { isModelName } from "#proto/names"
import { DEAD_LETTERS } from "#proto/subjects"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  UsageError,
  wholeNumber,
  type Command,
} from "../command.ts"
import { newestLetters, notRetried, oneLetter } from "../dead/choose.ts"
import { letterDocument, lettersText, letterText, letterWhole } from "../dead/listing.ts"
import { jsonFlag, logFlags, withFoundLog } from "../find-log.ts"

const LIST_DEFAULT = 100
const LIST_MOST = 100_000

const flags = {
  ...logFlags,
  json: jsonFlag,
  model: { value: "MODEL", help: "only letters of this model" },
  last: { value: "N", help: `list: the newest N (default ${LIST_DEFAULT})` },
  all: { help: "retry: every letter that was never sent again" },
  again: { help: "retry: also when an earlier retry was answered" },
} as const

interface Asked {
  readonly log: Log
  readonly json: boolean
  readonly id: string | undefined
  readonly model: string | undefined
  readonly last: number
  readonly all: boolean
  readonly again: boolean
}

const idOf = ({ id }: Asked): string => {
  if (id === undefined) throw new UsageError("which dead letter? Give its id")
  // As a token of a subject it would mean other letters too.
  if (/[*>.\s]/u.test(id)) throw new UsageError(`"${id}" is no id`)
  return id
}

const list = async (asked: Asked): Promise<number> => {
  const letters = await newestLetters(asked.log, asked.model, asked.last)
  if (asked.json) console.log(JSON.stringify({ letters: letters.map(letterDocument) }))
  else console.log(lettersText(letters))
  return EXIT_DONE
}

const show = async (asked: Asked): Promise<number> => {
  const stored = await oneLetter(asked.log, idOf(asked), asked.model)
  const retries = await findRetries(asked.log, stored.model, stored.id)
  const document = () => JSON.stringify(letterWhole(stored, retries), undefined, 2)
  console.log(asked.json ? document() : letterText(stored, retries))
  return EXIT_DONE
}

const refuseRepeat = (id: string, last: Retry | undefined, again: boolean): void => {
  if (last?.state === "queued")
    throw new CommandFailed(`${id} was sent again as ${last.id}, which is still queued`)
  if (last?.state === "answered" && !again) {
    const how = "--again sends it once more"
    throw new CommandFailed(`${id} was sent again as ${last.id} and answered; ${how}`)
  }
}

const refusalOf = ({ id, reason }: UnreadableLetter): string =>
  `${id} is not sent again: ${reason}; ./weir dead drop ${id} removes it`

const retryOne = async (asked: Asked): Promise<number> => {
  const stored = await oneLetter(asked.log, idOf(asked), asked.model)
  if (stored.kind === "unreadable") throw new CommandFailed(refusalOf(stored))
  const { model, id } = stored.letter
  const retries = await findRetries(asked.log, model, id)
  const last = retries.at(-1)
  refuseRepeat(id, last, asked.again)
  const retry = await retryLetter(asked.log, stored, (last?.attempt ?? 0) + 1)
  console.log(asked.json ? JSON.stringify({ id, model, retry }) : retry)
  return EXIT_DONE
}

const say = (asked: Asked, { letter }: StoredLetter, retry: string): void => {
  const { id, model } = letter
  console.log(asked.json ? JSON.stringify({ id, model, retry }) : `${id} ${retry}`)
}

const retryAll = async (asked: Asked): Promise<number> => {
  const letters = await newestLetters(asked.log, asked.model, LIST_MOST)
  const stored = letters.filter((found) => found.kind === "read")
  const open = await notRetried(asked.log, stored)
  let refused = 0
  for (const found of letters) {
    if (found.kind === "read") continue
    refused++
    console.error(`weir: ${refusalOf(found)}`)
  }
  for (const one of open) {
    try {
      say(asked, one, await retryLetter(asked.log, one, 1))
    } catch (cause) {
      if (!(cause instanceof RetryRefused)) throw cause
      refused++
      console.error(`weir: ${cause.message}`)
    }
  }
  const skipped = stored.length - open.length
  if (skipped > 0) console.error(`${skipped} were sent again before and are left alone`)
  if (letters.length === 0) console.error("there are no dead letters")
  return refused === 0 ? EXIT_DONE : EXIT_FAILED
}

const retry = (asked: Asked): Promise<number> => {
  if (!asked.all) return retryOne(asked)
  if (asked.id !== undefined) throw new UsageError("give an id or --all, not both")
  return retryAll(asked)
}

const drop = async (asked: Asked): Promise<number> => {
  const { id, model, sequence } = await oneLetter(asked.log, idOf(asked), asked.model)
  await eraseMessage(asked.log, DEAD_LETTERS, sequence)
  const text = `the dead letter of ${id} (${model}) is dropped; its fact stays`
  console.log(asked.json ? JSON.stringify({ id, model, dropped: true }) : text)
  return EXIT_DONE
}

const actions: Readonly<Record<string, (asked: Asked) => Promise<number>>> = {
  list,
  show,
  retry,
  drop,
}

export const dead: Command = {
  name: "dead",
  summary: "Dead letters: list, show, retry, drop",
  usage: `Usage: ./weir dead list               what could not be predicted, the newest last
       ./weir dead show ID            reason, headers, bytes and retries of one
       ./weir dead retry ID|--all     sends it again under a new id, which is printed
       ./weir dead drop ID            removes the letter and its bytes; the fact stays

A letter stays when it is sent again: ./weir audit shows the chain.
Exit code 1 when there is no such letter or one is not sent again.

${describeFlags(flags)}`,
  run: async (args) => {
    const [name = "", ...rest] = args
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action === undefined)
      throw new UsageError(`expected one of ${Object.keys(actions).join(", ")}, got "${name}"`)
    const { flags: set, switches, positionals } = readWords(rest, flags, name === "list" ? 0 : 1)
    if (set.model !== undefined && !isModelName(set.model))
      throw new UsageError(`--model: "${set.model}" is no model name`)
    const last = wholeNumber("last", set.last, {
      least: 1,
      most: LIST_MOST,
      otherwise: LIST_DEFAULT,
    })
    return withFoundLog("dead", set, (log) =>
      action({
        log,
        json: switches.has("json"),
        id: positionals[0],
        model: set.model,
        last,
        all: switches.has("all"),
        again: switches.has("again"),
      }),
    )
  },
}
