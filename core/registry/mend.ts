// Removing what stands under a model's release subject and is no release fact, so that the model
// can be served again. Facts that can be read are never touched, whatever they say.
import { EVENTS, eventSubject } from "#proto/subjects"
import { eraseMessage } from "../log/erase.ts"
import { eachMatching } from "../log/find.ts"
import type { Log } from "../log/log.ts"
import { readReleaseFact, ReleaseUnreadable } from "./release-fact.ts"

/** So many are listed and removed at once; a further call has the others. */
export const UNREADABLE_MAX = 10_000
/** Enough to recognise who wrote it. */
const FIRST_BYTES = 32

export interface UnreadableMessage {
  /** In `EVENTS`. */
  readonly sequence: number
  /** When the server stored it, milliseconds since 1970. */
  readonly storedAt: number
  readonly bytes: number
  /** The first 32 bytes. */
  readonly firstBytes: Uint8Array
  readonly reason: string
}

/** The unreadable messages of a model, the oldest first. @throws LookupFailed. */
export const unreadableMessages = async (
  log: Log,
  model: string,
): Promise<ReadonlyArray<UnreadableMessage>> => {
  const found: Array<UnreadableMessage> = []
  for await (const message of eachMatching(log, EVENTS, eventSubject("release", model))) {
    const { sequence, storedAt, data } = message
    try {
      readReleaseFact(message)
    } catch (cause) {
      if (!(cause instanceof ReleaseUnreadable)) throw cause
      const firstBytes = data.subarray(0, FIRST_BYTES)
      const { reason } = cause
      found.push({ sequence, storedAt, bytes: data.byteLength, firstBytes, reason })
      if (found.length >= UNREADABLE_MAX) break
    }
  }
  return found
}

/**
 * Deletes these messages from `EVENTS` and resolves to the sequences that are gone by this call.
 *
 * @throws NatsError when the server refuses, or nobody answers in time.
 */
export const removeUnreadable = async (
  log: Log,
  messages: ReadonlyArray<UnreadableMessage>,
): Promise<ReadonlyArray<number>> => {
  const removed: Array<number> = []
  for (const { sequence } of messages)
    if (await eraseMessage(log, EVENTS, sequence)) removed.push(sequence)
  return removed
}
