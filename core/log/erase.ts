// Removing messages so that their bytes are gone from the server's files too. What the server has
// already removed by itself, it may keep on disk for a while: an empty queue can be swept of it.
import { NatsError } from "nats"
import { REQUESTS } from "#proto/subjects"
import { patiently } from "./leader-lookup.ts"
import type { Log } from "./log.ts"

/** What the server says of a sequence that holds no message. */
const NO_MESSAGE_CODES: ReadonlySet<number> = new Set([10037, 10043, 10057])

const isNoMessage = (cause: unknown): boolean =>
  cause instanceof NatsError && NO_MESSAGE_CODES.has(cause.api_error?.err_code ?? 0)

/**
 * Deletes one message and overwrites its bytes; false when the sequence held none.
 *
 * @throws NatsError when the server refuses, or nobody answers in time.
 */
export const eraseMessage = async (
  log: Log,
  stream: string,
  sequence: number,
): Promise<boolean> => {
  try {
    return await patiently(log, () => log.manager.streams.deleteMessage(stream, sequence, true))
  } catch (cause) {
    if (isNoMessage(cause)) return false
    throw cause
  }
}

/**
 * Makes the server give up the files in which answered requests may still stand. It touches no
 * request that waits: with any in the queue it does nothing and resolves to false.
 */
export const sweepQueueFiles = async (log: Log): Promise<boolean> => {
  const { state } = await log.manager.streams.info(REQUESTS)
  if (state.messages > 0) return false
  // Up to the last sequence that was seen: a request that comes meanwhile has a higher one.
  await log.manager.streams.purge(REQUESTS, { seq: state.last_seq + 1 })
  return true
}
