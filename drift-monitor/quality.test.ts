// Suites over the windows of a real monitor: what is found and reported, and that neither a kill
// nor a second monitor makes a difference.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { changeSuites } from "../core/gates/suite-facts.ts"
import { readRange } from "../core/log/follow.ts"
import {
  qualityEvaluatedCodec,
  qualityReportCodec,
  qualityReportSubject,
  qualitySubject,
} from "../proto/quality-finding.ts"
import { FINDINGS, PREDICTIONS } from "../proto/subjects.ts"
import { until } from "../test/support/eventually.ts"
import { startService, type RunningService } from "../test/support/service.ts"
import { startSystem, type TestSystem } from "../test/support/system.ts"
import { register, rows, singles, store, type Row } from "./test-facts.ts"

const START_MILLIS = 60_000
const SUITE = JSON.stringify({
  name: "people",
  expectations: [
    {
      type: "expect_column_values_to_be_between",
      kwargs: { column: "age", min_value: 18, max_value: 99, mostly: 0.98 },
      severity: "critical",
    },
    {
      type: "expect_column_mean_to_be_between",
      kwargs: { column: "output.probability", min_value: 0.3, max_value: 0.7 },
    },
  ],
})

let folder: string
let system: TestSystem
const monitors: Array<RunningService> = []

const startMonitor = async () => {
  const config = join(folder, "drift.yaml")
  const monitor = await startService("drift-monitor", {
    ...system.environment,
    DRIFT_CONFIG: config,
  })
  monitors.push(monitor)
  return monitor
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-quality-"))
  const settings = "defaults: { window: { rows: 100 }, reference: { first: 200 } }\n"
  writeFileSync(join(folder, "drift.yaml"), settings)
  system = await startSystem()
}, START_MILLIS)
afterAll(async () => {
  for (const monitor of monitors) await monitor.stop()
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}, START_MILLIS)

const read = async <A>(filter: string, decode: (bytes: Uint8Array) => A) => {
  const { state } = await system.log.manager.streams.info(FINDINGS)
  const range = { stream: FINDINGS, from: 1, to: Math.max(1, state.last_seq), filter }
  const found: Array<A> = []
  for await (const entry of readRange(system.log, range)) found.push(decode(entry.data))
  return found
}
const evaluated = (model: string) => read(qualitySubject(model), qualityEvaluatedCodec.decode)
const reports = (model: string) => read(qualityReportSubject(model), qualityReportCodec.decode)

const watch = (model: string, suite: string | undefined) =>
  changeSuites(system.log, model, { place: "windows", suite, source: "command", at: Date.now() })

const young = (row: Row): Row => ({ ...row, age: 5 })
/** 200 rows of reference, two good windows, two of which one row in ten is too young, one good. */
const traffic = (model: string) =>
  singles(model, [
    ...rows(400, 1),
    ...rows(200, 2, (row, at) => (at % 10 === 0 ? young(row) : row)),
    ...rows(100, 3),
  ])

const AGE = "0 expect_column_values_to_be_between age"

test(
  "each window is judged once, and what began to fail and is met again is reported",
  async () => {
    await register(system.log, "people")
    await watch("people", SUITE)
    const monitor = await startMonitor()
    await store(system.log, traffic("people"))
    await until("six windows", async () => (await evaluated("people")).length >= 6)
    const found = await evaluated("people")
    expect(found.map(({ window, rows: judged }) => [window.from, window.to, judged])).toEqual([
      [1, 200, 200],
      [201, 300, 100],
      [301, 400, 100],
      [401, 500, 100],
      [501, 600, 100],
      [601, 700, 100],
    ])
    expect(found.map(({ verdict }) => verdict)).toEqual([
      "met",
      "met",
      "met",
      "failed",
      "failed",
      "met",
    ])
    expect(found[3]?.outcomes[0]).toEqual({
      key: AGE,
      type: "expect_column_values_to_be_between",
      columns: ["age"],
      severity: "critical",
      success: false,
      unexpectedPercent: 10,
    })
    await until("both reports", async () => (await reports("people")).length >= 2)
    const told = await reports("people")
    expect(
      told.map(({ _tag, window, expectations }) => [_tag, window.to, expectations[0]?.key]),
    ).toEqual([
      ["QualityFailed", 500, AGE],
      ["QualityRecovered", 700, AGE],
    ])
    const metrics = await (await fetch(`${monitor.url}/metrics`)).text()
    expect(metrics).toContain('weir_quality_windows_total{model="people",verdict="failed"} 2')
    expect(metrics).toContain(
      'weir_quality_failures_total{model="people",' +
        'expectation="expect_column_values_to_be_between",column="age"} 1',
    )
  },
  START_MILLIS,
)

test("killed ten times and beside a second monitor, it finds and reports the same", async () => {
  const first = await evaluated("people")
  await register(system.log, "killed")
  await watch("killed", SUITE)
  const facts = traffic("killed")
  const base = (await system.log.manager.streams.info(PREDICTIONS)).state.last_seq
  let monitor = await startMonitor()
  for (let part = 0; part < 10; part++) {
    await store(system.log, facts.slice(part * 70, (part + 1) * 70))
    await monitor.kill()
    monitor = await startMonitor()
  }
  await until("six windows", async () => (await evaluated("killed")).length >= 6)
  await until("both reports", async () => (await reports("killed")).length >= 2)
  const shape = (found: Awaited<ReturnType<typeof evaluated>>, after: number) =>
    found.map(({ window, number, outcomes, verdict, failing, began, ended }) => ({
      to: window.to - after,
      number,
      outcomes,
      verdict,
      failing,
      began,
      ended,
    }))
  expect(shape(await evaluated("killed"), base)).toEqual(shape(first, 0))
  const told = await reports("killed")
  expect(told.map(({ _tag }) => _tag)).toEqual(["QualityFailed", "QualityRecovered"])
}, 120_000)
