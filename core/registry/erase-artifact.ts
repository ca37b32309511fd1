// Removing an artifact so that its bytes are gone from the server's files too: for what was made
// from facts that are to be erased. Models are retired, never removed.
import { eraseMessage } from "../log/erase.ts"
import { lookUp } from "../log/leader-lookup.ts"
import type { Log } from "../log/log.ts"
import { MODELS_STREAM, objectSubject, piecesSubject, readDescription } from "./object-layout.ts"

/**
 * Overwrites an artifact's pieces, then its description, so that one that was cut off is found by
 * the next; false when there was none.
 *
 * @throws LookupFailed, or NatsError when the server refuses.
 */
export const eraseArtifact = async (log: Log, digest: string): Promise<boolean> => {
  const found = await lookUp(log, MODELS_STREAM, { last_by_subj: objectSubject(digest) })
  if (found === undefined) return false
  const subject = piecesSubject(readDescription(found.data).nuid)
  for (let after = 0; ;) {
    const piece = await lookUp(log, MODELS_STREAM, { seq: after + 1, next_by_subj: subject })
    if (piece === undefined) break
    await eraseMessage(log, MODELS_STREAM, piece.sequence)
    after = piece.sequence
  }
  await eraseMessage(log, MODELS_STREAM, found.sequence)
  return true
}
