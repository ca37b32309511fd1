// One child process of `weir up`: its own process group (Ctrl-C is ours to handle), its output line
// by line, and an end that is bounded in time. It does not restart anything: supervisor.ts does.
import { guardOrphan } from "#core/service/orphan-guard"

export interface ChildExit {
  readonly code: number | null
  readonly signal: string | number | null
}

/** Something that runs and can be ended: a child process of ours, or an embedded server. */
export interface Running {
  readonly pid: number
  readonly exited: Promise<ChildExit>
  /** Asks it to end, and makes it end when it does not in time; resolves when it has ended. */
  readonly stop: () => Promise<ChildExit>
}

export interface ChildProcess {
  readonly command: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Between SIGTERM and SIGKILL. */
  readonly stopWaitMillis: number
  readonly onLine: (line: string) => void
}

const forEachLine = async (stream: ReadableStream<Uint8Array>, onLine: (line: string) => void) => {
  let rest = ""
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(line)
  }
  if (rest !== "") onLine(rest)
}

/** Starts the process; throws when the program is not there. */
export const startChild = (spec: ChildProcess): Running => {
  const child = Bun.spawn([...spec.command], {
    env: { ...process.env, ...spec.environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  })
  const guard = guardOrphan(child.pid)
  // A grandchild can hold the pipes open for long after the end: nobody waits for them.
  void forEachLine(child.stdout, spec.onLine).catch(() => undefined)
  void forEachLine(child.stderr, spec.onLine).catch(() => undefined)
  // Its process group goes with it: what a killed child had started must not live on.
  const killGroup = () => {
    try {
      process.kill(-child.pid, "SIGKILL")
    } catch {
      // None of the group is left.
    }
  }
  const exited = child.exited.then((): ChildExit => {
    guard.release()
    killGroup()
    return { code: child.exitCode, signal: child.signalCode }
  })
  return {
    pid: child.pid,
    exited,
    stop: async () => {
      child.kill("SIGTERM")
      const overdue = setTimeout(killGroup, spec.stopWaitMillis)
      return exited.finally(() => clearTimeout(overdue))
    },
  }
}

/** "exit 1" or "SIGKILL", for a sentence. */
export const describeExit = (exit: ChildExit): string =>
  exit.signal === null ? `exit ${exit.code}` : String(exit.signal)
