// The files that a configuration names lie beside it, wherever it is read from.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterAll, expect, test } from "bun:test"
import { settingsOf } from "./config.ts"
import { missingReferences, readDriftConfig } from "./config-file.ts"

const folder = mkdtempSync(join(tmpdir(), "weir-drift-config-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const path = join(folder, "drift.yaml")
writeFileSync(join(folder, "rows.csv"), "km\n1\n")
writeFileSync(
  path,
  `
defaults: { alpha: 0.05, reference: { file: ./rows.csv } }
models:
  other: { reference: { file: none.csv } }
  absolute: { reference: { file: /no/such.csv } }
  first: { reference: { first: 5 } }`,
)

test("a relative reference file is taken from the folder of the configuration", () => {
  const config = readDriftConfig(path)
  const referenceOf = (model: string) => settingsOf(config, model).reference
  expect(referenceOf("any")).toEqual({ kind: "file", path: join(folder, "rows.csv") })
  expect(referenceOf("other")).toEqual({ kind: "file", path: join(folder, "none.csv") })
  expect(referenceOf("absolute")).toEqual({ kind: "file", path: "/no/such.csv" })
  expect(referenceOf("first")).toEqual({ kind: "first", rows: 5 })
  expect(config.defaults?.alpha).toBe(0.05)
})

test("is the same however the configuration is named", () => {
  expect(readDriftConfig(relative(process.cwd(), path))).toEqual(readDriftConfig(path))
})

test("and is named in full where it is missing", () => {
  expect(missingReferences(readDriftConfig(path))).toEqual([
    `models.other.reference.file: expected a file that is there, got "${folder}/none.csv"`,
    'models.absolute.reference.file: expected a file that is there, got "/no/such.csv"',
  ])
})
