// For tests of this folder: Python packages that would not get along with one another, each run
// with its own folder alone.
import { test } from "bun:test"
import { findToolFolder } from "../support/tools.ts"

export interface Run {
  readonly code: number
  readonly output: string
  readonly errors: string
}

export const run = async (
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<Run> => {
  const child = Bun.spawn([...words], {
    env: { ...process.env, ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(cwd === undefined ? {} : { cwd }),
  })
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, output, errors }
}

/** Registers a test that gets the folders of the tools; skipped by name where one is not here. */
export const testWithTools = (
  tools: ReadonlyArray<string>,
  name: string,
  body: (folders: ReadonlyArray<string>) => Promise<void>,
): void => {
  const folders = tools.map(findToolFolder)
  const missing = tools.filter((_, at) => folders[at] === undefined)
  const found = folders.filter((folder) => folder !== undefined)
  if (missing.length === 0) test(name, () => body(found))
  else test.skip(`${name} (${missing.join(", ")}: not got with --with-tools)`, () => undefined)
}
