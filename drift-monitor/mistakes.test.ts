// Mistakes in the configuration of one model are errors in the lines and the metrics, and no end of
// the process.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "bun:test"
import { addRows, columnPlans } from "../core/drift/columns.ts"
import { readReference, writeReference, type ReferenceArtifact } from "../core/drift/reference.ts"
import { TableBuilder } from "../core/drift/table.ts"
import { parseDriftConfig, settingsOf } from "../core/drift/config.ts"
import { pinReference } from "../core/findings/accept.ts"
import { appendWindow } from "../core/findings/findings.ts"
import { setMark } from "../core/findings/marks.ts"
import { jetStreamArtifacts } from "../core/registry/object-store.ts"
import { startService, type RunningService } from "../test/support/service.ts"
import { startSystem, type TestSystem } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import { findingsOf, register, rows, SIGNATURE, singles, store } from "./test-facts.ts"

const CONFIG = `
defaults: { window: { rows: 200 }, reference: { first: 500 } }
models:
  fileless: { reference: { file: /no/such.csv } }
  people: { columns: { aeg: { ignore: true } } }
`

const AWAITED = `
defaults: { window: { rows: 200 }, reference: { first: 500 } }
models:
  awaiting: { reference: { from: week8, to: week9 } }
  reversed: { reference: { from: week9, to: week8 } }
  early: { reference: { from: week8, to: 100 } }
  long: { reference: { from: 1, to: 600 } }
`

/** Made of nothing but these rows, so known before it is stored. */
const reference = (): ReferenceArtifact => {
  const table = new TableBuilder(1_000, 1)
  for (const fact of singles("people", rows(500, 1))) addRows(fact, columnPlans(SIGNATURE), table)
  return writeReference(table.finish(), { model: "people", origin: "file rows.csv", asked: "" })
}

const offOf = async (monitor: RunningService, model: string) => {
  const metrics = await (await fetch(`${monitor.url}/metrics`)).text()
  return new RegExp(`weir_drift_watch_off\\{model="${model}"\\} (.)`, "u").exec(metrics)?.[1]
}

const saidOf = (monitor: RunningService, ...words: ReadonlyArray<string>) =>
  monitor.log.filter((line) => words.every((word) => line.includes(word))).length

test("a missing reference file turns off one model, and the others are watched", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-mistakes-"))
  const config = join(folder, "drift.yaml")
  writeFileSync(config, CONFIG)
  const system = await startSystem()
  await register(system.log, "fileless")
  await register(system.log, "people")
  const monitor = await startService("drift-monitor", {
    ...system.environment,
    DRIFT_CONFIG: config,
  })
  await store(system.log, singles("people", rows(700, 1)))
  await until("a window of people", async () => {
    const { windows } = await findingsOf(system.log, "people")
    return windows.some(({ _tag }) => _tag === "WindowEvaluated")
  })
  expect((await findingsOf(system.log, "fileless")).windows).toEqual([])
  const metrics = await (await fetch(`${monitor.url}/metrics`)).text()
  expect(metrics).toContain('weir_drift_watch_off{model="fileless"} 1')
  expect(metrics).toContain('weir_drift_watch_off{model="people"} 0')
  expect(metrics).toContain("weir_drift_configuration_problems 1")
  expect(metrics).toContain('weir_drift_untested_columns{model="people"} 0')
  await monitor.stop()
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test("marks that are not set are said and awaited; in a wrong order they are refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-mistakes-"))
  const config = join(folder, "drift.yaml")
  writeFileSync(config, AWAITED)
  const system = await startSystem()
  const models = ["awaiting", "reversed", "early", "long"]
  for (const model of models) await register(system.log, model)
  const monitor = await startService("drift-monitor", {
    ...system.environment,
    DRIFT_CONFIG: config,
  })
  const off = (model: string) => offOf(monitor, model)
  const said = (...words: ReadonlyArray<string>) => saidOf(monitor, ...words)
  await until(
    "the marks that are awaited",
    () => said("the marks", "early") > 0 && said("the marks", "awaiting") > 0,
  )
  expect(said("the marks week8, week9", '"awaiting"')).toBe(1)
  expect(said("the marks week8", "early")).toBe(1)
  await until("the end that is awaited", () => said("position 600; the log ends at 0", "long") > 0)
  expect(await off("long")).toBe("1")
  expect(await off("awaiting")).toBe("1")

  const mark = async (name: string) => {
    for (const model of models) await setMark(system.log, model, name, 1)
  }
  await store(system.log, singles("awaiting", rows(200, 1)))
  await mark("week8")
  await store(system.log, singles("awaiting", rows(300, 2), 200))
  await mark("week9")
  await store(system.log, singles("awaiting", rows(200, 3), 500))
  await until("a window", async () => (await findingsOf(system.log, "awaiting")).windows[1])
  expect((await findingsOf(system.log, "awaiting")).windows).toMatchObject([
    { _tag: "ReferenceTaken", from: 201, to: 500, rows: 300 },
    { _tag: "WindowEvaluated" },
  ])
  expect(await off("awaiting")).toBe("0")

  const unusable = ["reversed: reference from week9 to week8 cannot be used", "501", "200"]
  await until("the reason", () => said(...unusable) > 0)
  await until("the other", () => said("early: reference from week8 to 100", "201") > 0)
  expect(said(...unusable)).toBe(1)
  expect(await off("reversed")).toBe("1")
  expect(await off("early")).toBe("1")
  expect((await findingsOf(system.log, "reversed")).windows).toEqual([])
  await monitor.stop()
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test("an artifact or profile that is not there is awaited, by its model alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-mistakes-"))
  const config = join(folder, "drift.yaml")
  const system = await startSystem()
  const artifacts = jetStreamArtifacts(system.log)
  const { bytes, digest } = reference()
  const other = await artifacts.put(new TextEncoder().encode("no reference"))
  const lines = [
    "defaults: { window: { rows: 200 }, reference: { first: 500 } }",
    "models:",
    `  named: { reference: { digest: ${digest} } }`,
    `  foreign: { reference: { digest: ${other} } }`,
    "  profiled: { reference: { profile: true } }",
  ]
  writeFileSync(config, lines.join("\n"))
  for (const model of ["named", "foreign", "profiled", "people"]) await register(system.log, model)
  const monitor = await startService("drift-monitor", {
    ...system.environment,
    DRIFT_CONFIG: config,
  })
  const off = (model: string) => offOf(monitor, model)
  const windowOf = (model: string) =>
    until(`a window of ${model}`, async () => {
      const { windows } = await findingsOf(system.log, model)
      return windows.some(({ _tag }) => _tag === "WindowEvaluated")
    })
  await store(system.log, singles("people", rows(700, 1)))
  await windowOf("people")
  const awaited = [
    [`the artifact ${digest}, named by reference.digest`, '"named"'],
    ["a training profile, named by referenceProfile", '"profiled"'],
    [`foreign: reference.digest ${other} cannot be used`],
  ]
  await until("what is awaited", () => awaited.every((words) => saidOf(monitor, ...words) === 1))
  for (const model of ["named", "foreign", "profiled"]) expect(await off(model)).toBe("1")
  expect(await off("people")).toBe("0")

  const signature = { ...SIGNATURE, referenceProfile: digest }
  await register(system.log, "profiled", { version: "2", signature })
  await until("the profile itself", () => saidOf(monitor, digest, '"profiled"') === 1)
  await artifacts.put(bytes)
  for (const [from, model] of [[1_000, "named"] as const, [2_000, "profiled"] as const]) {
    await store(system.log, singles(model, rows(200, from), from))
    await windowOf(model)
    expect(await off(model)).toBe("0")
    expect((await findingsOf(system.log, model)).windows[0]).toMatchObject({ reference: digest })
  }
  await monitor.stop()
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const SMALL = "defaults: { window: { rows: 200 }, reference: { first: 500 } }"

/** A monitor that goes by these lines. */
const startSmall = async (system: TestSystem) => {
  const folder = mkdtempSync(join(tmpdir(), "weir-mistakes-"))
  const config = join(folder, "drift.yaml")
  writeFileSync(config, SMALL)
  const monitor = await startService("drift-monitor", {
    ...system.environment,
    DRIFT_CONFIG: config,
  })
  rmSync(folder, { recursive: true, force: true })
  return monitor
}

test("texts of any length, in reference and window, are categories like any others", async () => {
  const system = await startSystem()
  await register(system.log, "people")
  const monitor = await startSmall(system)
  const city = "M".repeat(1_200_000)
  const given = rows(700, 1, (row, at) => (at === 7 || at === 600 ? { ...row, city } : row))
  await store(system.log, singles("people", given))
  const evaluated = await until("a window", async () => {
    const { windows } = await findingsOf(system.log, "people")
    return windows.find(({ _tag }) => _tag === "WindowEvaluated")
  })
  const columns = evaluated._tag === "WindowEvaluated" ? evaluated.columns : []
  expect(columns.find(({ name }) => name === "city")).toMatchObject({ unseenRate: 0 })
  expect(await offOf(monitor, "people")).toBe("0")
  await monitor.stop()
  await system.stop()
}, 60_000)

test("a reference that cannot be read turns off its model until another is accepted", async () => {
  const system = await startSystem()
  for (const model of ["broken", "people"]) await register(system.log, model)
  const artifacts = jetStreamArtifacts(system.log)
  const unreadable = await artifacts.put(new TextEncoder().encode("no reference"))
  const taken = { model: "broken", reference: unreadable, rows: 500, origin: "first 500 rows" }
  const at = { position: 0, number: 0, cleared: [], at: 1 }
  await appendWindow(system.log, { _tag: "ReferenceTaken", ...taken, ...at }, 0)
  const before = await startSmall(system)
  await until("the reason", () => saidOf(before, `broken: the artifact ${unreadable} cannot`) === 1)
  await store(system.log, singles("people", rows(700, 1)))
  await until("a window of people", async () => (await findingsOf(system.log, "people")).windows[1])
  expect(await offOf(before, "broken")).toBe("1")
  expect(await offOf(before, "people")).toBe("0")
  await before.stop()

  const options = {
    log: system.log,
    store: artifacts,
    model: "broken",
    settings: settingsOf(parseDriftConfig(SMALL), "broken"),
    profile: undefined,
    plans: () => columnPlans(SIGNATURE),
    now: 2,
  }
  await pinReference(options, readReference(reference().bytes).table, "file rows.csv")
  const after = await startSmall(system)
  await store(system.log, singles("broken", rows(200, 2), 700))
  await until("a window of broken", async () => {
    const { windows } = await findingsOf(system.log, "broken")
    return windows.some(({ _tag }) => _tag === "WindowEvaluated")
  })
  expect(await offOf(after, "broken")).toBe("0")
  await after.stop()
  await system.stop()
}, 60_000)
