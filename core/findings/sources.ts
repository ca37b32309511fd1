// What windows are folded from: the predictions of a model, or what came true of them in the order
// in which it came. Both have positions in the log and can be read again.
import { withTruth } from "#core/drift/truth"
import { historyOutcomeSubject } from "#proto/outcome"
import { UnreadableRecord } from "#proto/message-pack"
import { predictionCodec, type Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { HISTORY, PREDICTIONS, predictionSubject } from "#proto/subjects"
import { readRange } from "../log/follow.ts"
import { readSource, seek } from "../log/history.ts"
import { lookUp } from "../log/leader-lookup.ts"
import type { Log } from "../log/log.ts"
import type { Batch } from "../log/tail-seat.ts"
import { historyMessage, historyTail, type HistoryMessage } from "../outcomes/history-messages.ts"
import { parseOutcome } from "../outcomes/outcome.ts"
import {
  followFacts,
  lastFactPosition,
  readFacts,
  sequenceOf,
  type PositionedFact,
} from "./facts.ts"

export type WindowsOf = "predictions" | "truth"

export interface FactSource {
  readonly of: WindowsOf
  /** Every fact from a position on, for ever; ends when the signal aborts. */
  readonly follow: (from: number, signal: AbortSignal) => AsyncGenerator<Batch<PositionedFact>>
  /** The facts of a range, both ends included. */
  readonly read: (from: number, to: number) => AsyncGenerator<PositionedFact>
  /** Position of the last one that was copied to the long log; 0 when there is none. */
  readonly last: () => Promise<number>
}

/** Who follows more than one source in a process gives all of them one tail. */
export const predictionSource = (log: Log, model: string, tail = historyTail(log)): FactSource => ({
  of: "predictions",
  follow: (from, signal) => followFacts(log, tail, model, from, signal),
  read: (from, to) => readFacts(log, model, from, to),
  last: () => lastFactPosition(log, model),
})

type SignatureOf = (version: string | undefined) => Promise<Signature | undefined>

interface StoredBytes {
  readonly subject: string
  readonly data: Uint8Array
}

/** The bytes at a position: from the hot log, or what the long log has of it. */
const atPosition = async (log: Log, position: number): Promise<StoredBytes | undefined> => {
  const hot = await lookUp(log, PREDICTIONS, { seq: position })
  if (hot !== undefined) return hot
  const sequence = await seek(log, position)
  if (sequence === undefined) return undefined
  const copy = await lookUp(log, HISTORY, { seq: sequence })
  const source = readSource(copy?.headers)
  if (copy === undefined || source?.position !== position) return undefined
  return { subject: source.subject, data: copy.data }
}

/** The prediction that an outcome is about; `undefined` where the log no longer tells. */
const findFact = async (
  log: Log,
  model: string,
  id: string,
  position: number | undefined,
): Promise<Prediction | undefined> => {
  const subject = predictionSubject(model, id)
  const found =
    position === undefined
      ? await lookUp(log, PREDICTIONS, { last_by_subj: subject })
      : await atPosition(log, position)
  if (found === undefined || found.subject !== subject) return undefined
  try {
    return predictionCodec.decode(found.data)
  } catch (cause) {
    if (cause instanceof UnreadableRecord) return undefined
    throw cause
  }
}

class TruthReader {
  readonly #log: Log
  readonly #model: string
  readonly #signatureOf: SignatureOf

  constructor(log: Log, model: string, signatureOf: SignatureOf) {
    this.#log = log
    this.#model = model
    this.#signatureOf = signatureOf
  }

  async read(message: HistoryMessage | undefined): Promise<PositionedFact | undefined> {
    if (message?.kind !== "outcome") return undefined
    const { position, at, outcome } = message
    const { id, data } = outcome
    const fact = (await this.#joined(id, data, at)) ?? this.#unmatched(id, at)
    return { position, fact }
  }

  async #joined(id: string, data: Uint8Array, at: number): Promise<Prediction | undefined> {
    const outcome = parseOutcome(data)
    if (outcome.kind === "bad" || (outcome.id ?? id) !== id) return undefined
    const fact = await findFact(this.#log, this.#model, id, outcome.position)
    const signature = fact === undefined ? undefined : await this.#signatureOf(fact.version)
    if (fact === undefined || signature === undefined) return undefined
    return withTruth(fact, signature, outcome, at)
  }

  /** No rows, but counted: a window says how many outcomes it could not use. */
  #unmatched(id: string, at: number): Prediction {
    const failure = { reason: "invalid", message: "no prediction that it fits" } as const
    return { id, model: this.#model, failure, times: { stored: at, taken: at }, deliveries: 0 }
  }
}

/** Outcomes of a model, each with the prediction that it is about. */
export const truthSource = (
  log: Log,
  model: string,
  signatureOf: SignatureOf,
  tail = historyTail(log),
): FactSource => {
  const reader = new TruthReader(log, model, signatureOf)
  const filter = historyOutcomeSubject(model)
  return {
    of: "truth",
    follow: async function* (from, signal) {
      const follower = { from: await sequenceOf(log, from), subject: filter, signal }
      for await (const { messages, behind } of tail.follow(follower))
        for (const [at, message] of messages.entries()) {
          const found = message.position < from ? undefined : await reader.read(message)
          if (found === undefined) continue
          yield { messages: [found], behind: () => messages.length - 1 - at + behind() }
        }
    },
    read: async function* (from, to) {
      const { state } = await log.manager.streams.info(HISTORY)
      const first = Math.max(state.first_seq, await sequenceOf(log, from))
      const range = { stream: HISTORY, from: first, to: state.last_seq, filter }
      for await (const entry of readRange(log, range)) {
        const found = await reader.read(historyMessage(entry))
        if (found === undefined || found.position < from) continue
        if (found.position > to) return
        yield found
      }
    },
    last: async () => {
      const last = await lookUp(log, HISTORY, { last_by_subj: filter })
      return readSource(last?.headers)?.position ?? 0
    },
  }
}
