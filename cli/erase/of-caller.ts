// The ids that a caller asked under, as far as the log still has them: in both logs, in the dead
// letters, and in the queue.
import { ANY_MODEL, eachMatching } from "#core/log/find"
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { deadLetterCodec } from "#proto/dead-letter"
import { CALLER } from "#proto/headers"
import { predictionCodec } from "#proto/prediction"
import {
  ALL_PREDICTIONS,
  ALL_REQUESTS,
  DEAD_LETTERS,
  HISTORY,
  historySubject,
  modelAndId,
  PREDICTIONS,
  REQUESTS,
} from "#proto/subjects"
import { startProgress } from "../progress.ts"

const PROGRESS_EVERY = 1_000

const includes = (data: Uint8Array, text: string): boolean =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).includes(text)

const firstSequence = async (log: Log, stream: string): Promise<number> =>
  Math.max(1, (await log.manager.streams.info(stream)).state.first_seq)

async function* factsOf(
  log: Log,
  stream: string,
  filter: string,
  caller: string,
): AsyncGenerator<string> {
  const progress = startProgress()
  const range = { stream, from: await firstSequence(log, stream), to: Infinity, filter }
  let read = 0
  for await (const { data, pending } of readRange(log, range)) {
    read++
    if (read % PROGRESS_EVERY === 0)
      progress.show(`looking for ${caller} in ${stream}: ${read} of ${read + pending} facts`)
    // Decoding a fact costs more than looking for the name in its bytes.
    if (!includes(data, caller)) continue
    const fact = predictionCodec.decode(data)
    if (fact.caller === caller) yield fact.id
  }
  progress.end()
}

/** @throws LookupFailed, UnreadableRecord, RangeGone. */
export const idsOfCaller = async (log: Log, caller: string): Promise<ReadonlySet<string>> => {
  const ids = new Set<string>()
  for await (const id of factsOf(log, HISTORY, historySubject(ANY_MODEL), caller)) ids.add(id)
  for await (const id of factsOf(log, PREDICTIONS, ALL_PREDICTIONS, caller)) ids.add(id)
  const dead = { stream: DEAD_LETTERS, from: await firstSequence(log, DEAD_LETTERS), to: Infinity }
  for await (const { data } of readRange(log, dead)) {
    const letter = includes(data, caller) ? deadLetterCodec.decode(data) : undefined
    if (letter?.headers[CALLER] === caller) ids.add(letter.id)
  }
  const { state } = await log.manager.streams.info(REQUESTS)
  for await (const waiting of eachMatching(log, REQUESTS, ALL_REQUESTS)) {
    const { subject, headers, sequence } = waiting
    // A busy queue has no end.
    if (sequence > state.last_seq) break
    const id = modelAndId(subject)?.id
    if (id !== undefined && headers?.get(CALLER) === caller) ids.add(id)
  }
  return ids
}
