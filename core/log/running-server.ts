// Which nats-server runs on a folder already, if any: two servers on one store destroy it, and
// nats-server does not lock the folder. It ends no process.
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"

/** Stands on the command line of each server of ours, so that its process can be told by it. */
export const CONFIGURATION_FILE = "nats-server.conf"

/** A local server answers at once. */
const ASK_WAIT_MILLIS = 1_000
const LOOK_AGAIN_MILLIS = 50

const Ports = Schema.Struct({
  nats: Schema.Array(Schema.String),
  monitoring: Schema.Array(Schema.String),
})
const decodePorts = Schema.decodeUnknownSync(Schema.fromJsonString(Ports))

/** What a ports file says; undefined while it is not there or only half written. */
export const readPorts = async (path: string): Promise<typeof Ports.Type | undefined> => {
  try {
    return decodePorts(await Bun.file(path).text())
  } catch {
    return undefined
  }
}

export interface RunningServer {
  readonly pid: number
  readonly url: string
  readonly monitorUrl: string
}

const portsFiles = (directory: string): ReadonlyArray<string> =>
  existsSync(directory)
    ? readdirSync(directory).filter((name) => /^nats-server_\d+\.ports$/.test(name))
    : []

/** The server that runs on the store in `directory` and answers; undefined when none does. */
export const findRunningServer = async (directory: string): Promise<RunningServer | undefined> => {
  for (const name of portsFiles(directory)) {
    const ports = await readPorts(join(directory, name))
    const url = ports?.nats[0]
    const monitorUrl = ports?.monitoring[0]
    if (url === undefined || monitorUrl === undefined) continue
    const signal = AbortSignal.timeout(ASK_WAIT_MILLIS)
    // A killed server leaves its file behind, and another program may have its port by now.
    const answer = await fetch(`${monitorUrl}/varz`, { signal }).catch(() => undefined)
    const text = (await answer?.text().catch(() => "")) ?? ""
    if (text.includes(JSON.stringify(join(directory, "store")).slice(1, -1))) {
      return { pid: Number(/\d+/.exec(name)?.[0]), url, monitorUrl }
    }
  }
  return undefined
}

/** The process that was started with the folder's configuration; undefined also where ps is not. */
const processOn = (directory: string): number | undefined => {
  try {
    const list = Bun.spawnSync(["ps", "-A", "-o", "pid=,args="]).stdout.toString()
    const words = `-c ${join(directory, CONFIGURATION_FILE)}`
    const line = list.split("\n").find((one) => one.trimEnd().endsWith(words))
    return line === undefined ? undefined : Number.parseInt(line, 10)
  } catch {
    return undefined
  }
}

/**
 * The process id of the server that has the folder, or undefined when it may be used. A server that
 * no longer answers is on its way out: it gets `waitMillis` to end.
 */
export const storeHolder = async (
  directory: string,
  waitMillis: number,
): Promise<number | undefined> => {
  const running = await findRunningServer(directory)
  if (running !== undefined) return running.pid
  const last = performance.now() + waitMillis
  let holder = processOn(directory)
  while (holder !== undefined && performance.now() < last) {
    await Bun.sleep(LOOK_AGAIN_MILLIS)
    holder = processOn(directory)
  }
  if (holder === undefined) {
    for (const name of portsFiles(directory)) rmSync(join(directory, name), { force: true })
  }
  return holder
}
