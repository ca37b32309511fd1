// Looking a request up by its id: answered, still queued, or unknown.
import type { Log } from "#core/log/log"
import { LookupFailed, readLast } from "#core/log/read"
import { readFact } from "./fact-view.ts"
import { PREDICTIONS, predictionSubject, REQUESTS, requestSubject } from "#proto/subjects"
import { refuse, type Refusal } from "./status.ts"
import type { Answered } from "./submit.ts"

const RETRY_AFTER_SECONDS = 2

export interface Queued {
  readonly kind: "queued"
  readonly id: string
}

export type Found = Answered | Queued | Refusal

export type FindPrediction = (model: string, id: string) => Promise<Found>

/** Never rejects for what the log says; rejects when a stored fact cannot be read. */
export const findPrediction =
  (log: Log, replicas: number): FindPrediction =>
  async (model, id) => {
    const fact = async (): Promise<Answered | undefined> => {
      const found = await readLast(log, PREDICTIONS, predictionSubject(model, id), replicas)
      if (found === undefined) return undefined
      const { data, sequence } = found
      return {
        kind: "answered",
        fact: readFact(data),
        position: sequence,
        replayed: false,
      }
    }
    try {
      const found = await fact()
      if (found !== undefined) return found
      const queued = await readLast(log, REQUESTS, requestSubject(model, id), replicas)
      if (queued !== undefined) return { kind: "queued", id }
      // Finished between the two looks.
      return (
        (await fact()) ?? refuse("unknownId", `Prediction '${id}' of model '${model}' is not found`)
      )
    } catch (cause) {
      if (!(cause instanceof LookupFailed)) throw cause
      return refuse("logUnavailable", cause.message, { id, retryAfterSeconds: RETRY_AFTER_SECONDS })
    }
  }
