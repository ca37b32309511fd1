// Runs one test file in a process of its own, so that a crash is a failed file and not the end of
// the run.
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { readReport } from "./junit.ts"
import { runCommand, type CommandResult } from "./run-command.ts"

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

const troubleOf = (
  run: CommandResult,
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
  const run = await runCommand(
    [process.execPath, "test", ...options, `./${file}`],
    FILE_WAIT_MILLIS,
  )
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
