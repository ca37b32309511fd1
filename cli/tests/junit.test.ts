// The counts of a real `bun test` run are read as they were, skipped tests by name.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readReport } from "./junit.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weir-junit-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const reportOf = (name: string, code: string) => {
  const report = join(folder, `${name}.xml`)
  writeFileSync(join(folder, `${name}.test.ts`), code)
  const command = [process.execPath, "test", "--reporter=junit", `--reporter-outfile=${report}`]
  Bun.spawnSync([...command, `./${name}.test.ts`], { cwd: folder })
  return readFileSync(report, "utf8")
}

test("passed, failed, skipped and planned tests of a run are counted", () => {
  const xml = reportOf(
    "mixed",
    `import { describe, expect, test } from "bun:test"
     test("adds <one> & \\"two\\"", () => expect(1).toBe(1))
     test.skipIf(true)("checks <xml> (skipped: no \\"tool\\")", () => {})
     test.todo("later")
     describe("group", () => {
       test("fails", () => expect(1).toBe(2))
       test.skip("rests", () => {})
     })`,
  )
  expect(readReport(xml)).toEqual({
    passed: 1,
    failed: 1,
    skipped: ['checks <xml> (skipped: no "tool")', "later", "group > rests"],
  })
})

test("a report that ends half way is refused", () => {
  const xml = reportOf("one", `import { test } from "bun:test"\ntest("does", () => {})`)
  expect(readReport(xml)).toEqual({ passed: 1, failed: 0, skipped: [] })
  expect(() => readReport(xml.slice(0, -20))).toThrow("not a whole <testsuites> document")
})
