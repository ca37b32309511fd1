// Artifacts in JetStream, in the layout of its object store. Written and read with our own appends
// and look-ups: each piece is stored once, memory stays at one piece, and a server that restarts
// meanwhile costs a pause.
import { NatsError, nuid, type StreamInfo } from "nats"
import { MODELS_BUCKET } from "#proto/subjects"
import { append, LogUnavailable } from "../log/append.ts"
import type { Log } from "../log/log.ts"
import { readDirect, type Lookup, type StoredMessage } from "../log/read.ts"
import {
  artifactDigest,
  ArtifactCorrupt,
  ArtifactMissing,
  ArtifactStoreFull,
  ArtifactStoreMissing,
  type ArtifactStore,
} from "./artifacts.ts"
import { lookUp, patiently } from "../log/leader-lookup.ts"
import {
  MODELS_STREAM,
  objectSubject,
  piecesSubject,
  readDescription,
  writeDescription,
  type ObjectDescription,
} from "./object-layout.ts"

/** Bytes of one piece: small beside the server's buffers, large beside the cost of one append. */
const PIECE_BYTES = 512 * 1024
/** Left free in a message for subject and headers. */
const ENVELOPE_BYTES = 4 * 1024
/** On a description: replaces what was stored under its subject before. */
const ROLLUP = ["Nats-Rollup", "sub"] as const
/** Server code of a stream that does not exist. */
const NO_STREAM_CODE = 10059

const bucketInfo = async (log: Log, filter: string): Promise<StreamInfo> => {
  try {
    const options = { subjects_filter: filter }
    return await patiently(log, () => log.manager.streams.info(MODELS_STREAM, options))
  } catch (cause) {
    if (cause instanceof NatsError && cause.api_error?.err_code === NO_STREAM_CODE)
      throw new ArtifactStoreMissing({ store: MODELS_BUCKET })
    throw cause
  }
}

interface Found {
  readonly description: ObjectDescription
  readonly sequence: number
}

const find = async (log: Log, digest: string): Promise<Found | undefined> => {
  const message = await lookUp(log, MODELS_STREAM, { last_by_subj: objectSubject(digest) })
  if (message === undefined) return undefined
  return { description: readDescription(message.data), sequence: message.sequence }
}

const isWhole = async (log: Log, found: Found | undefined, bytes: number): Promise<boolean> => {
  if (found === undefined || found.description.deleted === true) return false
  const { nuid: put, size, chunks } = found.description
  const subject = piecesSubject(put)
  const { state } = await bucketInfo(log, subject)
  return size === bytes && (chunks === 0 || state.subjects?.[subject] === chunks)
}

const purge = (log: Log, put: string): Promise<unknown> =>
  log.manager.streams.purge(MODELS_STREAM, { filter: piecesSubject(put) })

/**
 * Sequence of what was appended; `undefined` when the subject had moved on under somebody else's
 * hands.
 */
const appendOnce = async (
  log: Log,
  subject: string,
  payload: Uint8Array,
  expected: number,
  isOurs: (message: StoredMessage) => boolean,
  headers: ReadonlyArray<readonly [string, string]> = [],
): Promise<number | undefined> => {
  const appended = await append(log.publisher, subject, payload, expected, headers)
  if (appended.kind === "stored") return appended.sequence
  if (appended.kind === "tooLarge")
    throw new LogUnavailable({ subject, reason: `the server takes no ${payload.length} bytes` })
  // An earlier try of ours may have been stored without its ack reaching us.
  const last = await lookUp(log, MODELS_STREAM, { last_by_subj: subject })
  return last !== undefined && isOurs(last) ? last.sequence : undefined
}

interface NewPieces {
  readonly pieces: number
  readonly pieceBytes: number
}

const putPieces = async (log: Log, bytes: Uint8Array, put: string): Promise<NewPieces> => {
  const pieceBytes = Math.min(PIECE_BYTES, log.publisher.maxPayloadBytes - ENVELOPE_BYTES)
  let last = 0
  let pieces = 0
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes)
    const expected = last
    // Nobody else writes under this put's subject.
    const isOurs = (message: StoredMessage) => message.sequence > expected
    const sequence = await appendOnce(log, piecesSubject(put), piece, expected, isOurs)
    if (sequence === undefined)
      throw new LogUnavailable({ subject: piecesSubject(put), reason: "a piece was removed" })
    last = sequence
    pieces++
  }
  return { pieces, pieceBytes }
}

const put = async (log: Log, bytes: Uint8Array): Promise<string> => {
  const digest = artifactDigest(bytes)
  const subject = objectSubject(digest)
  const { state, config } = await bucketInfo(log, subject)
  const before = await find(log, digest)
  if (await isWhole(log, before, bytes.byteLength)) return digest
  const full = { bytes: bytes.byteLength, usedBytes: state.bytes, bytesMax: config.max_bytes }
  if (config.max_bytes > 0 && state.bytes + bytes.byteLength > config.max_bytes)
    throw new ArtifactStoreFull(full)
  const own = nuid.next()
  const written = await putPieces(log, bytes, own).catch(async (cause: unknown) => {
    // What cannot be removed now is swept later.
    await purge(log, own).catch(() => undefined)
    throw cause
  })
  const size = bytes.byteLength
  const object = writeDescription({ digest, put: own, bytes: size, at: Date.now(), ...written })
  const isOurs = (message: StoredMessage) => readDescription(message.data).nuid === own
  const expected = before?.sequence ?? 0
  const sequence = await appendOnce(log, subject, object, expected, isOurs, [ROLLUP])
  // Where it is not ours, somebody else put the same bytes at the same time: theirs stand.
  const superfluous = sequence === undefined ? own : before?.description.nuid
  if (superfluous !== undefined) await purge(log, superfluous)
  return digest
}

/** A replica may lag and miss; only the leader's miss counts. */
const nextPiece = async (log: Log, lookup: Lookup): Promise<StoredMessage | undefined> =>
  (await patiently(log, () => readDirect(log, MODELS_STREAM, lookup))) ??
  (await lookUp(log, MODELS_STREAM, lookup))

async function* pieces(log: Log, digest: string): AsyncGenerator<Uint8Array> {
  await bucketInfo(log, objectSubject(digest))
  const found = await find(log, digest)
  if (found === undefined || found.description.deleted === true)
    throw new ArtifactMissing({ digest })
  const { nuid: from, chunks } = found.description
  let sequence = 0
  for (let index = 0; index < chunks; index++) {
    const lookup = { seq: sequence + 1, next_by_subj: piecesSubject(from) }
    const piece = await nextPiece(log, lookup)
    if (piece === undefined) {
      const reason = `piece ${index + 1} of ${chunks} is missing`
      throw new ArtifactCorrupt({ digest, reason })
    }
    sequence = piece.sequence
    yield piece.data
  }
}

/** The models' bucket of the log. Provisioning must have made it. */
export const jetStreamArtifacts = (log: Log): ArtifactStore => ({
  put: (bytes) => put(log, bytes),
  open: (digest) => pieces(log, digest),
})
