// The batch that produced an output: its members, found among the facts that were stored around it,
// and the proof that they are all of them, in their order.
import { ANY_MODEL, type Placed } from "#core/log/find"
import { readRange } from "#core/log/follow"
import { readSource } from "#core/log/history"
import type { Log } from "#core/log/log"
import { readable } from "#core/log/readable"
import { membersDigest } from "#proto/digest"
import { predictionCodec, type Batch, type Prediction } from "#proto/prediction"
import { historySubject, predictionSubject, PREDICTIONS } from "#proto/subjects"

/**
 * Facts of one batch are stored together, but those of other predictors come between. So far is
 * looked to either side, at least and at most.
 */
const AROUND_LEAST = 1_000
const AROUND_MOST = 20_000
const AROUND_PER_ROW = 8

export interface Member {
  readonly id: string
  readonly position: number
  readonly offset: number
  readonly size: number
}

export interface BatchStory {
  readonly batch: Batch
  /** In the order in which they stood in the batch. */
  readonly members: ReadonlyArray<Member>
  /**
   * "verified": the digest in the fact is that of these members. "incomplete": some of its rows are
   * no longer found, or ended as failures. "wrong": the digest is another one.
   */
  readonly proof: "verified" | "incomplete" | "wrong"
}

const memberOf = (fact: Prediction, position: number): Member => ({
  id: fact.id,
  position,
  offset: fact.batch?.offset ?? 0,
  size: fact.batch?.size ?? 0,
})

const membersAround = async (
  log: Log,
  { stream, message }: Placed,
  model: string,
  batch: Batch,
): Promise<ReadonlyArray<Member>> => {
  const around = Math.min(AROUND_MOST, Math.max(AROUND_LEAST, batch.rows * AROUND_PER_ROW))
  const { state } = await log.manager.streams.info(stream)
  const from = Math.max(1, state.first_seq, message.sequence - around)
  const isHot = stream === PREDICTIONS
  const filter = isHot ? predictionSubject(model, ANY_MODEL) : historySubject(model)
  const members = new Map<string, Member>()
  const range = { stream, from, to: message.sequence + around, filter }
  for await (const { sequence, data, headers } of readRange(log, range)) {
    // Decoding a fact costs more than looking for the id of its batch in its bytes.
    if (!Buffer.from(data.buffer, data.byteOffset, data.byteLength).includes(batch.id)) continue
    const read = readable(predictionCodec, data)
    if (read.kind === "unreadable" || read.value.batch?.id !== batch.id) continue
    const fact = read.value
    const position = isHot ? sequence : (readSource(headers)?.position ?? 0)
    members.set(fact.id, memberOf(fact, position))
    if (rowsOf([...members.values()]) >= batch.rows) break
  }
  return [...members.values()].toSorted((a, b) => a.offset - b.offset)
}

const rowsOf = (members: ReadonlyArray<Member>): number =>
  members.reduce((sum, { size }) => sum + size, 0)

export const batchStory = async (
  log: Log,
  placed: Placed,
  fact: Prediction,
): Promise<BatchStory | undefined> => {
  const { batch, model } = fact
  if (batch === undefined) return undefined
  const members = await membersAround(log, placed, model, batch)
  const isTheirs = membersDigest(members.map(({ id }) => id)) === batch.members
  const isWhole = rowsOf(members) === batch.rows
  return { batch, members, proof: isTheirs ? "verified" : isWhole ? "wrong" : "incomplete" }
}
