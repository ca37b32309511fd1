import { expect, test } from "bun:test"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dir, "..", "..")
const golden = join(root, "core", "quality", "golden", "gx")
const penguins = ["--csv", join(golden, "penguins.csv")]
const folder = mkdtempSync(join(tmpdir(), "weir-quality-"))

const weir = (...args: ReadonlyArray<string>) => {
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [process.execPath, join(root, "cli", "main.ts"), "quality", ...args],
    { cwd: folder },
  )
  return { exitCode, out: stdout.toString(), err: stderr.toString() }
}

test("a suite that is not met ends with 1 and says what was seen", () => {
  const page = join(folder, "page.html")
  const suite = join(golden, "suite-penguins.v1.json")
  const { exitCode, out } = weir(suite, ...penguins, "--html", page)
  expect(exitCode).toBe(1)
  expect(out).toContain("penguins: 21 of 31 met on 58 rows")
  expect(out).toContain("not met  expect_column_values_to_not_be_null sex")
  expect(readFileSync(page, "utf8")).toContain("21 of 31 expectations met on 58 rows")
})

test("a suggested suite is met by the table that it came from, and ends with 0", () => {
  const suite = join(folder, "suggested.json")
  writeFileSync(suite, weir("suggest", ...penguins).out)
  const { exitCode, out } = weir(suite, ...penguins, "--json")
  expect(exitCode).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ success: true, suite_name: "penguins" })
})

test("an unknown expectation ends with 1 and is named", () => {
  const suite = join(folder, "unknown.json")
  const expectations = [{ type: "expect_the_best", kwargs: {} }]
  writeFileSync(suite, JSON.stringify({ name: "s", expectations }))
  const { exitCode, out } = weir(suite, ...penguins)
  expect(exitCode).toBe(1)
  expect(out).toContain("expect_the_best not found")
})

test("files that are none and words that are unknown are refused in a sentence", () => {
  const suite = join(golden, "suite-penguins.v1.json")
  expect(weir(suite).exitCode).toBe(2)
  expect(weir(suite, ...penguins, "--format", "LONG").exitCode).toBe(2)
  const missing = weir(suite, "--csv", "nowhere.csv")
  expect(missing.exitCode).toBe(1)
  expect(missing.err).toContain("cannot read nowhere.csv: ENOENT")
  const noSuite = weir(join(golden, "penguins.schema.json"), ...penguins)
  expect(noSuite.exitCode).toBe(1)
  expect(noSuite.err).toContain("not a suite of expectations")
})
