// Mistakes in the configuration of one model are errors in the lines and the metrics, and no end of
// the process.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "bun:test"
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
