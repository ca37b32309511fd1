// The chain of retries that an id belongs to, in both directions: what it is a retry of, and what
// was sent again for it.
import { findLetters, findRetries } from "#core/log/dead-letters"
import { ANY_MODEL, findHot, findMatching } from "#core/log/find"
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { readable } from "#core/log/readable"
import { RETRY_OF } from "#proto/headers"
import { predictionCodec } from "#proto/prediction"
import {
  modelAndId,
  predictionSubject,
  PREDICTIONS,
  REQUESTS,
  requestSubject,
} from "#proto/subjects"

/** Links that are followed in each direction. */
const LINKS_MOST = 100
/** Facts that are read for retries that a producer made under ids of its own. */
const OWN_RETRIES_SCAN_MOST = 100_000
/** Waiting requests that are looked at for such retries, some 3,000 a second. */
const QUEUE_MOST = 3_000

export interface Link {
  readonly id: string
  readonly state: "answered" | "failed" | "queued" | "unreadable" | "unknown"
  /** The id that it was sent again for; absent at the beginning of the chain. */
  readonly retryOf?: string
}

const linkOf = async (log: Log, model: string, id: string): Promise<Link> => {
  const [placed] = await findHot(log, id, model)
  if (placed !== undefined) {
    const read = readable(predictionCodec, placed.message.data)
    if (read.kind === "unreadable") return { id, state: "unreadable" }
    const { failure, retryOf } = read.value
    const state = failure === undefined ? "answered" : "failed"
    return { id, state, ...(retryOf === undefined ? {} : { retryOf }) }
  }
  const [letter] = await findLetters(log, id, model)
  if (letter === undefined) return { id, state: "unknown" }
  if (letter.kind === "unreadable") return { id, state: "failed" }
  const retryOf = letter.letter.headers[RETRY_OF]
  return { id, state: "failed", ...(retryOf === undefined ? {} : { retryOf }) }
}

/** From what was asked first down to the direct predecessor. */
const ancestors = async (
  log: Log,
  model: string,
  retryOf: string | undefined,
): Promise<ReadonlyArray<Link>> => {
  const links: Array<Link> = []
  let next = retryOf
  while (next !== undefined && links.length < LINKS_MOST) {
    const link: Link = await linkOf(log, model, next)
    links.unshift(link)
    next = links.some(({ id }) => id === link.retryOf) ? undefined : link.retryOf
  }
  return links
}

/** Retries under ids that do not follow from this one: in the queue, and in the hot log. */
const ownRetries = async (
  log: Log,
  model: string,
  id: string,
  after: number,
): Promise<ReadonlyArray<Link>> => {
  const links: Array<Link> = []
  const waiting = await findMatching(log, REQUESTS, requestSubject(model, ANY_MODEL), QUEUE_MOST)
  for (const { subject, headers } of waiting) {
    const found = modelAndId(subject)
    if (found !== undefined && headers?.get(RETRY_OF) === id)
      links.push({ id: found.id, state: "queued", retryOf: id })
  }
  const { state } = await log.manager.streams.info(PREDICTIONS)
  const from = Math.max(1, state.first_seq, after + 1)
  const range = { stream: PREDICTIONS, from, to: from + OWN_RETRIES_SCAN_MOST }
  const facts = { ...range, filter: predictionSubject(model, ANY_MODEL) }
  for await (const { data } of readRange(log, facts)) {
    // Decoding a fact costs more than looking for the id in its bytes.
    if (!Buffer.from(data.buffer, data.byteOffset, data.byteLength).includes(id)) continue
    const read = readable(predictionCodec, data)
    if (read.kind === "unreadable" || read.value.retryOf !== id) continue
    const { id: retry, failure } = read.value
    links.push({ id: retry, state: failure === undefined ? "answered" : "failed", retryOf: id })
  }
  return links
}

/** What was sent again for an id, and for what was sent again, the direct ones first. */
const descendants = async (
  log: Log,
  model: string,
  id: string,
  after: number,
): Promise<ReadonlyArray<Link>> => {
  const links = new Map<string, Link>()
  const open = [id]
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const retryOf = next
    const known = await findRetries(log, model, next)
    const found = [
      ...known.map((retry): Link => ({ id: retry.id, state: retry.state, retryOf })),
      ...(await ownRetries(log, model, next, after)),
    ]
    for (const link of found) {
      if (links.has(link.id) || link.id === id || links.size >= LINKS_MOST) continue
      links.set(link.id, link)
      open.push(link.id)
    }
  }
  return [...links.values()]
}

export interface Chain {
  readonly before: ReadonlyArray<Link>
  readonly after: ReadonlyArray<Link>
}

/** `position` is that of the id's own fact; 0 where there is none. */
export const findChain = async (
  log: Log,
  model: string,
  id: string,
  retryOf: string | undefined,
  position: number,
): Promise<Chain> => ({
  before: await ancestors(log, model, retryOf),
  after: await descendants(log, model, id, position),
})
