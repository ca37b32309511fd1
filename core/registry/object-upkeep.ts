// What an operator's commands do with the models' bucket: make it, say how it differs, and remove
// what killed puts left.
import { DiscardPolicy, NatsError, RetentionPolicy, StorageType, type StreamConfig } from "nats"
import { MODELS_BUCKET } from "#proto/subjects"
import type { Log } from "../log/log.ts"
import { ProvisionRefused, type Difference } from "../log/provision.ts"
import { lookUp } from "../log/leader-lookup.ts"
import {
  ALL_OBJECTS,
  ALL_PIECES,
  MODELS_STREAM,
  piecesSubject,
  putOfPieces,
  readDescription,
} from "./object-layout.ts"

/** Pieces that no description names are left alone for so long: their put may be under way. */
export const ORPHAN_AGE_MILLIS = 3_600_000
/** Server code of a stream that does not exist. */
const NO_STREAM_CODE = 10059

export interface ArtifactLimits {
  readonly replicas: number
  readonly bytesMax: number
}

const description = (limits: ArtifactLimits) => ({
  name: MODELS_STREAM,
  description: "Model bytes by SHA-256",
  subjects: [ALL_PIECES, ALL_OBJECTS],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  // A full store refuses; it never drops a model that is served.
  discard: DiscardPolicy.New,
  num_replicas: limits.replicas,
  max_bytes: limits.bytesMax,
  allow_direct: true,
  allow_rollup_hdrs: true,
})

const bucketConfig = async (log: Pick<Log, "manager">): Promise<StreamConfig | undefined> => {
  try {
    return (await log.manager.streams.info(MODELS_STREAM)).config
  } catch (cause) {
    if (cause instanceof NatsError && cause.api_error?.err_code === NO_STREAM_CODE) return undefined
    throw cause
  }
}

/** How the bucket differs from what it should be; empty when it does not. */
export const verifyArtifacts = async (
  log: Pick<Log, "manager">,
  limits: ArtifactLimits,
): Promise<ReadonlyArray<Difference>> => {
  const where = MODELS_STREAM
  const found = await bucketConfig(log)
  if (found === undefined)
    return [{ where, field: "existence", expected: "there", found: "missing" }]
  const values = new Map<string, unknown>(Object.entries(found))
  return Object.entries(description(limits))
    .map(([field, value]) => ({
      where,
      field,
      expected: JSON.stringify(value),
      found: JSON.stringify(values.get(field) ?? null),
    }))
    .filter(({ expected, found: actual }) => expected !== actual)
}

/**
 * Makes the bucket of models, or changes what differs. Idempotent.
 *
 * @throws ProvisionRefused with what the server said.
 */
export const provisionArtifacts = async (
  log: Pick<Log, "manager">,
  limits: ArtifactLimits,
): Promise<void> => {
  const { name, ...config } = description(limits)
  try {
    const found = await bucketConfig(log)
    if (found === undefined) await log.manager.streams.add({ name, ...config })
    else if ((await verifyArtifacts(log, limits)).length > 0)
      await log.manager.streams.update(name, { ...found, ...config })
  } catch (cause) {
    if (cause instanceof NatsError && cause.api_error === undefined) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProvisionRefused({ where: `the bucket ${MODELS_BUCKET}`, reason })
  }
}

const subjectsOf = async (log: Log, filter: string): Promise<ReadonlyArray<string>> => {
  const { state } = await log.manager.streams.info(MODELS_STREAM, { subjects_filter: filter })
  return Object.keys(state.subjects ?? {})
}

const describedPuts = async (log: Log): Promise<ReadonlySet<string>> => {
  const puts = new Set<string>()
  for (const subject of await subjectsOf(log, ALL_OBJECTS)) {
    const message = await lookUp(log, MODELS_STREAM, { last_by_subj: subject })
    if (message === undefined) continue
    const object = readDescription(message.data)
    if (object.deleted !== true) puts.add(object.nuid)
  }
  return puts
}

/**
 * Removes the pieces of puts that were killed, and those that a killed server has back after their
 * removal (a purge is not on disk when it is acknowledged): those that no description names and
 * whose last piece is older than an hour. `now` is in milliseconds since 1970. Resolves to the
 * number of puts removed.
 *
 * @throws NatsError or LookupFailed when the log cannot be asked.
 */
export const sweepOrphans = async (log: Log, now: number): Promise<number> => {
  // Pieces first: what is described between the two looks is then known to be.
  const pieces = await subjectsOf(log, ALL_PIECES)
  const described = await describedPuts(log)
  let removed = 0
  for (const put of pieces.map(putOfPieces)) {
    if (described.has(put)) continue
    const last = await lookUp(log, MODELS_STREAM, { last_by_subj: piecesSubject(put) })
    if (last === undefined || now - last.storedAt < ORPHAN_AGE_MILLIS) continue
    await log.manager.streams.purge(MODELS_STREAM, { filter: piecesSubject(put) })
    removed++
  }
  return removed
}
