// Which log a command looks at: the one that a flag or the environment names, else the one that
// `./weir up` runs on the default data folder. It starts nothing.
import { join, resolve } from "node:path"
import type { Log } from "#core/log/log"
import { findRunningServer } from "#core/log/running-server"
import { CommandFailed, type Flag } from "./command.ts"
import { withLog } from "./log.ts"
import { inProject } from "./project.ts"

export const natsFlag: Flag & { readonly value: string } = {
  value: "URL",
  help: "the log (default: NATS_URL, else what ./weir up runs)",
}
export const jsonFlag: Flag = { help: "JSON for programs instead of a table for people" }

export interface LogAddress {
  readonly servers: string
  /** The server's monitoring pages, where they are known. */
  readonly monitorUrl: string | undefined
}

const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text)

/** Where the log, cached models and the keys' pepper of this machine are. */
export const dataFolder = (): string => {
  const named = given(process.env["WEIR_DATA"])
  return named === undefined ? inProject(".weir", "data") : resolve(named)
}

/** @throws CommandFailed when no log is named and none runs. */
export const findLog = async (flag: string | undefined): Promise<LogAddress> => {
  const named = flag ?? given(process.env["NATS_URL"])
  const running = await findRunningServer(join(dataFolder(), "nats"))
  if (named !== undefined) {
    return { servers: named, monitorUrl: named === running?.url ? running.monitorUrl : undefined }
  }
  if (running !== undefined) return { servers: running.url, monitorUrl: running.monitorUrl }
  throw new CommandFailed("no log runs here: start it with ./weir up, or name one with --nats URL")
}

/** Opens the log that is meant, lends it to `use` and closes it. */
export const withFoundLog = async <A>(
  name: string,
  flag: string | undefined,
  use: (log: Log, address: LogAddress) => Promise<A>,
): Promise<A> => {
  const address = await findLog(flag)
  return withLog(`weir-${name}`, address.servers, (log) => use(log, address))
}
