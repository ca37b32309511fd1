// Another commit of Weir beside this one: its files in a temporary work tree, run by its own
// command line, so that two commits can be measured in turn.
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { copyFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { CommandFailed } from "../../cli/command.ts"
import { freePort } from "../../cli/port.ts"
import { inProject } from "../../cli/project.ts"
import type { Service } from "../../cli/programs/services.ts"
import { startChild } from "../../cli/up/child.ts"
import { hold, holdFolder, type Held } from "../clean-ups.ts"
import { commandOf, withDescendants } from "../measure/processes.ts"
import { git } from "../measure/machine.ts"
import { IRIS, IRIS_FILE } from "./iris.ts"
import type { Weir } from "./weir.ts"

const LOOPBACK = "127.0.0.1"
const READY_WAIT_MILLIS = 60_000
const LOOK_AGAIN_MILLIS = 50
const STOP_WAIT_MILLIS = 45_000
const LINES_SHOWN_MAX = 20

/** The full name of a commit; undefined when `revision` names none. */
export const commitOf = (revision: string): string | undefined => {
  const found = git("rev-parse", "--verify", "--quiet", `${revision}^{commit}`)
  return found === "" ? undefined : found
}

const checkouts = new Map<string, Held<string>>()

const removeWorkTree = (folder: string): void => {
  git("worktree", "remove", "--force", folder)
  rmSync(dirname(folder), { recursive: true, force: true })
  git("worktree", "prune")
}

/** The commit's files, with this checkout's packages. */
const checkOut = (commit: string): string => {
  const known = checkouts.get(commit)
  if (known !== undefined) return known.made
  const checkout = hold(
    () => join(mkdtempSync(join(tmpdir(), "weir-commit-")), "weir"),
    removeWorkTree,
  )
  checkouts.set(commit, checkout)
  const { made: folder } = checkout
  git("worktree", "add", "--detach", "--force", folder, commit)
  if (!existsSync(folder)) throw new CommandFailed(`git could not check out ${commit} in ${folder}`)
  symlinkSync(inProject("node_modules"), join(folder, "node_modules"))
  return folder
}

/** Takes the work trees of all commits away again. */
export const removeCheckouts = async (): Promise<void> => {
  for (const { undo } of checkouts.values()) await undo()
  checkouts.clear()
}

const untilReady = async (url: string, exited: Promise<unknown>): Promise<boolean> => {
  const state = { over: false }
  void exited.then(() => (state.over = true))
  const deadline = performance.now() + READY_WAIT_MILLIS
  while (!state.over && performance.now() < deadline) {
    const pages = [`${url}/v2/health/ready`, `${url}/v2/models/${IRIS}/ready`]
    const answers = await Promise.all(pages.map((page) => fetch(page).catch(() => undefined)))
    if (answers.every((answer) => answer?.ok === true)) return true
    await Bun.sleep(LOOK_AGAIN_MILLIS)
  }
  return false
}

/** A service is one file of its name, and was its sources in older commits. */
const serviceSigns = (service: Service) => [`/${service}.js`, `${service}/main.ts`]

const PARTS = [
  { name: "gateway", signs: serviceSigns("gateway") },
  { name: "predictor", signs: serviceSigns("predictor") },
  { name: "nats-server", signs: ["nats-server"] },
] as const

const shows = (command: string, signs: ReadonlyArray<string>): boolean =>
  signs.some((sign) => command.includes(sign))

/**
 * `up` starts a drift-monitor too, which reads every fact on what the others leave of the cores. It
 * stands still while they are measured.
 */
const MONITOR_SIGNS = serviceSigns("drift-monitor")

const signalMonitor = (below: number, signal: "SIGSTOP" | "SIGCONT"): void => {
  for (const pid of withDescendants([below]))
    if (shows(commandOf(pid), MONITOR_SIGNS)) process.kill(pid, signal)
}

const partsBelow = (pid: number) => {
  const commands = withDescendants([pid]).map((child) => ({ pid: child, text: commandOf(child) }))
  return PARTS.map(({ name, signs }) => ({
    name,
    pids: commands.filter(({ text }) => shows(text, signs)).map((found) => found.pid),
  }))
}

export interface CheckoutOptions {
  readonly name: string
  /** Undefined for the files as they are here. */
  readonly commit: string | undefined
  readonly environment: Readonly<Record<string, string>>
  /** A folder that outlives the system; one of its own when left out. */
  readonly on?: Awaited<ReturnType<typeof makeDataFolder>>
}

/** A folder with a log to be and the model iris; `remove` takes it away. */
export const makeDataFolder = async () => {
  const { made: data, undo: remove } = holdFolder("weir-bench-")
  const models = join(data, "models")
  mkdirSync(join(models, IRIS, "1"), { recursive: true })
  await copyFile(IRIS_FILE, join(models, IRIS, "1", "model.onnx"))
  return { data, models, remove }
}

/** `weir up` of that commit with the model iris; throws with its last lines if it is not ready. */
export const startCheckout = async (options: CheckoutOptions): Promise<Weir> => {
  const folder = options.commit === undefined ? inProject() : checkOut(options.commit)
  const { data, models, remove } = options.on ?? (await makeDataFolder())
  const port = freePort(LOOPBACK)
  const words = ["--port", String(port), "--data", join(data, "log"), "--models", models]
  const lines: Array<string> = []
  const spec = {
    command: [process.execPath, join(folder, "cli", "main.ts"), "up", ...words],
    environment: {
      LOG_LEVEL: "warn",
      WEIR_GRPC_PORT: "none",
      WEIR_PREDICTIONS_MAX_MESSAGES: "200000",
      ...options.environment,
    },
    stopWaitMillis: STOP_WAIT_MILLIS,
    onLine: (line: string) => {
      lines.push(line)
      if (lines.length > LINES_SHOWN_MAX) lines.shift()
    },
  }
  const { made: child, undo: end } = hold(
    () => startChild(spec),
    (running) => {
      signalMonitor(running.pid, "SIGCONT")
      return running.stop()
    },
  )
  const stop = async () => {
    await end()
    if (options.on === undefined) await remove()
  }
  const url = `http://${LOOPBACK}:${port}`
  if (!(await untilReady(url, child.exited))) {
    await stop()
    throw new CommandFailed(`${options.name} is not ready:\n  ${lines.join("\n  ")}`)
  }
  signalMonitor(child.pid, "SIGSTOP")
  return { name: options.name, isWeir: true, url, parts: () => partsBelow(child.pid), stop }
}
