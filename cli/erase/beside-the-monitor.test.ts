// What was erased stays erased beside a running monitor: neither a reference that is taken later
// nor any file of the server holds a value of it again.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { getReference } from "../../core/findings/references.ts"
import { jetStreamArtifacts } from "../../core/registry/object-store.ts"
import { weirWith } from "../test-command.ts"
import { until } from "../../test/support/eventually.ts"
import { startService, type RunningService } from "../../test/support/service.ts"
import { startSystem, type TestSystem } from "../../test/support/system.ts"
import {
  findingsOf,
  register,
  rows,
  singles,
  store,
  type Row,
} from "../../drift-monitor/test-facts.ts"

const MODEL = "people"
const SECRET = "city-of-somebody-who-was-erased"
const CONFIG = "defaults:\n  window: { rows: 200 }\n  reference: { first: 500 }\n  rows_min: 50\n"

const folder = mkdtempSync(join(tmpdir(), "weir-drift-"))
writeFileSync(join(folder, "drift.yaml"), CONFIG)

let system: TestSystem
let monitor: RunningService
let weir: ReturnType<typeof weirWith>
beforeAll(async () => {
  system = await startSystem()
  weir = weirWith({ NATS_URL: system.nats.url })
  await register(system.log, MODEL)
  const environment = { ...system.environment, DRIFT_CONFIG: join(folder, "drift.yaml") }
  monitor = await startService("drift-monitor", environment)
}, 60_000)
afterAll(async () => {
  await monitor.stop()
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
})

const secretAt = (row: number) => (one: Row, at: number) =>
  at === row ? { ...one, city: SECRET } : one

const filesWithSecret = (): ReadonlyArray<string> =>
  readdirSync(system.nats.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(SECRET))

const referencesOf = async () =>
  (await findingsOf(system.log, MODEL)).windows.flatMap((one) =>
    one._tag === "ReferenceTaken" ? [one] : [],
  )

const metrics = async () => await (await fetch(`${monitor.url}/metrics`)).text()

test("a row that is erased while the reference fills is in no reference", async () => {
  await store(system.log, singles(MODEL, rows(400, 1, secretAt(200))))
  await until("it is in the files", () => filesWithSecret().length > 0)
  expect((await weir("erase", "fact-200", "--yes")).code).toBe(0)
  expect(filesWithSecret()).toEqual([])
  await store(system.log, singles(MODEL, rows(300, 2), 400))
  await until("the reference", async () => (await referencesOf())[0])
  const [taken] = await referencesOf()
  expect(taken).toMatchObject({ from: 1, to: 501, rows: 500 })
  const { table } = await getReference(jetStreamArtifacts(system.log), taken?.reference ?? "")
  const texts = table.columns.flatMap((one) => (one.kind === "categorical" ? one.texts : []))
  expect(texts).toContain("Bern")
  expect(texts).not.toContain(SECRET)
  expect(filesWithSecret()).toEqual([])
}, 60_000)

test("a row that is erased from the open window is folded no longer", async () => {
  await until("the open window", async () =>
    (await metrics()).includes(`weir_drift_window_rows{model="${MODEL}"} 199`),
  )
  expect((await weir("erase", "fact-600", "--yes")).code).toBe(0)
  await until("one row less", async () =>
    (await metrics()).includes(`weir_drift_window_rows{model="${MODEL}"} 198`),
  )
}, 60_000)

test("a reference that holds what is erased is named, erased and taken anew", async () => {
  await store(system.log, singles(MODEL, rows(10, 3), 700))
  const [before] = await referencesOf()
  const { code, printed } = await weir("erase", "fact-300", "--yes", "--json")
  expect(code).toBe(0)
  const digest = before?.reference
  const named = JSON.parse(printed).references.map((one: { digest: string }) => one.digest)
  expect(named).toEqual([digest])
  await expect(getReference(jetStreamArtifacts(system.log), digest ?? "")).rejects.toThrow()
  await store(system.log, singles(MODEL, rows(800, 4), 710))
  await until("another reference", async () => (await referencesOf())[1])
  const [, after] = await referencesOf()
  expect(after?.from).toBeGreaterThan(before?.to ?? Infinity)
  await until("a window", async () =>
    (await findingsOf(system.log, MODEL)).windows.some((one) => one._tag === "WindowEvaluated"),
  )
}, 60_000)
