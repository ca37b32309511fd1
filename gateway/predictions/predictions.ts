// Looking a request up by its id: answered, still queued, or unknown; and by its position where the
// hot log has dropped it.
import { historyAt } from "#core/log/find"
import type { Log } from "#core/log/log"
import { LookupFailed, readLast } from "#core/log/read"
import { maySee, type Caller } from "../access/caller.ts"
import { readFact } from "./fact-view.ts"
import { CALLER } from "#proto/headers"
import { PREDICTIONS, predictionSubject, REQUESTS, requestSubject } from "#proto/subjects"
import { refuse, type Refusal } from "../http/status.ts"
import type { Answered } from "../inference/flight.ts"

const RETRY_AFTER_SECONDS = 2

export interface Queued {
  readonly kind: "queued"
  readonly id: string
  /** Who asked. */
  readonly caller: string | undefined
}

export type Found = Answered | Queued | Refusal

export type FindPrediction = (model: string, id: string) => Promise<Found>

const unknownId = (model: string, id: string): Refusal =>
  refuse("unknownId", `Prediction '${id}' of model '${model}' is not found`)

/** What a caller may see of it: of what is another's it is not even said that it is there. */
export const visible = <F extends Found>(found: F, caller: Caller, model: string, id: string) => {
  if (found.kind === "refused") return found
  const owner = found.kind === "queued" ? found.caller : found.fact.caller
  return maySee(caller, owner) ? found : unknownId(model, id)
}

const lookupRefusal = (cause: LookupFailed, id: string): Refusal =>
  refuse("logUnavailable", cause.message, { id, retryAfterSeconds: RETRY_AFTER_SECONDS })

/** A fact as it is stored; anybody who may publish can have put other bytes in its place. */
const answeredBy = (bytes: Uint8Array, id: string, position: number): Answered | Refusal => {
  try {
    return { kind: "answered", fact: readFact(bytes), position, replayed: false }
  } catch {
    const message = `Prediction '${id}' is stored at ${position} in a form that cannot be read`
    return refuse("unreadableFact", message, { id })
  }
}

/** Never rejects for what the log says or holds. */
export const findPrediction =
  (log: Log, replicas: number): FindPrediction =>
  async (model, id) => {
    const fact = async (): Promise<Answered | Refusal | undefined> => {
      const found = await readLast(log, PREDICTIONS, predictionSubject(model, id), replicas)
      if (found === undefined) return undefined
      return answeredBy(found.data, id, found.sequence)
    }
    try {
      const found = await fact()
      if (found !== undefined) return found
      const queued = await readLast(log, REQUESTS, requestSubject(model, id), replicas)
      if (queued !== undefined)
        return { kind: "queued", id, caller: queued.headers?.get(CALLER) || undefined }
      // Finished between the two looks.
      return (await fact()) ?? unknownId(model, id)
    } catch (cause) {
      if (!(cause instanceof LookupFailed)) throw cause
      return lookupRefusal(cause, id)
    }
  }

export type FindAtPosition = (
  model: string,
  id: string,
  position: number,
) => Promise<Answered | Refusal>

/**
 * The fact of an id that the hot log no longer holds, from the long log by the position that its
 * caller was told. Nothing but a position tells a fact that was dropped from an id that never was,
 * so only here is there a 410.
 */
export const findAtPosition =
  (log: Log): FindAtPosition =>
  async (model, id, position) => {
    const unknown = unknownId(model, id)
    try {
      const placed = await historyAt(log, position)
      if (placed !== undefined) {
        if (placed.subject !== predictionSubject(model, id)) return unknown
        return answeredBy(placed.message.data, id, position)
      }
      const { state } = await log.manager.streams.info(PREDICTIONS)
      if (position >= state.first_seq) return unknown
      const message = `position: expected one that a log still holds, got ${position}`
      return refuse("gone", message, { id })
    } catch (cause) {
      if (cause instanceof LookupFailed) return lookupRefusal(cause, id)
      throw cause
    }
  }
