// Labels by the keys that callers gave: what the gateway takes as a key, the import takes as one.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MODEL, post, ROWS, startTestSystem, type TestSystem } from "../../gateway/test-system.ts"
import { weirWith } from "../test-command.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let url: string
const folder = mkdtempSync(join(tmpdir(), "weir-keys-"))
beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await system.stop()
}, START_MILLIS)

const KEYS = ["order:42", "2026/11/22 a", 'say "a",b', "k".repeat(65), "k".repeat(255)]

const bring = (name: string, lines: ReadonlyArray<string>) => {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join("\n")}\n`)
  const weir = weirWith({ NATS_URL: system.nats.url })
  return weir("outcomes", "import", path, "--model", MODEL, "--keys-of", "", "--json")
}

test("every key that the gateway takes is joined by an import of keys", async () => {
  for (const key of KEYS) {
    const { status } = await post(`${url}/predict`, ROWS, { "idempotency-key": key })
    expect(status).toBe(200)
  }
  const cells = KEYS.map((key) => `"${key.replaceAll('"', '""')}",1`)
  const table = await bring("keys.csv", ["id,value", ...cells])
  expect(JSON.parse(table.printed)).toMatchObject({ recorded: 5, unjoined: 0, refused: 0 })
  const lines = KEYS.map((id) => JSON.stringify({ id, value: "1" }))
  const again = await bring("keys.ndjson", lines)
  expect(JSON.parse(again.printed)).toMatchObject({ unchanged: 5, unjoined: 0, refused: 0 })
})

test("a file without a label is said to be one", async () => {
  const { code, said } = await bring("none.csv", ["id,value"])
  expect(code).toBe(1)
  expect(said).toContain("there is no label in it")
})

test("what the gateway refuses as a key is refused by the import", async () => {
  const keys = ["k".repeat(256), "a, b", "münchen"]
  for (const key of keys.slice(0, 2))
    expect((await post(`${url}/predict`, ROWS, { "idempotency-key": key })).status).toBe(400)
  const { code, printed } = await bring(
    "bad.ndjson",
    keys.map((id) => JSON.stringify({ id, value: 1 })),
  )
  expect(code).toBe(1)
  const { refused, refusals } = JSON.parse(printed)
  expect(refused).toBe(3)
  expect(refusals[0]).toContain("key: expected 1 to 255 printable characters")
})
