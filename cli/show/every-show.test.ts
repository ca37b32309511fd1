// Each file of this folder is a demonstration that can be listed and asked what it does.
import { expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { basename } from "node:path"
import type { Show } from "../show.ts"

const LINE_COLUMNS_MAX = 100

const files = readdirSync(import.meta.dir).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
)

test("there are demonstrations", () => {
  expect(files.length).toBeGreaterThanOrEqual(6)
})

for (const file of files)
  test(`${file} says what it proves and how it is run, and refuses an unknown flag`, async () => {
    const { show } = (await import(`./${file}`)) as { readonly show: Show }
    expect(show.summary).toMatch(/^[A-Z][^\n]{10,89}$/)
    expect(show.usage).toStartWith(`Usage: ./weir show ${basename(file, ".ts")}`)
    for (const line of show.usage.split("\n"))
      expect(line.length).toBeLessThanOrEqual(LINE_COLUMNS_MAX)
    await expect(show.run(["--no-such-flag"])).rejects.toThrow("--no-such-flag")
  })
