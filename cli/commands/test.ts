// `weir test`: everything that this machine can run, each test file in its own process, and one
// last line that counts.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { goldenFolderFault } from "#core/statistics/golden-folder"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  wholeNumber,
  type Command,
} from "../command.ts"
import { projectFolder } from "../project.ts"
import { getTools } from "../tests/get-tools.ts"
import { runCommand } from "../tests/run-command.ts"
import { runTestFile, type FileResult } from "../tests/run-file.ts"

/** More files at a time than this only fight for disk and cores. */
const PARALLEL_MAX = 16
const PATTERNS_MAX = 64
const TRIES_MAX = 3
/** Lines of tests over recorded or random cases: how many passed, or how near they came. */
const COUNTED = /^(?:golden|conformance) ?.*: .* passed$|^.*: statistic within .*$/gm
/** The type check and the format check of the whole project take seconds. */
const CHECK_WAIT_MILLIS = 300_000

const flags = {
  "with-tools": { help: "first get the external tools that some tests need (.ci/versions)" },
  parallel: { value: "N", help: "test files at a time (default 1)" },
  tries: {
    value: "N",
    help:
      "a file that failed runs again at the end, N times in all (default 1);\n" +
      "                 what passes then is listed as unsteady",
  },
} as const

const testFiles = (patterns: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Bun.Glob("**/*.test.ts").scanSync({ cwd: projectFolder })]
    .filter((file) => !file.startsWith("node_modules/") && !file.startsWith(".weir/"))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
    .toSorted()

/** The type check and the format each count as one test. */
const runCheck = async (words: ReadonlyArray<string>): Promise<FileResult> => {
  const began = performance.now()
  const run = await runCommand([process.execPath, ...words], CHECK_WAIT_MILLIS)
  return {
    file: ["bun", ...words].join(" "),
    passed: run.isGood ? 1 : 0,
    failed: run.isGood ? 0 : 1,
    skipped: [],
    millis: performance.now() - began,
    output: run.output,
    trouble: run.isGood ? undefined : `ended with ${run.end}`,
  }
}

const CHECKS = [
  ["check", "--no-pretty"],
  ["fmt", "--check"],
]

const report = (result: FileResult) => {
  const counts = [
    `${result.passed} passed`,
    ...(result.failed === 0 ? [] : [`${result.failed} failed`]),
    ...(result.skipped.length === 0 ? [] : [`${result.skipped.length} skipped`]),
  ].join(", ")
  const seconds = (result.millis / 1000).toFixed(1)
  if (result.failed > 0) console.log(result.output.trimEnd())
  console.log(`${result.failed === 0 ? "ok  " : "FAIL"} ${result.file}: ${counts} (${seconds} s)`)
  // What a test counts of recorded or random cases is of interest when it passes, too.
  if (result.failed === 0)
    for (const [line] of result.output.matchAll(COUNTED)) console.log(`     ${line}`)
  if (result.trouble !== undefined) console.log(`     ${result.trouble}`)
}

const runAll = async (
  jobs: ReadonlyArray<() => Promise<FileResult>>,
  parallel: number,
): Promise<ReadonlyArray<FileResult>> => {
  const results: Array<FileResult> = []
  const queue = jobs.values()
  const worker = async () => {
    for (const job of queue) {
      const result = await job()
      report(result)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return results
}

/**
 * A file that failed beside others runs again when the machine has nothing else to do. What passes
 * then is no proof that all is well, so it is listed.
 */
const tryAgain = async (
  results: ReadonlyArray<FileResult>,
  files: ReadonlySet<string>,
  tries: number,
  folder: string,
): Promise<ReadonlyArray<FileResult>> => {
  const ended: Array<FileResult> = []
  const unsteady: Array<string> = []
  for (const first of results) {
    let last = first
    for (let run = 1; run < tries && last.failed > 0 && files.has(first.file); run++) {
      console.log(`again ${first.file}`)
      last = await runTestFile(first.file, folder)
      report(last)
    }
    if (first.failed > 0 && last.failed === 0) unsteady.push(`  ${first.file}`)
    ended.push(last)
  }
  if (unsteady.length > 0)
    console.log(["", "Unsteady (failed above, passed when run again):", ...unsteady].join("\n"))
  return ended
}

const total = (results: ReadonlyArray<FileResult>, of: (result: FileResult) => number) =>
  results.reduce((sum, result) => sum + of(result), 0)

/** The last line, as CI reads it. */
const conclude = (results: ReadonlyArray<FileResult>): number => {
  const failed = total(results, (result) => result.failed)
  const skipped = results.flatMap(({ file, skipped: names }) =>
    names.map((name) => `  ${file}: ${name}`),
  )
  if (skipped.length > 0) console.log(["", "Skipped:", ...skipped].join("\n"))
  const bad = results.filter((result) => result.failed > 0).map((result) => `  ${result.file}`)
  if (bad.length > 0) console.log(["", "Failed:", ...bad].join("\n"))
  const passed = total(results, (result) => result.passed)
  const counts = `${passed} passed, ${failed} failed`
  console.log(`\n${skipped.length === 0 ? counts : `${counts}, ${skipped.length} skipped`}`)
  return failed === 0 ? EXIT_DONE : EXIT_FAILED
}

export const test: Command = {
  name: "test",
  summary: "Every test that this machine can run",
  usage: `Usage: ./weir test [pattern...] [flags]

Runs the type check, the format check and every test file, with real servers on free ports. With
patterns: only the test files whose path contains one of them. A test whose tool is missing is
skipped by name and reason.
The last line is "N passed, N failed" (", N skipped"); exit code 1 when something failed.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, PATTERNS_MAX)
    const parallel = wholeNumber("parallel", set.parallel, {
      least: 1,
      most: PARALLEL_MAX,
      otherwise: 1,
    })
    const tries = wholeNumber("tries", set.tries, { least: 1, most: TRIES_MAX, otherwise: 1 })
    const golden = process.env["WEIR_GOLDEN"]
    // Each file would fail by itself, in the project's folder.
    const goldenFault = goldenFolderFault(golden && resolve(projectFolder, golden))
    if (goldenFault !== undefined) throw new CommandFailed(goldenFault)
    const files = testFiles(positionals)
    if (files.length === 0)
      throw new CommandFailed(`no test file has ${positionals.join(" or ")} in its path`)
    if (switches.has("with-tools")) {
      for (const trouble of await getTools()) console.log(`tool missing: ${trouble}`)
    }
    const folder = mkdtempSync(join(tmpdir(), "weir-test-"))
    try {
      const checks = positionals.length === 0 ? CHECKS : []
      const jobs = [
        ...checks.map((words) => () => runCheck(words)),
        ...files.map((file) => () => runTestFile(file, folder)),
      ]
      const results = await runAll(jobs, parallel)
      return conclude(await tryAgain(results, new Set(files), tries, folder))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
