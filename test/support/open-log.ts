// A provisioned log on a real server of its own, for tests.
import { closeLog, openLog, type Log } from "#core/log/log"
import { provision } from "#core/log/provision"
import { DEFAULT_LIMITS, type LogLimits } from "#core/log/topology"
import { startNats, type TestServer, type TestServerOptions } from "./nats-server.ts"

export interface TestLog {
  readonly nats: TestServer
  readonly limits: LogLimits
  readonly log: Log
  /** Another connection to the same log. */
  readonly open: () => Promise<Log>
  /** Kills the server, starts it again, and resolves when every connection is back. */
  readonly restart: () => Promise<void>
  /** Closes all connections and ends the server. */
  readonly stop: () => Promise<void>
}

export const openTestLog = async (
  limits: Partial<LogLimits> = {},
  options: TestServerOptions = {},
): Promise<TestLog> => {
  const nats = await startNats(options)
  const opened: Array<Log> = []
  const open = async () => {
    const log = await openLog({ servers: nats.url, name: "test" })
    opened.push(log)
    return log
  }
  const log = await open()
  const all = { ...DEFAULT_LIMITS, ...limits }
  await provision(log.manager, all)
  return {
    nats,
    limits: all,
    log,
    open,
    restart: async () => {
      const back = opened.map(reconnected)
      await nats.restart("kill")
      await Promise.all(back)
    },
    stop: async () => {
      await Promise.all(opened.map(closeLog))
      await nats.stop()
    },
  }
}

/** Resolves at the next time that the connection is made again. */
export const reconnected = (log: Log): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = log.link.onChange((up) => {
    if (!up) return
    end()
    resolve()
  })
  return promise
}
