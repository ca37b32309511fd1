// One open log: the connection with what is built on it. Everything that reads or writes the log
// takes one of these.
import { Context, Effect, Layer } from "effect"
import type { JetStreamManager, NatsConnection } from "nats"
import { connectNats, LinkState, type NatsSettings } from "./connection.ts"
import { Outbox } from "./outbox.ts"
import { Publisher } from "./publisher.ts"

export interface Log {
  readonly connection: NatsConnection
  readonly link: LinkState
  readonly manager: JetStreamManager
  readonly outbox: Outbox
  readonly publisher: Publisher
  /** Resolves when the connection is closed for good, by us or not. */
  readonly closed: Promise<void>
}

/**
 * Opens the log.
 *
 * @throws NatsUnreachable when no server answers.
 */
export const openLog = async (settings: NatsSettings): Promise<Log> => {
  const connection = await connectNats(settings)
  const link = new LinkState(connection)
  const outbox = new Outbox(connection)
  const manager = await connection.jetstreamManager({ checkAPI: false })
  return {
    connection,
    link,
    manager,
    outbox,
    publisher: new Publisher(connection, link, outbox),
    closed: connection.closed().then(() => undefined),
  }
}

/** Flushes what was published and closes the connection. */
export const closeLog = async (log: Log): Promise<void> => {
  log.outbox.flush()
  if (!log.connection.isClosed()) {
    // Draining a connection whose server is gone rejects; there is nothing left to flush then.
    await (log.link.up ? log.connection.drain() : log.connection.close()).catch(() => undefined)
  }
  log.publisher.close()
}

export class LogService extends Context.Service<LogService, Log>()("core/log/Log") {
  static readonly layer = (settings: NatsSettings) =>
    Layer.effect(
      LogService,
      Effect.acquireRelease(
        Effect.tryPromise({ try: () => openLog(settings), catch: (cause) => cause }),
        (log) => Effect.promise(() => closeLog(log)),
      ),
    )
}
