// Everything that the log has about one id, gathered: its fact with where it lies, its batch, the
// decisions that made its version answer, its dead letter, its chain of retries, what came later.
import { findLetters, type FoundLetter } from "#core/log/dead-letters"
import { findErasures } from "#core/log/erasures"
import { ANY_MODEL, findHot, findMatching, scanHistory, type Placed } from "#core/log/find"
import type { Log } from "#core/log/log"
import type { StoredMessage } from "#core/log/read"
import { readable } from "#core/log/readable"
import type { Erased } from "#proto/erasure"
import { RETRY_OF } from "#proto/headers"
import { predictionCodec, type Prediction } from "#proto/prediction"
import { EVENTS, modelAndId, predictionSubject, REQUESTS, requestSubject } from "#proto/subjects"
import { CommandFailed } from "../command.ts"
import { releaseHistory, type ReleaseEvent } from "../models/release-history.ts"
import { startProgress } from "../progress.ts"
import { batchStory, type BatchStory } from "./batch.ts"
import { findChain, type Chain } from "./chain.ts"
import { findLater, outcomeOf, type Later, type Outcome, type UnreadableNote } from "./later.ts"

/** Models under which one id may wait. */
const QUEUED_MOST = 64

export interface Question {
  readonly id: string
  readonly model: string | undefined
  /** Messages of the long log to read at most, the newest ones. */
  readonly scanMost: number
}

export interface FactStory {
  readonly placed: Placed
  readonly fact: Prediction
  readonly batch: BatchStory | undefined
  /** What made its version the one that answered, the oldest first. */
  readonly releases: ReadonlyArray<ReleaseEvent>
}

export interface UnreadableFact {
  readonly placed: Placed
  readonly reason: string
}

export interface Story {
  readonly id: string
  readonly model: string
  /** Absent for an id that is queued, erased, or known by its dead letter alone. */
  readonly told: FactStory | undefined
  readonly queued: StoredMessage | undefined
  /** The fact, where it is stored but cannot be read. */
  readonly unreadable: UnreadableFact | undefined
  readonly letter: FoundLetter | undefined
  readonly chain: Chain
  readonly later: Later
  readonly erasures: ReadonlyArray<Erased>
}

interface Found {
  readonly placed: Placed | undefined
  readonly outcomes: ReadonlyArray<Outcome>
}

const single = <A>(id: string, found: ReadonlyArray<A>, modelOf: (one: A) => string) => {
  const models = [...new Set(found.map(modelOf))]
  if (models.length <= 1) return found.at(-1)
  throw new CommandFailed(`several models know "${id}" (${models.join(", ")}): choose with --model`)
}

const modelOfSubject = ({ subject }: { readonly subject: string }): string =>
  modelAndId(subject)?.model ?? ""

const inHistory = async (log: Log, { id, model, scanMost }: Question): Promise<Found> => {
  const progress = startProgress()
  const onProgress = (read: number, of: number) =>
    progress.show(`reading the long log: ${read} of ${of} facts`)
  const all: Array<Placed> = []
  const scan = { ids: new Set([id]), model, most: scanMost, onProgress }
  for await (const placed of scanHistory(log, scan)) all.push(placed)
  progress.end()
  const isFact = ({ subject }: Placed) =>
    subject === predictionSubject(modelOfSubject({ subject }), id)
  return {
    placed: single(id, all.filter(isFact), modelOfSubject),
    outcomes: all.filter((one) => !isFact(one)).map(outcomeOf),
  }
}

const queuedRequest = async (log: Log, { id, model }: Question) => {
  const subject = requestSubject(model ?? ANY_MODEL, id)
  return single(id, await findMatching(log, REQUESTS, subject, QUEUED_MOST), modelOfSubject)
}

const inHotLog = async (log: Log, { id, model }: Question) =>
  single(id, await findHot(log, id, model), modelOfSubject)

/** Up to when the work began, what was decided about the version, and the promotion in force. */
const releasesOf = async (log: Log, fact: Prediction): Promise<ReadonlyArray<ReleaseEvent>> => {
  const { model, version, times } = fact
  if (version === undefined) return []
  const before = (await releaseHistory(log, model)).filter(
    ({ storedAt }) => storedAt <= (times.begun ?? times.taken),
  )
  const last = (tag: "Promoted" | "ModelConfigured") =>
    before.findLast((event) => event.kind === "fact" && event.fact._tag === tag)
  const [promotion, configuration] = [last("Promoted"), last("ModelConfigured")]
  return before.filter((event) => {
    if (event.kind === "unreadable" || event === configuration) return true
    const { fact } = event
    if (fact._tag === "ModelConfigured" || fact.version !== version) return false
    return fact._tag !== "Promoted" || event === promotion
  })
}

const tell = async (log: Log, placed: Placed): Promise<FactStory | UnreadableFact> => {
  const read = readable(predictionCodec, placed.message.data)
  if (read.kind === "unreadable") return { placed, reason: read.reason }
  const fact = read.value
  return {
    placed,
    fact,
    batch: await batchStory(log, placed, fact),
    releases: await releasesOf(log, fact),
  }
}

const NOTHING_LATER: Later = { windows: [], drift: [], outcomes: [], unreadable: [] }

const headersOf = (letter: FoundLetter | undefined): Readonly<Record<string, string>> =>
  letter?.kind === "read" ? letter.letter.headers : {}

/** Undefined when the log knows nothing of the id. @throws CommandFailed, LookupFailed. */
export const findStory = async (log: Log, question: Question): Promise<Story | undefined> => {
  const { id } = question
  const hot = await inHotLog(log, question)
  const queued = hot === undefined ? await queuedRequest(log, question) : undefined
  const letters = await findLetters(log, id, question.model)
  const letter = single(id, letters, (found) => found.model)
  const isLookedFor = hot === undefined && queued === undefined
  const old: Found = isLookedFor
    ? await inHistory(log, question)
    : { placed: undefined, outcomes: [] }
  // It may have ended while we looked elsewhere.
  const placed = hot ?? old.placed ?? (isLookedFor ? await inHotLog(log, question) : undefined)
  const notes: Array<UnreadableNote> = []
  const note = (sequence: number, reason: string) =>
    notes.push({ stream: EVENTS, sequence, reason })
  const erasures = await findErasures(log, new Set([id]), question.model, note)
  const known = placed ?? queued
  const model = known === undefined ? (letter?.model ?? erasures[0]?.model) : modelOfSubject(known)
  if (model === undefined) return undefined
  const fact = placed === undefined ? undefined : await tell(log, placed)
  const told = fact !== undefined && "fact" in fact ? fact : undefined
  const retryOf =
    told?.fact.retryOf ?? headersOf(letter)[RETRY_OF] ?? queued?.headers?.get(RETRY_OF)
  const position = placed?.position ?? 0
  const later =
    placed === undefined ? NOTHING_LATER : await findLater(log, model, id, position, old.outcomes)
  return {
    id,
    model,
    told,
    unreadable: fact !== undefined && "reason" in fact ? fact : undefined,
    queued,
    letter,
    chain: await findChain(log, model, id, retryOf === "" ? undefined : retryOf, position),
    later: { ...later, unreadable: [...notes, ...later.unreadable] },
    erasures,
  }
}
