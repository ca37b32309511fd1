// Which log commands find: that of the data folder they are given, and if none runs there they say
// where one does.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startEmbeddedServer, type EmbeddedServer } from "#core/log/embedded-server"
import { commandNames, loadCommand } from "./commands.ts"
import { weirWith } from "./test-command.ts"

setDefaultTimeout(60_000)

const folder = realpathSync(mkdtempSync(join(tmpdir(), "weir-find-")))
const data = join(folder, "data")
const elsewhere = join(folder, "nothing")
const weir = weirWith({ NATS_URL: "", WEIR_DATA: elsewhere, WEIR_KEY_PEPPER: "" })
let server: EmbeddedServer

beforeAll(async () => {
  mkdirSync(data)
  server = await startEmbeddedServer({
    directory: join(data, "nats"),
    sync: "default",
    onLog: () => undefined,
  })
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

test("the log of a data folder is found by --data, whatever the environment names", async () => {
  expect((await weir("provision", "--data", data)).code).toBe(0)
  const { code, printed } = await weir("streams", "--data", data, "--over", "1", "--json")
  expect(code).toBe(0)
  expect(JSON.parse(printed)).toMatchObject({ lag: 0 })
  const other = weirWith({ NATS_URL: "nats://127.0.0.1:1", WEIR_DATA: elsewhere })
  expect((await other("tail", "--data", data)).code).toBe(0)
  expect((await weirWith({ NATS_URL: "", WEIR_DATA: data })("tail")).code).toBe(0)
})

test("where none runs, it is said where one does, and what to add", async () => {
  const { code, said } = await weir("tail")
  expect(code).toBe(1)
  expect(said).toContain(`no log runs on ${elsewhere}; `)
  expect(said).toContain("add --data ")
})

test("keys made with --data have the pepper of that folder", async () => {
  const made = await weir("keys", "create", "alice", "--data", data)
  expect(made.code).toBe(0)
  expect(made.said).toContain(join(data, "key-pepper"))
  const { printed } = await weir("keys", "list", "--data", data)
  expect(printed).toMatch(/^alice .* this$/m)
})

test("every command that can be told a server can be told a folder", async () => {
  const usages = await Promise.all(
    commandNames
      .filter((name) => name !== "help")
      .map(async (name) => [name, (await loadCommand(name)).usage] as const),
  )
  const withServer = usages.filter(([, usage]) => /^ {2}--nats URL /m.test(usage))
  expect(withServer.length).toBeGreaterThan(10)
  for (const [name, usage] of withServer)
    expect({ name, takesData: /^ {2}--data /m.test(usage) }).toEqual({ name, takesData: true })
})
