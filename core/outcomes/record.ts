// Appends an outcome behind what the log holds of its id: the same again is not stored, another is
// a correction. Where the hot log still has the prediction, the outcome is checked against it and
// told its position, so that readers need no id to join it.
import type { HeaderList } from "#core/log/header-list"
import { append, LogUnavailable } from "#core/log/append"
import type { Log } from "#core/log/log"
import { readLast } from "#core/log/read"
import type { Releases } from "#core/registry/releases"
import { UnreadableRecord } from "#proto/message-pack"
import { CALLER, DIGEST } from "#proto/headers"
import { predictionCodec } from "#proto/prediction"
import { outcomeSubject, predictionSubject, PREDICTIONS } from "#proto/subjects"
import { misfit } from "./labels.ts"
import { outcomeDigest, writeOutcome, type ParsedOutcome } from "./outcome.ts"

/** Others that write an outcome of the same id at the same moment. */
const RIVALS_MAX = 20

export interface RecordOptions {
  readonly log: Log
  /** Of the stream: decides whether a miss has to be confirmed by the leader. */
  readonly replicas: number
  readonly releases: Pick<Releases, "model">
  /** Whether the prediction of an id was erased: what came true of it is not wanted either. */
  readonly isErased: (model: string, id: string) => boolean
}

export type Recorded =
  | {
      readonly kind: "recorded" | "corrected" | "unchanged"
      /** Sequence of the outcome, and of its prediction where that is known. */
      readonly position: number
      readonly joined: number | undefined
    }
  | { readonly kind: "misfit"; readonly reason: string }
  | { readonly kind: "tooLarge" }
  | { readonly kind: "erased" }

interface FoundFact {
  readonly position: number
  readonly misfit: string | undefined
}

/** Rows of an answered request: the first dimension of its first output. */
const hotFact = async (
  { log, replicas, releases }: RecordOptions,
  model: string,
  id: string,
  outcome: ParsedOutcome,
): Promise<FoundFact | undefined> => {
  const found = await readLast(log, PREDICTIONS, predictionSubject(model, id), replicas)
  if (found === undefined) return undefined
  const position = found.sequence
  try {
    const { outputs, failure, version } = predictionCodec.decode(found.data)
    if (failure !== undefined)
      return { position, misfit: `id: expected an answered prediction, got ${failure.reason}` }
    const signature = releases.model(model)?.versions.get(version ?? "")?.signature
    const rows = outputs?.[0]?.shape[0] ?? 1
    if (signature === undefined) return { position, misfit: undefined }
    return { position, misfit: misfit(outcome, signature, rows) }
  } catch (cause) {
    if (cause instanceof UnreadableRecord) return { position, misfit: undefined }
    throw cause
  }
}

/**
 * Stores an outcome of an id. `caller` is who sent it, where that is known.
 *
 * @throws LogUnavailable, LookupFailed.
 */
export const recordOutcome = async (
  options: RecordOptions,
  model: string,
  id: string,
  outcome: ParsedOutcome,
  caller: string | undefined,
): Promise<Recorded> => {
  const { log, replicas } = options
  const subject = outcomeSubject(model, id)
  const digest = outcomeDigest(outcome)
  const [fact, first] = await Promise.all([
    hotFact(options, model, id, outcome),
    readLast(log, PREDICTIONS, subject, replicas),
  ])
  if (fact === undefined && options.isErased(model, id)) return { kind: "erased" }
  if (fact?.misfit !== undefined) return { kind: "misfit", reason: fact.misfit }
  const position = fact?.position ?? outcome.position
  const payload = writeOutcome({ ...outcome, position })
  const headers: HeaderList = [
    [DIGEST, digest],
    ...(caller === undefined ? [] : [[CALLER, caller] as const]),
  ]
  let last = first
  for (let rivals = 0; rivals <= RIVALS_MAX; rivals++) {
    if (last?.headers?.get(DIGEST) === digest)
      return { kind: "unchanged", position: last.sequence, joined: position }
    const appended = await append(log.publisher, subject, payload, last?.sequence ?? 0, headers)
    if (appended.kind === "tooLarge") return appended
    if (appended.kind === "stored") {
      const kind = last === undefined ? "recorded" : "corrected"
      return { kind, position: appended.sequence, joined: position }
    }
    last = await readLast(log, PREDICTIONS, subject, replicas)
  }
  throw new LogUnavailable({ subject, reason: "others kept writing to it" })
}
