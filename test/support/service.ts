// One process of Weir under test: started from its main.ts, ready when it says so, stopped or
// killed by its own process id.
import { join } from "node:path"
import { Schema } from "effect"

const PROJECT = join(import.meta.dir, "..", "..")
/** A process that is not ready by then has a fault. */
const READY_WAIT_MILLIS = 30_000
const STOP_WAIT_MILLIS = 30_000
const LOG_LINES_MAX = 2_000

const LogLine = Schema.Struct({
  level: Schema.String,
  message: Schema.String,
  statusPort: Schema.optionalKey(Schema.Int),
  url: Schema.optionalKey(Schema.String),
})
const readLine = Schema.decodeUnknownOption(Schema.fromJsonString(LogLine))

export interface RunningService {
  readonly name: string
  readonly pid: number
  /** Base URL: of its API for a gateway, of health and metrics for the others. */
  readonly url: string
  readonly log: ReadonlyArray<string>
  readonly exited: Promise<number>
  /** SIGTERM; resolves with the exit code. */
  readonly stop: () => Promise<number>
  /** SIGKILL; resolves when it is gone. */
  readonly kill: () => Promise<number>
}

/** Starts `<name>/main.ts` and resolves when it has logged "ready" with its port. */
export const startService = async (
  name: string,
  environment: Readonly<Record<string, string>>,
): Promise<RunningService> => {
  const child = Bun.spawn([process.execPath, join(PROJECT, name, "main.ts")], {
    cwd: PROJECT,
    env: { ...process.env, LOG_FORMAT: "json", ...environment },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  })
  const log: Array<string> = []
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>()
  const onLine = (line: string) => {
    log.push(line)
    if (log.length > LOG_LINES_MAX) log.shift()
    const read = readLine(line)
    if (read._tag === "Some" && read.value.message === "ready")
      resolve(read.value.url ?? `http://127.0.0.1:${read.value.statusPort ?? 0}`)
  }
  const followed = followLines(child.stderr, onLine)
  // Its last words may come later than its end.
  void Promise.all([child.exited, followed]).then(([code]) =>
    reject(new Error(`${name} ended with ${code}:\n${log.slice(-20).join("\n")}`)),
  )
  const overdue = setTimeout(
    () => reject(new Error(`${name} is not ready:\n${log.slice(-20).join("\n")}`)),
    READY_WAIT_MILLIS,
  )
  try {
    return running(name, child, log, await ready)
  } catch (cause) {
    child.kill("SIGKILL")
    throw cause
  } finally {
    clearTimeout(overdue)
  }
}

const running = (
  name: string,
  child: Bun.Subprocess,
  log: ReadonlyArray<string>,
  url: string,
): RunningService => ({
  name,
  pid: child.pid,
  url,
  log,
  exited: child.exited,
  stop: async () => {
    child.kill("SIGTERM")
    const overdue = setTimeout(() => child.kill("SIGKILL"), STOP_WAIT_MILLIS)
    return child.exited.finally(() => clearTimeout(overdue))
  },
  kill: () => {
    child.kill("SIGKILL")
    return child.exited
  },
})

const followLines = async (stream: ReadableStream<Uint8Array>, onLine: (line: string) => void) => {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(line)
  }
}
