// Which log a command looks at: the one that a flag or the environment names, else the one that
// `./weir up` runs on a data folder. It starts nothing, and never chooses between two by itself.
import { dirname, join, resolve } from "node:path"
import type { Log } from "#core/log/log"
import { CONFIGURATION_FILE, findRunningServer } from "#core/log/running-server"
import { CommandFailed, type Flag } from "./command.ts"
import { withLog } from "./log.ts"
import { inProject } from "./project.ts"

/** For every command that reads the log. */
export const logFlags = {
  nats: { value: "URL", help: "the log (default: NATS_URL, else what ./weir up runs)" },
  data: { value: "DIR", help: "the log that ./weir up --data DIR runs (default: WEIR_DATA)" },
} as const satisfies Readonly<Record<string, Flag>>
export const jsonFlag: Flag = { help: "JSON for programs instead of a table for people" }

/** The values of `logFlags` as they were given. */
export interface LogChoice {
  readonly nats?: string
  readonly data?: string
}

export interface LogAddress {
  readonly servers: string
  /** The server's monitoring pages, where they are known. */
  readonly monitorUrl: string | undefined
}

/** Logs on other folders that a failure names. */
const OTHERS_NAMED_MOST = 3

const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text)

/** Where the log, cached models and the keys' pepper of this machine are. */
export const dataFolder = (flag: string | undefined): string => {
  const named = given(flag) ?? given(process.env["WEIR_DATA"])
  return named === undefined ? inProject(".weir", "data") : resolve(named)
}

const serverFolder = (data: string): string => join(data, "nats")

/** Data folders on which `./weir up` runs a log now, as far as the list of processes tells. */
const runningFolders = async (): Promise<ReadonlyArray<string>> => {
  const listed = await Bun.$`ps -A -o args=`.quiet().nothrow()
  const configuration = new RegExp(` -c (/.+)/${CONFIGURATION_FILE.replaceAll(".", "\\.")}$`)
  const folders = new Set<string>()
  for (const line of listed.stdout.toString().split("\n")) {
    const folder = configuration.exec(line.trimEnd())?.[1]
    if (folder === undefined || serverFolder(dirname(folder)) !== folder) continue
    if ((await findRunningServer(folder)) !== undefined) folders.add(dirname(folder))
    if (folders.size >= OTHERS_NAMED_MOST) break
  }
  return [...folders]
}

const noLog = async (folder: string): Promise<CommandFailed> => {
  const others = await runningFolders()
  const hint =
    others.length > 0
      ? others.map((one) => `one runs on ${one}: add --data ${one}`).join("; ")
      : `start it with ./weir up, say where it runs with --data DIR (as for ./weir up), or name ` +
        "its server with --nats URL"
  return new CommandFailed(`no log runs on ${folder}; ${hint}`)
}

/** @throws CommandFailed when no log is named and none runs; it says what to pass. */
export const findLog = async ({ nats, data }: LogChoice): Promise<LogAddress> => {
  const named = nats ?? (data === undefined ? given(process.env["NATS_URL"]) : undefined)
  const folder = dataFolder(data)
  const running = await findRunningServer(serverFolder(folder))
  if (named !== undefined) {
    return { servers: named, monitorUrl: named === running?.url ? running.monitorUrl : undefined }
  }
  if (running !== undefined) return { servers: running.url, monitorUrl: running.monitorUrl }
  throw await noLog(folder)
}

/** Opens the log that is meant, lends it to `use` and closes it. */
export const withFoundLog = async <A>(
  name: string,
  choice: LogChoice,
  use: (log: Log, address: LogAddress) => Promise<A>,
): Promise<A> => {
  const address = await findLog(choice)
  return withLog(`weir-${name}`, address.servers, (log) => use(log, address))
}
