// Runs a real nats-server as a child process with its own configuration file, every limit written
// out. It starts, stops and kills one server; it creates no streams and decides nothing about
// restarts.
import { mkdirSync, watch, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { guardOrphan } from "../service/orphan-guard.ts"
import { findNatsServer } from "./nats-binary.ts"
import { CONFIGURATION_FILE, readPorts, storeHolder } from "./running-server.ts"
import {
  serverConfiguration,
  type ClusterOptions,
  type ServerConfiguration,
} from "./server-configuration.ts"

/**
 * A server recovers 5 M messages in some ten seconds; one that is not there after this has a fault.
 */
const START_WAIT_MILLIS = 60_000
/** File watches can be late or lost on network folders: look again this often. */
const LOOK_AGAIN_MILLIS = 100
/** A clean stop of 5 M messages was measured at 1.7 s; after this the server is killed. */
const STOP_WAIT_MILLIS = 15_000
/** What a failure to start shows of the server's log. */
const LOG_LINES_SHOWN_MAX = 20

export class NatsServerFailed extends Schema.TaggedError<NatsServerFailed>()("NatsServerFailed", {
  reason: Schema.String,
  log: Schema.Array(Schema.String),
}) {
  override get message() {
    return [`nats-server: ${this.reason}`, ...this.log].join("\n  ")
  }
}

export interface EmbeddedServerOptions {
  /** Folder of the configuration, the ports file and the store; made when missing. */
  readonly directory: string
  /** Path of the binary; found by `findNatsServer` when left out. */
  readonly binary?: string
  readonly host?: string
  /** 0 takes any free port. */
  readonly port?: number
  readonly monitorPort?: number
  readonly serverName?: string
  /**
   * `always` syncs the disk before each acknowledgement; the default is the server's two minutes.
   */
  readonly sync?: "default" | "always"
  readonly maxFileStoreBytes?: number
  readonly maxMemoryStoreBytes?: number
  readonly maxPayloadBytes?: number
  readonly cluster?: ClusterOptions
  /** Each line of the server's log. */
  readonly onLog?: (line: string) => void
}

export interface EmbeddedServer {
  readonly url: string
  readonly monitorUrl: string
  readonly port: number
  readonly monitorPort: number
  readonly pid: number
  readonly storeDir: string
  /** Resolves when the process has ended, however it ended. */
  readonly exited: Promise<ServerExit>
  /** SIGTERM, and SIGKILL when the server has not ended in time; resolves when it has ended. */
  readonly stop: () => Promise<ServerExit>
  /** SIGKILL; resolves when the process has ended. */
  readonly kill: () => Promise<ServerExit>
  /** Starts again on the same store and the same ports; call it after the server has ended. */
  readonly restart: () => Promise<EmbeddedServer>
}

export interface ServerExit {
  readonly code: number | null
  readonly signal: string | number | null
}

const portOf = (url: string): number => Number(new URL(url).port)

/**
 * Calls `look` after every change in the folder, and now and then without one, until it gives a
 * value.
 */
const lookUntil = async <Found>(
  folder: string,
  look: () => Promise<Found | undefined>,
  given: AbortSignal,
): Promise<Found | undefined> => {
  const { promise, resolve } = Promise.withResolvers<Found | undefined>()
  const check = () => void look().then((found) => found !== undefined && resolve(found))
  const watcher = watch(folder, check)
  const timer = setInterval(check, LOOK_AGAIN_MILLIS)
  given.addEventListener("abort", () => resolve(undefined))
  if (given.aborted) resolve(undefined)
  check()
  try {
    return await promise
  } finally {
    watcher.close()
    clearInterval(timer)
  }
}

const readLines = async (stream: ReadableStream<Uint8Array>, onLine: (line: string) => void) => {
  let rest = ""
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(line)
  }
  if (rest !== "") onLine(rest)
}

/** Its heap may grow by three tenths between two collections: most of it is never scanned. */
const MEMORY = { GOGC: "30" } as const

/**
 * It shares the machine with those who talk to it: with all cores for itself it takes a fifth more
 * of them in all, most of it for waking its own threads. Where it waits for the disk it needs them.
 */
const coresOf = ({ sync }: EmbeddedServerOptions) =>
  sync === "always"
    ? {}
    : { GOMAXPROCS: String(Math.max(1, Math.floor(availableParallelism() / 2))) }

/**
 * Go's monitor thread wakes up every 80 µs under load, a tenth of a core, to look after threads
 * that wait in the kernel. With the timer slack that a process gives itself before it becomes the
 * server, which needs no privilege, it is every millisecond. Where the disk is waited for, it is
 * needed.
 */
const WITH_SLACK = '{ echo 1000000 >/proc/self/timerslack_ns; } 2>/dev/null; exec "$0" "$@"'

const commandOf = (binary: string, { sync }: EmbeddedServerOptions): ReadonlyArray<string> =>
  sync === "always" || process.platform !== "linux"
    ? [binary]
    : ["/bin/sh", "-c", WITH_SLACK, binary]

type ServerEnvironment = Readonly<Record<string, string>>

const spawnServer = (
  command: ReadonlyArray<string>,
  configuration: string,
  environment: ServerEnvironment,
  onLine: (line: string) => void,
) => {
  const child = Bun.spawn([...command, "-c", configuration], {
    env: { ...MEMORY, ...environment, ...process.env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    // Its own process group: Ctrl-C goes to our parent process alone, which stops things in order.
    detached: true,
  })
  const guard = guardOrphan(child.pid)
  void readLines(child.stderr, onLine).catch(() => undefined)
  const exited = child.exited.then((): ServerExit => {
    guard.release()
    return { code: child.exitCode, signal: child.signalCode }
  })
  return { child, exited }
}

const describeExit = (exit: ServerExit) =>
  `it ended at once (${exit.signal ?? `exit ${exit.code}`})`

/**
 * Starts a server and resolves when it takes connections.
 *
 * @throws NatsServerUnusable when there is no binary that is new enough, NatsServerFailed when the
 * server does not come up (with the end of its log) or another server already runs on the same
 * store.
 */
export const startEmbeddedServer = async (
  options: EmbeddedServerOptions,
): Promise<EmbeddedServer> => {
  const binary = options.binary ?? findNatsServer().path
  const storeDir = join(options.directory, "store")
  mkdirSync(storeDir, { recursive: true })
  const holder = await storeHolder(options.directory, STOP_WAIT_MILLIS)
  if (holder !== undefined) {
    const reason = `process ${holder} already runs on the store in ${options.directory}`
    throw new NatsServerFailed({ reason, log: [] })
  }
  const configuration = join(options.directory, CONFIGURATION_FILE)
  writeFileSync(configuration, serverConfiguration(withDefaults(options, storeDir)))

  const lastLines: Array<string> = []
  const onLine = (line: string) => {
    options.onLog?.(line)
    lastLines.push(line)
    if (lastLines.length > LOG_LINES_SHOWN_MAX) lastLines.shift()
  }
  const command = commandOf(binary, options)
  const { child, exited } = spawnServer(command, configuration, coresOf(options), onLine)
  const portsFile = join(options.directory, `nats-server_${child.pid}.ports`)
  const ended = new AbortController()
  void exited.then(() => ended.abort())
  const deadline = AbortSignal.timeout(START_WAIT_MILLIS)
  const ports = await lookUntil(
    options.directory,
    () => readPorts(portsFile),
    AbortSignal.any([ended.signal, deadline]),
  )
  const url = ports?.nats[0]
  const monitorUrl = ports?.monitoring[0]
  if (url === undefined || monitorUrl === undefined) {
    child.kill("SIGKILL")
    const exit = await exited
    const reason = deadline.aborted ? `not ready after ${START_WAIT_MILLIS} ms` : describeExit(exit)
    throw new NatsServerFailed({ reason, log: lastLines })
  }
  return running(options, child, exited, { url, monitorUrl, storeDir })
}

const running = (
  options: EmbeddedServerOptions,
  child: Bun.Subprocess,
  exited: Promise<ServerExit>,
  at: { readonly url: string; readonly monitorUrl: string; readonly storeDir: string },
): EmbeddedServer => {
  const port = portOf(at.url)
  const monitorPort = portOf(at.monitorUrl)
  return {
    ...at,
    port,
    monitorPort,
    pid: child.pid,
    exited,
    stop: async () => {
      child.kill("SIGTERM")
      const overdue = setTimeout(() => child.kill("SIGKILL"), STOP_WAIT_MILLIS)
      return exited.finally(() => clearTimeout(overdue))
    },
    kill: () => {
      child.kill("SIGKILL")
      return exited
    },
    restart: () => startEmbeddedServer({ ...options, port, monitorPort }),
  }
}

const MIB = 1024 * 1024

const withDefaults = (options: EmbeddedServerOptions, storeDir: string): ServerConfiguration => ({
  serverName: options.serverName ?? "weir",
  host: options.host ?? "127.0.0.1",
  port: options.port ?? 0,
  monitorPort: options.monitorPort ?? 0,
  directory: options.directory,
  storeDir,
  sync: options.sync ?? "default",
  // Above the sum of the streams' limits, which provisioning checks: a full store refuses every
  // stream.
  maxFileStoreBytes: options.maxFileStoreBytes ?? 24 * 1024 * MIB,
  maxMemoryStoreBytes: options.maxMemoryStoreBytes ?? 256 * MIB,
  maxPayloadBytes: options.maxPayloadBytes ?? 8 * MIB,
  cluster: options.cluster,
})
