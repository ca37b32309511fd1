// Asking the leader of a stream, through a change of leader: whoever decides on what is stored must
// neither read a replica that lags nor fail because a server is just being replaced.
import { setTimeout as pause } from "node:timers/promises"
import { NatsError } from "nats"
import type { Log } from "./log.ts"
import { LookupFailed, readFromLeader, type Lookup, type StoredMessage } from "./read.ts"

/** A leader that was killed is replaced within some 6 s; a question is repeated for so long. */
const PATIENCE_MILLIS = 20_000
const PAUSE_MILLIS = 100
/** What the server says of a stream that is not there; waiting does not make it appear. */
const STREAM_NOT_FOUND = "stream not found"

/** An answer of the API is final; silence and "no responders" are not. */
const passes = (cause: unknown): boolean =>
  cause instanceof LookupFailed
    ? cause.reason !== STREAM_NOT_FOUND
    : cause instanceof NatsError && cause.api_error === undefined

/**
 * Asks again while nobody answers; rejects with the last failure when nobody has answered in time.
 */
export const patiently = async <A>(
  log: { readonly connection: { readonly isClosed: () => boolean } },
  ask: () => Promise<A>,
): Promise<A> => {
  const deadline = performance.now() + PATIENCE_MILLIS
  for (;;) {
    try {
      return await ask()
    } catch (cause) {
      if (performance.now() > deadline || log.connection.isClosed() || !passes(cause)) throw cause
      await pause(PAUSE_MILLIS)
    }
  }
}

/**
 * The message, or undefined when the leader says that there is none.
 *
 * @throws LookupFailed when no leader has answered in time, or when there is no such stream.
 */
export const lookUp = (
  log: Log,
  stream: string,
  lookup: Lookup,
): Promise<StoredMessage | undefined> => patiently(log, () => readFromLeader(log, stream, lookup))
