// The monitor's figures about quality: equal to what is computed directly, through kills.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { readPerformance } from "../core/findings/performance.ts"
import { accuracy, confusion, rocAuc } from "../core/statistics/classification.ts"
import { outcomeSubject } from "../proto/subjects.ts"
import { startService, type RunningService } from "../test/support/service.ts"
import { startSystem, type TestSystem } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import { register, rows, singles, store } from "./test-facts.ts"

setDefaultTimeout(60_000)
const MODEL = "people"
const ROWS = 2_500
const GIVEN = rows(ROWS, 1)
/** What came true: the class that is claimed, but for every fifth row. */
const truthOf = (at: number) => {
  const claimed = (GIVEN[at]?.probability ?? 0) > 0.5
  return Number(at % 5 === 0 ? !claimed : claimed)
}

let system: TestSystem
let monitor: RunningService
/** The facts of these tests are years old. */
const PATIENCE = { WEIR_OUTCOMES_HORIZON_DAYS: "3650" }
const start = () => startService("drift-monitor", { ...system.environment, ...PATIENCE })
beforeAll(async () => {
  system = await startSystem()
  await register(system.log, MODEL)
  monitor = await start()
})
afterAll(async () => {
  await monitor.stop()
  await system.stop()
})

const say = async (at: number, body: unknown): Promise<void> => {
  const payload = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body))
  const subject = outcomeSubject(MODEL, `fact-${at}`)
  const published = await system.log.publisher.publish(subject, payload)
  if (published.kind !== "stored") throw new Error(published.kind)
}
const all = Array.from({ length: ROWS }, (_, at) => at)

const labelledOf = async () => {
  const { windows } = await readPerformance(system.log, MODEL)
  return [...windows.values()].map(({ groups }) => groups[0]?.labelled)
}

test("full windows are estimated before any label has come", async () => {
  await store(system.log, singles(MODEL, GIVEN))
  await until("two windows", async () => (await labelledOf()).length === 2)
  const { windows } = await readPerformance(system.log, MODEL)
  expect([...windows.values()].map(({ window }) => [window.from, window.to])).toEqual([
    [1, 1_000],
    [1_001, 2_000],
  ])
  const group = windows.get(1)?.groups[0]
  expect(group).toMatchObject({ rows: 1_000, labelled: 0, metrics: {} })
  expect(group?.estimate?.calibratedOn).toBe(0)
  expect(group?.estimate?.metrics["accuracy"]).toBeCloseTo(0.75, 1)
})

test("labels, repeated, corrected and bad, through kills, give what they are", async () => {
  for (let kill = 0; kill < 3; kill++) {
    const some = all.filter((at) => at % 3 === kill)
    await Promise.all(some.map((at) => say(at, { value: 1 - truthOf(at) })))
    await monitor.kill()
    monitor = await start()
    await Promise.all(some.map((at) => say(at, { value: truthOf(at) })))
    await Promise.all(some.slice(0, 50).map((at) => say(at, { value: truthOf(at) })))
    await Promise.all(some.slice(0, 50).map((at) => say(at, "{")))
  }
  const labels = all.map(truthOf)
  const predicted = GIVEN.map(({ probability }) => Number(probability > 0.5))
  const scores = Float64Array.from(GIVEN, ({ probability }) => Math.fround(probability))
  const expected = [0, 1].map((window) => {
    const from = window * 1_000
    const [some, guesses] = [labels, predicted].map((list) => list.slice(from, from + 1_000))
    return {
      accuracy: accuracy(confusion(some ?? [], guesses ?? [], 2)),
      auc: rocAuc(some ?? [], scores.slice(from, from + 1_000)),
    }
  })
  const found = async () => {
    const { windows } = await readPerformance(system.log, MODEL)
    return [1, 2].map((number) => {
      const { accuracy: share, auc } = windows.get(number)?.groups[0]?.metrics ?? {}
      return { accuracy: share, auc }
    })
  }
  await until("all corrections count", async () => Bun.deepEquals(await found(), expected))
  expect(await found()).toEqual(expected)
  expect(await labelledOf()).toEqual([1_000, 1_000])
  const { windows } = await readPerformance(system.log, MODEL)
  expect(windows.get(2)?.groups[0]?.estimate?.calibratedOn).toBe(2_000)
})

test("what an operator sees says so too", async () => {
  await until("the figures are shown", async () =>
    (await (await fetch(`${monitor.url}/metrics`)).text()).includes("weir_drift_quality{"),
  )
  const text = await (await fetch(`${monitor.url}/metrics`)).text()
  expect(text).toContain(
    'weir_drift_quality{model="people",version="1",slice="",metric="accuracy"} 0.8',
  )
  expect(text).toContain('weir_drift_outcomes{model="people",kind="unreadable"} 150')
  expect(text).toContain('weir_drift_quality_rows{model="people",version="1",labelled="true"} 2000')
})
