// Appends an outcome behind what the log holds of its id: the same again is not stored, another is
// a correction. Where the hot log still has the prediction, the outcome is checked against it and
// told its position, so that readers need no id to join it.
import type { HeaderList } from "#core/log/header-list"
import { append, LogUnavailable } from "#core/log/append"
import type { Log } from "#core/log/log"
import { LookupFailed, readDirect, readFromLeader, readLast } from "#core/log/read"
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
      /** Sequence of the outcome. */
      readonly position: number
      /** Sequence of its prediction, where the hot log holds that. */
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
 * The position that a sender gave, unless the hot log has something else there: readers would look
 * for the prediction in vain, and nobody would look for it anywhere else.
 */
const believed = async (
  { log, replicas }: RecordOptions,
  model: string,
  id: string,
  position: number | undefined,
): Promise<number | undefined> => {
  if (position === undefined) return undefined
  const lookup = { seq: position, next_by_subj: ">" }
  const direct = await readDirect(log, PREDICTIONS, lookup)
  const found =
    direct === undefined && replicas > 1 ? await readFromLeader(log, PREDICTIONS, lookup) : direct
  if (found === undefined) return position <= (await lastPosition(log)) ? position : undefined
  if (found.sequence > position) return position
  return found.subject === predictionSubject(model, id) ? position : undefined
}

const lastPosition = async (log: Log): Promise<number> => {
  try {
    return (await log.manager.streams.info(PREDICTIONS)).state.last_seq
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new LookupFailed({ stream: PREDICTIONS, reason })
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
  const joined = fact?.position
  const position = joined ?? (await believed(options, model, id, outcome.position))
  const payload = writeOutcome({ ...outcome, position })
  const headers: HeaderList = [
    [DIGEST, digest],
    ...(caller === undefined ? [] : [[CALLER, caller] as const]),
  ]
  let last = first
  for (let rivals = 0; rivals <= RIVALS_MAX; rivals++) {
    if (last?.headers?.get(DIGEST) === digest)
      return { kind: "unchanged", position: last.sequence, joined }
    const appended = await append(log.publisher, subject, payload, last?.sequence ?? 0, headers)
    if (appended.kind === "tooLarge") return appended
    if (appended.kind === "stored") {
      const kind = last === undefined ? "recorded" : "corrected"
      return { kind, position: appended.sequence, joined }
    }
    last = await readLast(log, PREDICTIONS, subject, replicas)
  }
  throw new LogUnavailable({ subject, reason: "others kept writing to it" })
}
