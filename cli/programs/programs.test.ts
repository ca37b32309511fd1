// What a service is started from, on a checkout of four small files.
import { afterAll, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { programsOf } from "./programs.ts"
import { SERVICES, type Service } from "./services.ts"

const BUILD_WAIT_MILLIS = 60_000
const folder = realpathSync(mkdtempSync(join(tmpdir(), "weir-programs-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (root: string, path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** A checkout whose gateway says what the module `core/where.ts` gives. */
const checkout = (name: string, where: string): string => {
  const root = join(folder, name)
  for (const service of SERVICES) write(root, `${service}/main.ts`, "console.log(process.argv[2])")
  write(root, "gateway/main.ts", `import { said } from "../core/where.ts"\nconsole.log(said())`)
  write(root, "core/where.ts", where)
  mkdirSync(join(root, "proto"))
  for (const file of ["package.json", "bun.lock"]) write(root, file, "{}")
  return root
}

/** The programs of a checkout of which all can be made. */
const programsIn = (root: string) => {
  const command = programsOf(root)
  return (service: Service) =>
    command(service, (reason) => {
      throw new Error(reason)
    })
}

const run = (command: ReadonlyArray<string>, ...flags: ReadonlyArray<string>): string =>
  Bun.spawnSync([...command, ...flags])
    .stdout.toString()
    .trim()

test(
  "a program is one file, made once and anew when a source has changed",
  async () => {
    const root = checkout("changed", `export const said = () => "first"`)
    const command = programsIn(root)
    const [one, other] = await Promise.all([command("gateway"), command("predictor")])
    expect(one[1]).toStartWith(join(root, ".weir", "programs"))
    expect(run(one)).toBe("first")
    expect(run(other, "--flag")).toBe("--flag")
    expect(await command("gateway")).toEqual(one)
    expect(await programsIn(root)("gateway")).toEqual(one)
    write(root, "core/where.ts", `export const said = () => "second"`)
    const anew = await command("gateway")
    expect(run(anew)).toBe("second")
    expect(run(one)).toBe("first")
  },
  BUILD_WAIT_MILLIS,
)

test(
  "a module in a program knows where its source is, and so does the stack of an error",
  async () => {
    const where = `export const said = () =>
      [import.meta.dir, import.meta.url, import.meta.main, new Error("here").stack].join("\\n")`
    const root = checkout("where", where)
    const [dir, url, main, , line] = run(await programsIn(root)("gateway")).split("\n")
    expect(dir).toBe(join(root, "core"))
    expect(url).toBe(`file://${root}/core/where.ts`)
    expect(main).toBe("false")
    expect(line).toContain(`${root}/core/where.ts:2`)
  },
  BUILD_WAIT_MILLIS,
)

test(
  "only the programs of the last few changes are kept",
  async () => {
    const root = checkout("kept", "")
    const command = programsIn(root)
    for (let change = 0; change < 6; change++) {
      write(root, "core/where.ts", `export const said = () => ${"1".repeat(change + 1)}`)
      expect(run(await command("gateway"))).toBe("1".repeat(change + 1))
    }
    expect(readdirSync(join(root, ".weir", "programs"))).toHaveLength(4)
  },
  BUILD_WAIT_MILLIS,
)

test(
  "where no program can be made, the source is started, and why is said in a line",
  async () => {
    const reasons: Array<string> = []
    const onSources = (reason: string) => reasons.push(reason)
    const unwritable = checkout("unwritable", `export const said = () => "from the source"`)
    write(unwritable, ".weir", "a file")
    const command = await programsOf(unwritable)("gateway", onSources)
    expect(command[1]).toBe(join(unwritable, "gateway", "main.ts"))
    expect(run(command)).toBe("from the source")
    const wrong = checkout("wrong", "\nexport const said = (")
    const started = await programsOf(wrong)("gateway", onSources)
    expect(started[1]).toBe(join(wrong, "gateway", "main.ts"))
    expect(reasons).toEqual([
      `ENOTDIR: not a directory, mkdir '${unwritable}/.weir/programs'`,
      `Unexpected end of file at ${wrong}/core/where.ts:2`,
    ])
  },
  BUILD_WAIT_MILLIS,
)
