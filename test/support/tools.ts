// Tests that need an external program: they run where it is, and are skipped by name and reason
// where it is not.
import { test } from "bun:test"
import { findTool } from "../../cli/tests/pinned-tools.ts"

export { findToolFolder } from "../../cli/tests/pinned-tools.ts"

/** Registers a test that gets the program's path; `./weir test --with-tools` gets the program. */
export const testWithTool = (
  tool: string,
  name: string,
  run: (path: string) => void | Promise<void>,
): void => {
  const path = findTool(tool)
  if (path === undefined) test.skip(`${name} (${tool} is not installed)`, () => undefined)
  else test(name, () => run(path))
}
