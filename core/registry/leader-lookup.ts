// Looking up one message with the leader of its stream, through a change of leader: whoever decides on what is stored must
// neither read a replica that lags nor fail because a server is just being replaced.
import type { Log } from "../log/log.ts"
import { LookupFailed, readFromLeader, type Lookup, type StoredMessage } from "../log/read.ts"

/** A leader that was killed is replaced within some 6 s; a look-up is repeated for so long. */
export const LOOKUP_DEADLINE_MILLIS = 20_000
const LOOKUP_PAUSE_MILLIS = 100

const pause = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

/**
 * The message, or undefined when the leader says that there is none.
 *
 * @throws LookupFailed when no leader has answered in time.
 */
export const lookUp = async (
  log: Log,
  stream: string,
  lookup: Lookup,
): Promise<StoredMessage | undefined> => {
  const deadline = performance.now() + LOOKUP_DEADLINE_MILLIS
  for (;;) {
    try {
      return await readFromLeader(log, stream, lookup)
    } catch (cause) {
      const over = performance.now() > deadline || log.connection.isClosed()
      if (over || !(cause instanceof LookupFailed)) throw cause
      await pause(LOOKUP_PAUSE_MILLIS)
    }
  }
}
