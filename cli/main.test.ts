// The command line as a user meets it: help everywhere, and mistakes answered with a sentence.
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { commandNames } from "./commands.ts"
import { inProject } from "./project.ts"

const weir = (...words: ReadonlyArray<string>) => {
  const run = Bun.spawnSync([process.execPath, inProject("cli", "main.ts"), ...words], {
    env: { ...process.env, NATS_URL: "", WEIR_PORT: "" },
  })
  return { code: run.exitCode, printed: run.stdout.toString(), said: run.stderr.toString() }
}

const busyPort = () =>
  Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })

test("help lists every command with a summary", () => {
  const { code, printed } = weir("help")
  expect(code).toBe(0)
  for (const name of commandNames) expect(printed).toMatch(new RegExp(`^  ${name} +\\S`, "m"))
})

test("every command answers --help with its usage", () => {
  for (const name of commandNames.filter((one) => one !== "help")) {
    const { code, printed } = weir(name, "--help")
    expect(printed).toStartWith(`Usage: ./weir ${name}`)
    expect(code).toBe(0)
  }
  // Each is a process of its own, which takes a while to start on a busy machine.
}, 60_000)

test("no command, an unknown command and an unknown flag exit with 2 and a sentence", () => {
  expect(weir().code).toBe(2)
  expect(weir("upp").said).toContain('there is no command "upp"')
  expect(weir("toString").code).toBe(2)
  const flag = weir("up", "--prot", "8080")
  expect(flag.said).toContain("weir up: Unknown option '--prot'")
  expect(flag.code).toBe(2)
})

test("a bad value of a flag is named with what was expected", () => {
  const said = (...words: ReadonlyArray<string>) => weir("up", ...words).said
  expect(said("--port", "http")).toContain(
    '--port must be a whole number from 1 to 65535, got "http"',
  )
  expect(said("--predictors", "17")).toContain("--predictors must be a whole number from 1 to 16")
  expect(said("--sync", "never")).toContain('--sync must be "always", got "never"')
  expect(said("--models", "/no/such")).toContain("--models /no/such: there is no such folder")
})

test("a busy port is named before anything starts", () => {
  const busy = busyPort()
  const data = join(tmpdir(), "weir-never-made")
  const { code, said } = weir("up", "--port", String(busy.port), "--data", data)
  busy.stop(true)
  expect(said).toBe(
    `weir: port ${busy.port} on 127.0.0.1 is already in use; choose another with --port\n`,
  )
  expect(code).toBe(1)
})

test("doctor names what is wrong and how to mend it, as JSON too", () => {
  const data = mkdtempSync(join(tmpdir(), "weir-doctor-"))
  const busy = busyPort()
  const { code, printed } = weir("doctor", "--json", "--data", data, "--port", String(busy.port))
  busy.stop(true)
  rmSync(data, { recursive: true })
  const report: unknown = JSON.parse(printed)
  expect(code).toBe(1)
  expect(report).toMatchObject({ good: false })
  expect(report).toHaveProperty("findings")
  expect(printed).toContain(`port ${busy.port} on 127.0.0.1 is already in use`)
  expect(printed).toContain("stop what listens there, or choose another with --port")
})

test("a setting that cannot be used is named before anything starts", () => {
  const run = Bun.spawnSync([process.execPath, inProject("cli", "main.ts"), "provision"], {
    env: { ...process.env, NATS_URL: "", WEIR_REPLICAS: "many" },
  })
  expect(run.stderr.toString()).toContain("WEIR_REPLICAS: expected a whole number from 1 to 5")
  expect(run.exitCode).toBe(1)
})

test("a demonstration that is not there is refused with the list of those that are", () => {
  const { code, said } = weir("show", "magic")
  expect(said).toContain('there is no demonstration "magic"')
  expect(code).toBe(2)
})
