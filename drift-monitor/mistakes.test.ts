// Mistakes in the configuration of one model are errors in the lines and the metrics, and no end of
// the process.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "bun:test"
import { setMark } from "../core/findings/marks.ts"
import { startService } from "../test/support/service.ts"
import { startSystem } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import { findingsOf, register, rows, singles, store } from "./test-facts.ts"

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
`

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
  const models = ["awaiting", "reversed", "early"]
  for (const model of models) await register(system.log, model)
  const monitor = await startService("drift-monitor", {
    ...system.environment,
    DRIFT_CONFIG: config,
  })
  const off = async (model: string) => {
    const metrics = await (await fetch(`${monitor.url}/metrics`)).text()
    return new RegExp(`weir_drift_watch_off\\{model="${model}"\\} (.)`, "u").exec(metrics)?.[1]
  }
  const said = (...words: ReadonlyArray<string>) =>
    monitor.log.filter((line) => words.every((word) => line.includes(word))).length
  await until(
    "the marks that are awaited",
    () => said("until the marks", "early") > 0 && said("until the marks", "awaiting") > 0,
  )
  expect(said("until the marks", '"week8, week9"', "awaiting")).toBe(1)
  expect(said("until the marks", '"week8"', "early")).toBe(1)
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
