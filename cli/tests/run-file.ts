// Runs one test file in a process of its own, so that a crash is a failed file and not the end of
// the run.
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { projectFolder } from "../project.ts"
import { readReport } from "./junit.ts"

/** The whole run may take ten minutes; a single file that takes half of that hangs. */
const FILE_WAIT_MILLIS = 300_000
/** One test that names no time of its own; the machine may be busy with others. */
const TEST_WAIT_MILLIS = 60_000

export interface FileResult {
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly skipped: ReadonlyArray<string>
  readonly millis: number
  /** Everything that the run printed. */
  readonly output: string
  /** What went wrong beside failed tests. */
  readonly trouble: string | undefined
}

/**
 * What a developer's shell has set must not reach the tests; the binary that the launcher found
 * must.
 */
const testEnvironment = (): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([key]) =>
        key === "WEIR_NATS_SERVER" || !/^(WEIR_|NATS_|MODEL_|DRIFT_|IDEMPOTENCY_)/.test(key),
    ),
  )

/**
 * Runs a command in the project's folder and gives its exit code, with both of its outputs as one
 * text.
 */
export const runCommand = async (command: ReadonlyArray<string>, waitMillis = FILE_WAIT_MILLIS) => {
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
  const end = run.signalCode ?? `exit ${run.exitCode}`
  return { isGood: run.exitCode === 0, isOverdue, end, output: `${stdout}${stderr}` }
}

const troubleOf = (
  run: Awaited<ReturnType<typeof runCommand>>,
  report: { readonly passed: number; readonly failed: number } | undefined,
): string | undefined => {
  if (run.isOverdue) return `did not end within ${FILE_WAIT_MILLIS / 1000} s`
  if (report === undefined) return `ended without a report (${run.end})`
  if (!run.isGood && report.failed === 0) return `ended with ${run.end}, outside of its tests`
  return undefined
}

/** Runs the tests of `file` (a path inside the project); `folder` takes the report. */
export const runTestFile = async (file: string, folder: string): Promise<FileResult> => {
  const began = performance.now()
  const path = join(folder, `${file.replaceAll("/", "-")}.xml`)
  const options = [
    "--reporter=junit",
    `--reporter-outfile=${path}`,
    `--timeout=${TEST_WAIT_MILLIS}`,
  ]
  const run = await runCommand([process.execPath, "test", ...options, `./${file}`])
  const counts = existsSync(path) ? readReport(readFileSync(path, "utf8")) : undefined
  const trouble = troubleOf(run, counts)
  return {
    file,
    passed: counts?.passed ?? 0,
    failed: (counts?.failed ?? 0) + (trouble === undefined ? 0 : 1),
    skipped: counts?.skipped ?? [],
    millis: performance.now() - began,
    output: run.output,
    trouble,
  }
}
