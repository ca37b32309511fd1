import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { startService, type RunningService } from "../test/support/service.ts"
import { startSystem, type TestSystem } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import { seededRandom } from "../core/statistics/seeded-random.ts"
import { setMark } from "../core/findings/marks.ts"
import { markCodec, markSubject } from "../proto/finding.ts"
import { HISTORY } from "../proto/subjects.ts"
import {
  failedFact,
  factOf,
  findingsOf,
  register,
  rows,
  singles,
  store,
  timeless,
  type Row,
} from "./test-facts.ts"

const CONFIG = `
defaults:
  window: { rows: 200 }
  reference: { first: 500 }
  rows_min: 50
models:
  marked:
    window: { marks: true }
    reference: { window: first }
  sampled:
    window: { rows: 2000 }
    rows_max: 300
  broken:
    persistence: { hits: 1, of: 1, clear: 1 }
`

let folder: string
let config: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weir-drift-"))
  config = join(folder, "drift.yaml")
  writeFileSync(config, CONFIG)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const startMonitor = (system: TestSystem): Promise<RunningService> =>
  startService("drift-monitor", { ...system.environment, DRIFT_CONFIG: config })

const older = (row: Row): Row => ({ ...row, age: row.age + 15 })

const windowsOf = async (system: TestSystem, model: string, count: number) => {
  await until(`${count} windows of ${model}`, async () => {
    const { windows } = await findingsOf(system.log, model)
    return windows.filter(({ _tag }) => _tag === "WindowEvaluated").length >= count
  })
  const { windows } = await findingsOf(system.log, model)
  return windows.filter((one) => one._tag === "WindowEvaluated")
}

describe("the monitor", () => {
  let system: TestSystem
  let monitor: RunningService
  beforeAll(async () => {
    system = await startSystem()
    await register(system.log, "people")
    monitor = await startMonitor(system)
  }, 60_000)
  afterAll(async () => {
    await monitor.stop()
    await system.stop()
  })

  test("takes the first rows as reference and finds nothing where nothing changed", async () => {
    await store(system.log, singles("people", rows(1_300, 1)))
    const windows = await windowsOf(system, "people", 4)
    expect(windows.map(({ window }) => [window.from, window.to, window.rows])).toEqual([
      [501, 700, 200],
      [701, 900, 200],
      [901, 1_100, 200],
      [1_101, 1_300, 200],
    ])
    expect(windows.map(({ verdict }) => verdict)).toEqual(["none", "none", "none", "none"])
    const names = new Set(windows[0]?.tests.map(({ feature }) => feature))
    expect([...names]).toEqual([
      "age",
      "income",
      "city",
      "output.label",
      "output.probability",
      "output.confidence",
    ])
  })

  test("reports drift with the second window, and its end with the third quiet one", async () => {
    await store(system.log, singles("people", rows(600, 2, older), 1_300))
    await store(system.log, singles("people", rows(600, 3), 1_900))
    const windows = await windowsOf(system, "people", 10)
    expect(windows.slice(4).map(({ verdict }) => verdict)).toEqual([
      "drift",
      "drift",
      "drift",
      "none",
      "none",
      "none",
    ])
    await until("both reports", async () => (await findingsOf(system.log, "people")).drift[1])
    const { drift } = await findingsOf(system.log, "people")
    expect(drift.map(({ _tag, number }) => [_tag, number])).toEqual([
      ["DriftDetected", 6],
      ["DriftCleared", 10],
    ])
    expect(drift[0]?.features.map(({ name }) => name)).toEqual(["age"])
  })

  test("shows what it found as metrics", async () => {
    const text = await (await fetch(`${monitor.url}/metrics`)).text()
    expect(text).toContain('drift_events_total{model="people",feature="age"} 1')
    expect(text).toContain('weir_drift_rows_total{model="people"}')
    expect(text).toContain('weir_drift_effect{model="people",feature="income",test="ks-asympt')
  })

  test("watches a model that is registered while it runs, failures not being rows", async () => {
    await register(system.log, "late")
    const facts = singles("late", rows(700, 4)).flatMap((fact, at) =>
      at % 7 === 0 ? [failedFact("late", 10_000 + at), fact] : [fact],
    )
    await store(system.log, facts)
    const [window] = await windowsOf(system, "late", 1)
    expect(window?.window).toMatchObject({ rows: 200, facts: 228, failed: 28 })
  })

  test("reads the long log by one consumer for all its models", async () => {
    await until("one consumer", async () => {
      const { state } = await system.log.manager.streams.info(HISTORY)
      return state.consumer_count === 1
    })
    const text = await (await fetch(`${monitor.url}/metrics`)).text()
    expect(text).toContain('weir_drift_facts_pending{model="people"} 0')
    expect(text).toContain("weir_drift_performance_messages_pending 0")
  })

  test("takes whole facts, and samples what is too much to hold", async () => {
    await register(system.log, "sampled")
    const given = rows(2_600, 5)
    const facts = [
      ...singles("sampled", given.slice(0, 500)),
      ...Array.from({ length: 30 }, (_, at) =>
        factOf("sampled", 600 + at, given.slice(500 + at * 70, 570 + at * 70)),
      ),
    ]
    await store(system.log, facts)
    const [window] = await windowsOf(system, "sampled", 1)
    expect(window?.window).toMatchObject({ rows: 2_030, facts: 29, sampled: 300 })
    expect(window?.tests[0]).toMatchObject({ rows: 300, referenceRows: 300 })
  })

  test("reports a column of nulls, a constant and a new category as what they are", async () => {
    await register(system.log, "broken")
    const constant = (row: Row): Row => ({ ...row, income: 7 })
    await store(system.log, singles("broken", rows(500, 6, constant)))
    const change = (row: Row): Row => ({ ...constant(row), age: NaN, city: "Rome" })
    await store(system.log, singles("broken", rows(200, 7, change), 500))
    const [window] = await windowsOf(system, "broken", 1)
    const of = (feature: string) => window?.tests.filter((one) => one.feature === feature)
    expect(of("age")).toMatchObject([
      { test: "ks-asymptotic", problem: "the window is all null", drifted: false },
      { test: "null-rate", effect: 1, drifted: true },
    ])
    expect(of("income")).toMatchObject([{ statistic: 0, pvalue: 1, drifted: false }])
    expect(of("city")).toMatchObject([
      { test: "chi-squared", drifted: true },
      { test: "unseen", statistic: 1, drifted: true },
    ])
    expect(window?.columns[0]).toMatchObject({ nullRate: 1, referenceNullRate: 0 })
  })

  test("ends windows at marks, also at a mark that comes after the facts behind it", async () => {
    await register(system.log, "marked")
    await store(system.log, singles("marked", rows(300, 8)))
    const january = await setMark(system.log, "marked", "january", Date.now())
    await until("the reference", async () => (await findingsOf(system.log, "marked")).windows[0])
    await store(system.log, singles("marked", rows(250, 9, older), 300))
    const february = await setMark(system.log, "marked", "february", Date.now())
    const [window] = await windowsOf(system, "marked", 1)
    expect(window?.window).toMatchObject({
      from: january.position + 1,
      to: february.position,
      rows: 250,
    })
    expect(window?.verdict).toBe("drift")

    await store(system.log, singles("marked", rows(100, 10), 600))
    await until("the facts are in the open window", async () => {
      const text = await (await fetch(`${monitor.url}/metrics`)).text()
      return text.includes('weir_drift_window_rows{model="marked"} 100')
    })
    const late = february.position + 40
    const subject = markSubject("marked")
    const mark = markCodec.encode({ ...february, name: "late", position: late })
    await system.log.publisher.publish(subject, mark)
    const end = await setMark(system.log, "marked", "march", Date.now())
    const windows = await windowsOf(system, "marked", 3)
    expect(windows.slice(1).map((one) => [one.window.from, one.window.to])).toEqual([
      [february.position + 1, late],
      [late + 1, end.position],
    ])
  })
})

describe("a monitor that is killed at any moment", () => {
  const MODEL = "people"
  const WINDOWS = 40
  const facts = singles(
    MODEL,
    rows(500 + WINDOWS * 200, 11, (row, at) => (at > 3_000 && at < 4_500 ? older(row) : row)),
  )
  const undisturbed = async (system: TestSystem) => {
    const monitor = await startMonitor(system)
    await windowsOf(system, MODEL, WINDOWS)
    await monitor.stop()
  }
  const killed = async (system: TestSystem) => {
    const random = seededRandom(2_026)
    for (let kill = 0; kill < 5; kill++) {
      const before = (await findingsOf(system.log, MODEL)).windows.length
      const monitor = await startMonitor(system)
      const more = 1 + Math.floor(random() * 6)
      await until("some windows", async () => {
        const { windows } = await findingsOf(system.log, MODEL)
        return windows.length >= before + more
      })
      await monitor.kill()
    }
    await undisturbed(system)
  }
  const run = async (how: (system: TestSystem) => Promise<void>) => {
    const system = await startSystem()
    try {
      await register(system.log, MODEL)
      await store(system.log, facts)
      await how(system)
      return timeless(await findingsOf(system.log, MODEL))
    } finally {
      await system.stop()
    }
  }

  test("finds what an undisturbed one finds, nothing twice and nothing left out", async () => {
    const [calm, troubled] = [await run(undisturbed), await run(killed)]
    expect(troubled).toEqual(calm)
    expect(calm.length).toBe(1 + WINDOWS + 2)
  }, 180_000)
})
