// The retries of what is erased: the same inputs under other ids. Anybody may claim to retry
// anything, so that only what the same caller sent counts.
import { ANY_MODEL } from "#core/log/find"
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { deadLetterCodec } from "#proto/dead-letter"
import { CALLER, RETRY_OF } from "#proto/headers"
import { predictionCodec, PREDICTION_LAYOUT } from "#proto/prediction"
import {
  ALL_PREDICTIONS,
  DEAD_LETTERS,
  HISTORY,
  historySubject,
  PREDICTIONS,
} from "#proto/subjects"
import { startProgress } from "../progress.ts"
import { findHoldings, type Holdings } from "./places.ts"

/** Nil in MessagePack. */
const NIL = 0xc0
const PROGRESS_EVERY = 1_000
/** Fields behind it are left out when absent. */
const isLastField = PREDICTION_LAYOUT.fields.at(-1 - PREDICTION_LAYOUT.later) === "retryOf"

interface Retry {
  readonly id: string
  readonly caller: string | undefined
}

type Retries = ReadonlyMap<string, ReadonlyArray<Retry>>

/** A fact that ends in nil is no retry; decoding all of them would take minutes. */
const isRetry = (data: Uint8Array): boolean => !isLastField || data.at(-1) !== NIL

/** Every retry that the logs and the dead letters hold, by what it retries. */
const readRetries = async (log: Log): Promise<Retries> => {
  const retries = new Map<string, Array<Retry>>()
  const add = (retryOf: string | undefined, retry: Retry) => {
    if (retryOf === undefined) return
    const known = retries.get(retryOf) ?? []
    retries.set(retryOf, known)
    known.push(retry)
  }
  const progress = startProgress()
  const messages = async function* (stream: string, filter?: string) {
    const { state } = await log.manager.streams.info(stream)
    const range = { stream, from: Math.max(1, state.first_seq), to: Infinity, filter }
    let read = 0
    for await (const { data, pending } of readRange(log, range)) {
      read++
      if (read % PROGRESS_EVERY === 0)
        progress.show(`looking for retries in ${stream}: ${read} of ${read + pending}`)
      yield data
    }
  }
  for (const facts of [
    messages(HISTORY, historySubject(ANY_MODEL)),
    messages(PREDICTIONS, ALL_PREDICTIONS),
  ]) {
    for await (const data of facts) {
      if (!isRetry(data)) continue
      const { id, retryOf, caller } = predictionCodec.decode(data)
      add(retryOf, { id, caller })
    }
  }
  for await (const data of messages(DEAD_LETTERS)) {
    const { id, headers } = deadLetterCodec.decode(data)
    add(headers[RETRY_OF], { id, caller: headers[CALLER] })
  }
  progress.end()
  return retries
}

/** Ids next to this one in its chain, in both directions, as far as they are its caller's. */
const neighbours = async (
  log: Log,
  { id, caller, retryOf }: Holdings,
  retries: Retries,
  options: Parameters<typeof findHoldings>[2],
): Promise<ReadonlyArray<string>> => {
  const after = (retries.get(id) ?? []).filter((retry) => retry.caller === caller)
  const before = retryOf === undefined ? [] : await findHoldings(log, new Set([retryOf]), options)
  return [...after, ...before.filter((one) => one.caller === caller)].map((one) => one.id)
}

/**
 * The ids with those of all retries of the same requests. What was answered at once and is no retry
 * itself has none, so that the logs are read only where something failed.
 *
 * @throws LookupFailed, UnreadableRecord, RangeGone.
 */
export const withRetries = async (
  log: Log,
  ids: ReadonlySet<string>,
  options: Parameters<typeof findHoldings>[2],
): Promise<ReadonlySet<string>> => {
  const all = new Set(ids)
  const inChain = (one: Holdings) => one.failed || one.retryOf !== undefined
  let open = (await findHoldings(log, ids, options)).filter(inChain)
  if (open.length === 0) return all
  const retries = await readRetries(log)
  while (open.length > 0) {
    const found = new Set<string>()
    for (const one of open)
      for (const id of await neighbours(log, one, retries, options)) if (!all.has(id)) found.add(id)
    for (const id of found) all.add(id)
    // A retry that was answered is passed too: what it is a retry of may have others.
    open = found.size === 0 ? [] : [...(await findHoldings(log, found, options))]
  }
  return all
}
