// Dead letters after their death: reading them, sending one again under a new id, dropping one. The
// new id follows from the old one, so that sending again is safe to repeat and the chain needs no
// search.
import { Schema } from "effect"
import { deadLetterCodec, type DeadLetter } from "#proto/dead-letter"
import { KEYED, REPLY, RETRY_OF } from "#proto/headers"
import { keyedId } from "#proto/ids"
import { isLogId, isModelName } from "#proto/names"
import { predictionCodec } from "#proto/prediction"
import {
  DEAD_LETTERS,
  deadSubject,
  predictionSubject,
  PREDICTIONS,
  rawModelAndId,
  REQUESTS,
  requestSubject,
} from "#proto/subjects"
import { ANY_MODEL, findMatching } from "./find.ts"
import { lookUp } from "./leader-lookup.ts"
import type { Log } from "./log.ts"
import type { HeaderList } from "./header-list.ts"
import type { Published } from "./publisher.ts"
import { readable } from "./readable.ts"
import type { StoredMessage } from "./read.ts"

/** Retries of one id that are told apart; nobody sends the same thing again more often. */
export const RETRIES_MAX = 100
/** In place of the caller in the digest that makes a retry's id; no caller's name has a space. */
const RETRY_CALLER = "retry of"
/** Models under which one id is dead, at most. */
const LETTERS_OF_ID_MAX = 64

/** The letter cannot be sent again as it is. */
export class RetryRefused extends Schema.TaggedError<RetryRefused>()("RetryRefused", {
  id: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `${this.id} is not sent again: ${this.reason}`
  }
}

export interface StoredLetter {
  readonly kind: "read"
  readonly letter: DeadLetter
  /** As in the subject. */
  readonly model: string
  readonly id: string
  readonly sequence: number
  readonly subject: string
}

/** What is stored in the place of a letter and is none. It can be dropped like any other. */
export interface UnreadableLetter {
  readonly kind: "unreadable"
  readonly reason: string
  /** As in the subject, be they valid names or not. */
  readonly model: string
  readonly id: string
  readonly sequence: number
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly storedAt: number
  readonly data: Uint8Array
}

export type FoundLetter = StoredLetter | UnreadableLetter

/** The letter in a message; a message that holds none says why. */
export const readLetter = ({
  data,
  sequence,
  subject,
  storedAt,
}: Pick<StoredMessage, "data" | "sequence" | "subject" | "storedAt">): FoundLetter => {
  const read = readable(deadLetterCodec, data)
  const place = { ...rawModelAndId(subject), sequence, subject }
  return read.kind === "read"
    ? { kind: "read", letter: read.value, ...place }
    : { kind: "unreadable", reason: read.reason, storedAt, data, ...place }
}

/** The letters of an id, one for each model. @throws LookupFailed. */
export const findLetters = async (
  log: Log,
  id: string,
  model: string = ANY_MODEL,
): Promise<ReadonlyArray<FoundLetter>> => {
  const found = await findMatching(log, DEAD_LETTERS, deadSubject(model, id), LETTERS_OF_ID_MAX)
  return found.map(readLetter)
}

/** The id of the n-th retry of an id, counted from 1. */
export const retryId = (model: string, id: string, attempt: number): string =>
  keyedId(RETRY_CALLER, model, `${id} ${attempt}`)

export interface Retry {
  readonly id: string
  /** Counted from 1. */
  readonly attempt: number
  /** Unreadable: its fact is stored, but cannot be read. */
  readonly state: "queued" | "answered" | "failed" | "unreadable"
}

/** A failed fact may have no letter (it came too late), and a letter no fact. */
const endOf = async (log: Log, model: string, id: string): Promise<Retry["state"] | undefined> => {
  const fact = await lookUp(log, PREDICTIONS, { last_by_subj: predictionSubject(model, id) })
  if (fact !== undefined) {
    const read = readable(predictionCodec, fact.data)
    if (read.kind === "unreadable") return "unreadable"
    return read.value.failure === undefined ? "answered" : "failed"
  }
  const letter = await lookUp(log, DEAD_LETTERS, { last_by_subj: deadSubject(model, id) })
  return letter === undefined ? undefined : "failed"
}

const stateOf = async (
  log: Log,
  model: string,
  id: string,
): Promise<Retry["state"] | undefined> => {
  const end = await endOf(log, model, id)
  if (end !== undefined) return end
  const queued = await lookUp(log, REQUESTS, { last_by_subj: requestSubject(model, id) })
  // Otherwise it may have ended between the two looks.
  return queued === undefined ? endOf(log, model, id) : "queued"
}

/** The retries of an id that the log still knows, in their order. */
export const findRetries = async (
  log: Log,
  model: string,
  id: string,
): Promise<ReadonlyArray<Retry>> => {
  const found: Array<Retry> = []
  for (let attempt = 1; attempt <= RETRIES_MAX; attempt++) {
    const retry = retryId(model, id, attempt)
    const state = await stateOf(log, model, retry)
    if (state === undefined) return found
    found.push({ id: retry, attempt, state })
  }
  return found
}

// The predictor says so in the message of a letter whose payload it had to cut.
const CUT = /\(the first \d+ of \d+ bytes are kept\)/u

/**
 * A reply would go to somebody who no longer waits, the id is made from no key, and what the server
 * read as an instruction the first time must not be one again.
 */
const isKept = (name: string): boolean =>
  name !== REPLY && name !== KEYED && name !== RETRY_OF && !name.toLowerCase().startsWith("nats-")

const refusalOf = ({ letter }: StoredLetter): string | undefined => {
  if (!isModelName(letter.model)) return `its subject names no model`
  if (!isLogId(letter.id)) return `its subject names no id`
  if (CUT.test(letter.message)) return "its bytes were not kept whole"
  return undefined
}

const describe = (published: Published): string =>
  published.kind === "unavailable"
    ? published.reason
    : published.kind === "refused"
      ? published.description
      : published.kind

/**
 * Publishes a letter's bytes and headers as its `attempt`-th retry and resolves to the new id.
 * Doing it again with the same attempt changes nothing while the log knows that id.
 *
 * @throws RetryRefused when the letter cannot be sent or the queue does not take it.
 */
export const retryLetter = async (
  log: Log,
  stored: StoredLetter,
  attempt: number,
): Promise<string> => {
  const { letter } = stored
  const refuse = (reason: string) => new RetryRefused({ id: letter.id, reason })
  const refusal = refusalOf(stored)
  if (refusal !== undefined) throw refuse(refusal)
  if (attempt > RETRIES_MAX) throw refuse(`it was sent again ${RETRIES_MAX} times`)
  const id = retryId(letter.model, letter.id, attempt)
  const kept = Object.entries(letter.headers).filter(([name]) => isKept(name))
  const headers: HeaderList = [...kept, [RETRY_OF, letter.id]]
  const published = await log.publisher.publish(
    requestSubject(letter.model, id),
    letter.payload,
    headers,
  )
  if (published.kind === "stored" || published.kind === "queued") return id
  throw refuse(`the queue did not take it (${describe(published)})`)
}
