// Holds what callers were told against what the log says, and the two logs against each other. It
// reads everything and changes nothing.
import { historyGaps, readSource } from "#core/log/history"
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { predictAnswerText } from "#core/inference/rows-answer"
import { predictionCodec } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { deadLetterCodec, type DeadLetter } from "#proto/dead-letter"
import { DEAD_LETTERS, HISTORY, modelAndId, PREDICTIONS } from "#proto/subjects"
import type { Answer } from "./clients.ts"
import { eventually } from "./patience.ts"
import { lookAtQueue, type QueueLook } from "./queue.ts"

/** Copying begins again some ten seconds after a restart of the server. */
const HISTORY_WAIT_MILLIS = 60_000
const QUEUE_WAIT_MILLIS = 60_000

export interface StoredFact {
  readonly position: number
  readonly data: Uint8Array
}

export interface AuditResult {
  readonly facts: number
  readonly failureFacts: number
  readonly deadLetters: number
  readonly idsWithTwoFacts: number
  /** Ids that were accepted and have neither fact nor dead letter, each with its status. */
  readonly acceptedWithoutFact: ReadonlyArray<string>
  /** Answers that the log does not hold, or holds differently. */
  readonly answersThatDiffer: number
  /** Keys that were answered with different bytes. */
  readonly keysWithTwoAnswers: number
  readonly parked: number
  readonly pending: number
  /**
   * Facts whose copy in the long log is missing, different or out of order; and the gaps that were
   * found there.
   */
  readonly historyDiffers: number
  readonly historyGaps: number
}

export interface HotLog {
  /** By id. */
  readonly facts: ReadonlyMap<string, StoredFact>
  readonly order: ReadonlyArray<StoredFact>
  /** Facts of an id that had one already. */
  readonly twice: number
}

/** Every fact of the hot log. */
export const readHotLog = async (log: Log): Promise<HotLog> => {
  const facts = new Map<string, StoredFact>()
  const order: Array<StoredFact> = []
  let twice = 0
  for await (const entry of readRange(log, { stream: PREDICTIONS, from: 1, to: Infinity })) {
    const id = modelAndId(entry.subject)?.id ?? ""
    if (facts.has(id)) twice++
    const fact = { position: entry.sequence, data: entry.data }
    facts.set(id, fact)
    order.push(fact)
  }
  return { facts, order, twice }
}

/** Every dead letter, by the id of its request. */
export const readDeadLetters = async (log: Log): Promise<ReadonlyMap<string, DeadLetter>> => {
  const letters = new Map<string, DeadLetter>()
  for await (const entry of readRange(log, { stream: DEAD_LETTERS, from: 1, to: Infinity }))
    letters.set(modelAndId(entry.subject)?.id ?? "", deadLetterCodec.decode(entry.data))
  return letters
}

/**
 * Waits for the long log to be complete, and counts the facts whose copy is missing, different or
 * out of order.
 */
export const compareHistory = async (log: Log, { order }: HotLog): Promise<number> => {
  const complete = await eventually(async () => {
    const { state } = await log.manager.streams.info(HISTORY)
    return state.messages >= order.length ? true : undefined
  }, HISTORY_WAIT_MILLIS)
  let differs = complete === true ? 0 : 1
  let index = 0
  for await (const entry of readRange(log, { stream: HISTORY, from: 1, to: Infinity })) {
    const fact = order[index++]
    const source = readSource(entry.headers)
    if (
      fact === undefined ||
      source?.position !== fact.position ||
      Buffer.compare(fact.data, entry.data) !== 0
    )
      differs++
  }
  return differs + Math.max(0, order.length - index)
}

/** The queue when it has become empty, or as it is when the time is over. */
export const emptiedQueue = async (log: Log): Promise<QueueLook> => {
  const empty = await eventually(async () => {
    const look = await lookAtQueue(log)
    // A consumer's own count follows the stream a moment later, in a cluster more than a moment.
    const left = look.messages + look.pending + look.ackPending
    return left === 0 ? look : undefined
  }, QUEUE_WAIT_MILLIS)
  return empty ?? lookAtQueue(log)
}

const answerDiffers = (answer: Answer, hot: HotLog, model: string, signature: Signature) => {
  const stored = hot.facts.get(answer.id)
  if (stored === undefined || stored.position !== answer.position) return true
  const fact = predictionCodec.decode(stored.data)
  const head = { id: answer.id, model, version: fact.version ?? "" }
  const text = predictAnswerText(head, signature, fact.outputs ?? [])
  return text !== answer.body
}

/** Audits the log after the callers and the faults have ended. */
export const audit = async (
  log: Log,
  answers: ReadonlyArray<Answer>,
  accepted: ReadonlyMap<string, number>,
  model: string,
  signature: Signature,
): Promise<AuditResult> => {
  const queue = await emptiedQueue(log)
  const hot = await readHotLog(log)
  const dead = await readDeadLetters(log)
  const byKey = new Map<string, string>()
  let keysWithTwoAnswers = 0
  for (const { key, body } of answers) {
    if (key === undefined) continue
    if (byKey.has(key) && byKey.get(key) !== body) keysWithTwoAnswers++
    byKey.set(key, body)
  }
  const failed = hot.order.filter(({ data }) => predictionCodec.decode(data).failure !== undefined)
  const known = (id: string) => hot.facts.has(id) || dead.has(id)
  return {
    facts: hot.order.length,
    failureFacts: failed.length,
    deadLetters: dead.size,
    idsWithTwoFacts: hot.twice,
    acceptedWithoutFact: [
      ...[...accepted].filter(([id]) => !known(id)).map(([id, status]) => `${id} (${status})`),
      ...answers.filter(({ id }) => !known(id)).map(({ id }) => `${id} (200)`),
    ],
    answersThatDiffer: answers.filter((answer) => answerDiffers(answer, hot, model, signature))
      .length,
    keysWithTwoAnswers,
    parked: queue.parked,
    pending: queue.pending + queue.ackPending,
    historyDiffers: await compareHistory(log, hot),
    historyGaps: (await historyGaps(log)).length,
  }
}
