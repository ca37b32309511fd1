// Which dead letters a command means: one by its id, the newest ones, or all that nobody has sent
// again yet.
import { readLetter, retryId, findLetters, findRetries } from "#core/log/dead-letters"
import type { FoundLetter, StoredLetter } from "#core/log/dead-letters"
import { ANY_MODEL, scanHistory } from "#core/log/find"
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { modelAndId, DEAD_LETTERS, deadSubject, PREDICTIONS } from "#proto/subjects"
import { CommandFailed } from "../command.ts"
import { startProgress } from "../progress.ts"

/** Facts of the long log whose headers are read to find a retry that the hot log has dropped. */
const HISTORY_MOST = 10_000_000

/** The letter of an id. @throws CommandFailed when there is none, or several and no model named. */
export const oneLetter = async (
  log: Log,
  id: string,
  model: string | undefined,
): Promise<FoundLetter> => {
  const [first, ...others] = await findLetters(log, id, model)
  if (first === undefined) throw new CommandFailed(`there is no dead letter of "${id}"`)
  if (others.length === 0) return first
  const models = [first, ...others].map((found) => found.model).join(", ")
  throw new CommandFailed(`"${id}" died under several models (${models}): choose with --model`)
}

/** The last `most` letters, the oldest first. */
export const newestLetters = async (
  log: Log,
  model: string | undefined,
  most: number,
): Promise<ReadonlyArray<FoundLetter>> => {
  const { state } = await log.manager.streams.info(DEAD_LETTERS)
  const filter = deadSubject(model ?? ANY_MODEL, ANY_MODEL)
  const range = { stream: DEAD_LETTERS, from: state.first_seq, to: Infinity, filter }
  const letters: Array<FoundLetter> = []
  for await (const entry of readRange(log, range)) {
    letters.push(readLetter(entry))
    if (letters.length > most) letters.shift()
  }
  return letters
}

const firstRetry = ({ letter }: StoredLetter): string => retryId(letter.model, letter.id, 1)

/** Of letters that are older than the hot log, those whose retry the long log holds. */
const retriedLongAgo = async (
  log: Log,
  letters: ReadonlyArray<StoredLetter>,
): Promise<ReadonlySet<string>> => {
  const { state } = await log.manager.streams.info(PREDICTIONS)
  const hotSince = state.messages === 0 ? Infinity : Date.parse(String(state.first_ts))
  const ids = new Set(letters.filter(({ letter }) => letter.diedAt < hotSince).map(firstRetry))
  if (ids.size === 0) return ids
  const progress = startProgress()
  const onProgress = (read: number, of: number) =>
    progress.show(`looking for earlier retries: ${read} of ${of} facts`)
  const found = new Set<string>()
  for await (const { subject } of scanHistory(log, { ids, most: HISTORY_MOST, onProgress })) {
    const id = modelAndId(subject)?.id
    if (id !== undefined) found.add(id)
  }
  progress.end()
  return found
}

/** The letters that were never sent again. */
export const notRetried = async (
  log: Log,
  letters: ReadonlyArray<StoredLetter>,
): Promise<ReadonlyArray<StoredLetter>> => {
  const open: Array<StoredLetter> = []
  for (const stored of letters) {
    const { model, id } = stored.letter
    if ((await findRetries(log, model, id)).length === 0) open.push(stored)
  }
  const gone = await retriedLongAgo(log, open)
  return open.filter((stored) => !gone.has(firstRetry(stored)))
}
