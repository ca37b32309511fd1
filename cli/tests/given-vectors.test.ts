// `./weir test golden` over another folder of vectors: what is broken there fails, what is not
// there is skipped by name, and a folder that is missing is no folder of passed vectors.
import { afterAll, expect, test } from "bun:test"
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inProject } from "../project.ts"

const folder = mkdtempSync(join(tmpdir(), "weir-golden-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const vectors = (name: string) => inProject("core", "statistics", "golden", name)

const run = async (given: string, ...patterns: ReadonlyArray<string>) => {
  const command = [process.execPath, inProject("cli", "main.ts"), "test", ...patterns]
  const env = { ...process.env, WEIR_GOLDEN: given }
  const child = Bun.spawn(command, { env, stdout: "pipe", stderr: "pipe" })
  const [said, complained] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, said, complained }
}

test("a broken vector fails, and a file that is not there is skipped by name", async () => {
  copyFileSync(vectors("cvm.json"), join(folder, "cvm.json"))
  const whole = readFileSync(vectors("fisher.json"), "utf8")
  const broken = whole.replace(/"pvalue": *[0-9.e+-]+/, '"pvalue": 0.123456789')
  expect(broken).not.toBe(whole)
  writeFileSync(join(folder, "fisher.json"), broken)
  const { code, said } = await run(folder, "golden-co", "golden-cr", "golden-gx")
  expect(said).toMatch(/golden cvm\.json: (\d+) of \1 passed/)
  expect(said).toContain("expected 0.123456789")
  expect(said).toContain("(chi2.json: not in the folder given)")
  expect(said).toContain("(gx: not in the folder given)")
  expect(said.trimEnd()).toEndWith("1 passed, 1 failed, 2 skipped")
  expect(code).toBe(1)
})

test("a folder that is not there, or is none, is one error that names it", async () => {
  const file = join(folder, "cvm.json")
  copyFileSync(vectors("cvm.json"), file)
  for (const [given, fault] of [
    ["/no/such/folder", "no folder /no/such/folder"],
    [file, `not a folder: ${file}`],
    ["", "no folder"],
  ] as const) {
    const { code, said, complained } = await run(given, "golden-cramer", "golden-gx")
    expect(said).toBe("")
    expect(complained.trim()).toBe(`weir: WEIR_GOLDEN: ${fault}`)
    expect(code).toBe(1)
  }
})

test("a test file that is run by itself fails there, too", async () => {
  for (const name of ["statistics/golden-ks", "quality/golden-gx", "inference/golden-models"]) {
    const command = [process.execPath, "test", inProject("core", `${name}.test.ts`)]
    const env = { ...process.env, WEIR_GOLDEN: "/no/such/folder" }
    const child = Bun.spawn(command, { env, stdout: "ignore", stderr: "pipe" })
    const complained = await new Response(child.stderr).text()
    expect(complained).toContain("WEIR_GOLDEN: no folder /no/such/folder")
    expect(await child.exited).toBe(1)
  }
})
