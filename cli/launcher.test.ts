// The launcher without a network: which programs it takes and refuses, what a second start does,
// and what it says when there is nothing to take.
import { afterAll, beforeAll, expect, test } from "bun:test"
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { testWithTool } from "../test/support/tools.ts"
import { inProject } from "./project.ts"

/** All that the launcher may use beside what it looks for. */
const TOOLS =
  "sh dirname pwd readlink uname mkdir mv rm cp cmp chmod date tail sed head cut sleep cat".split(
    " ",
  )

let folder = ""
let basics = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weir-launcher-"))
  basics = join(folder, "basics")
  mkdirSync(basics)
  for (const tool of TOOLS) {
    const path = Bun.which(tool)
    if (path !== null) symlinkSync(path, join(basics, tool))
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const programThatPrints = (name: string, file: string, line: string) => {
  const place = join(folder, name)
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, file), `#!/bin/sh\necho "${line}"\n`)
  chmodSync(join(place, file), 0o755)
  return place
}

/**
 * A checkout whose packages are there and whose command prints the nats-server that it was given.
 */
const checkout = (name: string) => {
  const place = join(folder, name)
  for (const part of [".ci", "cli", "node_modules", ".weir/stamp"]) {
    mkdirSync(join(place, part), { recursive: true })
  }
  for (const file of ["weir", "bun.lock", ".ci/versions"]) {
    cpSync(inProject(file), join(place, file))
  }
  cpSync(inProject("bun.lock"), join(place, ".weir/stamp/bun.lock"))
  writeFileSync(join(place, "cli/main.ts"), "console.log(process.env.WEIR_NATS_SERVER)")
  return place
}

const launch = (place: string, paths: ReadonlyArray<string>, words: ReadonlyArray<string>) => {
  const run = Bun.spawnSync([join(place, "weir"), ...words], {
    env: { PATH: [...paths, basics].join(":"), HOME: join(folder, "home") },
  })
  return { code: run.exitCode, said: run.stderr.toString(), printed: run.stdout.toString().trim() }
}

const withBun = () => {
  const place = join(folder, "bun")
  mkdirSync(place, { recursive: true })
  rmSync(join(place, "bun"), { force: true })
  symlinkSync(process.execPath, join(place, "bun"))
  return place
}

test("an old nats-server is refused by path and version, and the next one is taken", () => {
  const old = programThatPrints("old", "nats-server", "nats-server: v2.9.10")
  const fit = programThatPrints("fit", "nats-server", "nats-server: v2.12.0")
  const run = launch(checkout("refuses"), [withBun(), old, fit], ["up"])
  expect(run.said).toContain(
    `${old}/nats-server: nats-server 2.9.10 is older than 2.12.0, not used`,
  )
  expect(run.printed).toBe(join(fit, "nats-server"))
  expect(run.code).toBe(0)
})

test("a second start says nothing and takes the same programs", () => {
  const fit = programThatPrints("fit", "nats-server", "nats-server: v2.12.0")
  const place = checkout("second")
  const first = launch(place, [withBun(), fit], ["up"])
  expect(launch(place, [], ["up"])).toEqual({ ...first, said: "" })
})

test("a program that has gone since the last start is looked for again", () => {
  const gone = programThatPrints("gone", "nats-server", "nats-server: v2.12.0")
  const fit = programThatPrints("fit", "nats-server", "nats-server: v2.12.0")
  const place = checkout("again")
  launch(place, [withBun(), gone], ["up"])
  rmSync(gone, { recursive: true })
  expect(launch(place, [withBun(), fit], ["up"]).printed).toBe(join(fit, "nats-server"))
})

test("a command that needs no server does not look for one", () => {
  const run = launch(checkout("help"), [withBun()], ["help"])
  expect(run).toEqual({ code: 0, said: "", printed: "undefined" })
})

test("an old Bun is refused by version, and without a source the failure says what to do", () => {
  const old = programThatPrints("old-bun", "bun", "1.2.21")
  const run = launch(checkout("no-bun"), [old], ["help"])
  expect(run.code).toBe(1)
  expect(run.said).toContain(`${old}/bun: bun 1.2.21 is older than 1.4.0, not used`)
  expect(run.said).toContain("npm: not installed")
  expect(run.said).toContain("What to do: install Bun yourself")
})

test("without any source of a nats-server every source is named", () => {
  const run = launch(checkout("no-nats"), [withBun()], ["up"])
  expect(run.code).toBe(1)
  for (const source of ["PATH: no nats-server", "release archive", "go: not installed", "PyPI"]) {
    expect(run.said).toContain(source)
  }
  expect(run.said).toContain("name it in WEIR_NATS_SERVER")
})

testWithTool("shellcheck", "shellcheck finds nothing in the launcher", (path) => {
  const run = Bun.spawnSync([path, inProject("weir"), inProject(".ci", "run")])
  expect(run.stdout.toString()).toBe("")
  expect(run.exitCode).toBe(0)
})
