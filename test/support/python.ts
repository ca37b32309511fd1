// Tests that need a Python module: they run where it is, got by `./weir test --with-tools` or
// installed for the Python that WEIR_PYTHON names, and are skipped by name and reason elsewhere.
import { delimiter } from "node:path"
import { test } from "bun:test"
import { toolFolders } from "../../cli/tests/pinned-tools.ts"

const PYTHON = Bun.env["WEIR_PYTHON"] ?? "python3"

const environment = (): Record<string, string | undefined> => {
  const paths = [...toolFolders(), process.env["PYTHONPATH"]].filter((path) => path !== undefined)
  return { ...process.env, PYTHONPATH: paths.join(delimiter) }
}

const hasModules = (modules: ReadonlyArray<string>): boolean =>
  Bun.which(PYTHON) !== null &&
  Bun.spawnSync([PYTHON, "-c", `import ${modules.join(", ")}`], { env: environment() }).exitCode ===
    0

export interface PythonRun {
  readonly code: number
  readonly output: string
  readonly errors: string
}

/** Runs Python with the modules that are here. */
export const runPython = async (
  words: ReadonlyArray<string>,
  more: Readonly<Record<string, string>> = {},
  input = "",
): Promise<PythonRun> => {
  const run = Bun.spawn([PYTHON, ...words], {
    env: { ...environment(), ...more },
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  })
  const [output, errors, code] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  return { code, output, errors }
}

/** Registers a test that runs where Python has the modules. */
export const testWithModules = (
  modules: ReadonlyArray<string>,
  name: string,
  run: () => void | Promise<void>,
): void => {
  if (hasModules(modules)) test(name, run)
  else test.skip(`${name} (Python has no ${modules.join(", ")})`, () => undefined)
}
