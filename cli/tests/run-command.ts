// Runs one program of the test run: in the project's folder, bounded in time, with an environment
// in which only the tests' own settings are left.
import { delimiter } from "node:path"
import { projectFolder } from "../project.ts"
import { toolFolders } from "./pinned-tools.ts"

export interface CommandResult {
  readonly isGood: boolean
  readonly isOverdue: boolean
  /** "exit 1" or the name of the signal. */
  readonly end: string
  /** Both of its outputs. */
  readonly output: string
}

/** Settings of the services; what a shell has set for them must not reach the tests. */
const SERVICE_KEY = /^(WEIR_(?!NATS_SERVER$|FUZZ_|PYTHON$|GOLDEN$)|NATS_|MODEL_|DRIFT_|LOG_|OTEL_)/

const testEnvironment = (): Record<string, string | undefined> => {
  const kept = Object.entries(process.env).filter(([key]) => !SERVICE_KEY.test(key))
  const paths = [...toolFolders(), process.env["PYTHONPATH"]].filter((path) => path !== undefined)
  return { ...Object.fromEntries(kept), PYTHONPATH: paths.join(delimiter) }
}

/**
 * Runs a command in the project's folder and gives its exit code, with both of its outputs as one
 * text.
 */
export const runCommand = async (
  command: ReadonlyArray<string>,
  waitMillis: number,
): Promise<CommandResult> => {
  const run = Bun.spawn([...command], {
    cwd: projectFolder,
    env: testEnvironment(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  let isOverdue = false
  const overdue = setTimeout(() => {
    isOverdue = true
    run.kill("SIGKILL")
  }, waitMillis)
  const [stdout, stderr] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  clearTimeout(overdue)
  const end = String(run.signalCode ?? `exit ${run.exitCode}`)
  return { isGood: run.exitCode === 0, isOverdue, end, output: `${stdout}${stderr}` }
}
