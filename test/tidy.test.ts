// The house rules, checked on every source file that git knows.
import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { RULES } from "./support/house-rules.ts"
import { directions, isPure, outsideWorld, packages, waysToTheLog } from "./support/import-rules.ts"
import { importsOf } from "./support/imports.ts"
import { mask } from "./support/source-mask.ts"

const root = join(import.meta.dir, "..")
const tracked = Bun.spawnSync(["git", "ls-files", "*.ts"], { cwd: root }).stdout.toString()
const paths = tracked.split("\n").filter((path) => path !== "" && existsSync(join(root, path)))
const sources = new Map(
  await Promise.all(
    paths.map(async (path) => [path, await Bun.file(join(root, path)).text()] as const),
  ),
)
const imports = new Map([...sources].map(([path, source]) => [path, importsOf(path, source)]))

const breaches = (check: (path: string, source: string) => ReadonlyArray<string>) =>
  [...sources].flatMap(([path, source]) =>
    check(path, source).map((breach) => `${path}: ${breach}`),
  )

test("there are sources to check", () => {
  expect(paths.length).toBeGreaterThan(50)
})

describe("in every file", () => {
  for (const [sentence, rule] of Object.entries(RULES))
    test(sentence, () => expect(breaches(rule)).toEqual([]))
})

describe("imports", () => {
  test("go one way", () => {
    expect(breaches((path) => directions(path, imports.get(path) ?? []))).toEqual([])
  })
  test("name files that are there", () => {
    const missing = breaches((path) =>
      (imports.get(path) ?? []).flatMap((imported) =>
        "file" in imported && !existsSync(join(root, imported.file)) ? [imported.file] : [],
      ),
    )
    expect(missing).toEqual([])
  })
  test("of replaceable packages stay behind one folder", () => {
    expect(breaches((path) => packages(path, imports.get(path) ?? []))).toEqual([])
  })
  test("never lead from what is pure to the log", () => {
    expect(breaches((path) => (isPure(path) ? waysToTheLog(path, imports) : []))).toEqual([])
  })
})

test("what is pure reads no environment, clock or randomness", () => {
  expect(breaches((path, source) => (isPure(path) ? outsideWorld(mask(source).bare) : []))).toEqual(
    [],
  )
})
