// A test file that crashes, hangs on import or says nothing is a failure, never a silent pass.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { inProject, projectFolder } from "../project.ts"
import { runTestFile } from "./run-file.ts"
import { pinnedTools } from "./pinned-tools.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weir-run-file-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (name: string, code: string) => {
  const path = join(folder, `${name}.test.ts`)
  writeFileSync(path, `import { expect, test } from "bun:test"\n${code}`)
  return runTestFile(relative(projectFolder, path), folder)
}

test("passed and failed tests are counted", async () => {
  const code = `test("a", () => {}); test("b", () => expect(1).toBe(2))`
  expect(await run("counts", code)).toMatchObject({ passed: 1, failed: 1, trouble: undefined })
})

test("a file that kills its process is one failure that says how it ended", async () => {
  const code = `test("dies", () => process.kill(process.pid, "SIGKILL"))`
  const result = await run("dies", code)
  expect(result).toMatchObject({ passed: 0, failed: 1 })
  expect(result.trouble).toBe("ended without a report (SIGKILL)")
})

test("an error outside of the tests fails the file", async () => {
  const result = await run("import", `test("a", () => {})\nthrow new Error("no")`)
  expect(result.failed).toBe(1)
})

test("every tool in .ci/versions can be read, and an unknown kind is refused", () => {
  const tools = pinnedTools()
  expect(tools.map((tool) => tool.name)).toContain("shellcheck")
  expect(() => pinnedTools("TOOL_x=curl:somewhere=1")).toThrow('cannot read "TOOL_x=curl')
})

test("the client's tests are compiled by the version that its package names", async () => {
  const { devDependencies }: { devDependencies?: Readonly<Record<string, string>> } =
    await Bun.file(inProject("client", "package.json")).json()
  const pinned = pinnedTools().find(({ name }) => name === "tsc")
  expect(devDependencies).toEqual({ typescript: pinned?.version ?? "" })
})
