// Ground truth that comes in behind the predictions is watched like them: what came true, and how
// often the model was wrong, over all rows and by the values of a feature.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { canonicalJson } from "../core/drift/evaluated.ts"
import { readCourse } from "../core/findings/course.ts"
import { writeOutcome } from "../core/outcomes/outcome.ts"
import { seededRandom } from "../core/statistics/seeded-random.ts"
import { outcomeSubject } from "../proto/subjects.ts"
import { until } from "../test/support/eventually.ts"
import { startService } from "../test/support/service.ts"
import { startSystem, type TestSystem } from "../test/support/system.ts"
import { factOf, findingsOf, register, rows, store } from "./test-facts.ts"

const MODEL = "people"
const CONFIG = `
defaults:
  window: { rows: 400 }
  reference: { first: 400 }
  rows_min: 50
  slices: [{ feature: city }]
  online: [{ detector: ddm }, { detector: hddm-a }]
`
const FACTS = 160
const FACT_ROWS = 10
/** From here on the model is wrong more often about people in Bern. */
const CHANGE = 100

describe("the monitor", () => {
  let system: TestSystem
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "weir-truth-"))
    writeFileSync(join(folder, "drift.yaml"), CONFIG)
    system = await startSystem()
    await register(system.log, MODEL)
  }, 60_000)
  afterAll(async () => {
    await system.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const tell = async () => {
    const random = seededRandom(5)
    const given = rows(FACTS * FACT_ROWS, 4)
    const of = (fact: number) => given.slice(fact * FACT_ROWS, (fact + 1) * FACT_ROWS)
    await store(
      system.log,
      Array.from({ length: FACTS }, (_, at) => factOf(MODEL, at, of(at))),
    )
    for (let fact = 0; fact < FACTS; fact++) {
      const values = of(fact).map(({ probability, city }, row) => {
        const wrong = random() < (fact >= CHANGE && city === "Bern" ? 0.7 : 0.1)
        return { row, value: Number(probability > 0.5 !== wrong) }
      })
      const outcome = { kind: "outcome", id: undefined, values, rows: undefined } as const
      // Half of them name the place of their prediction, as those do that came by HTTP.
      const position = fact % 2 === 0 ? fact + 1 : undefined
      const bytes = writeOutcome({ ...outcome, position, observedAt: undefined })
      await system.log.publisher.publish(outcomeSubject(MODEL, `fact-${fact}`), bytes)
    }
    const stranger = new TextEncoder().encode('{"value":1}')
    await system.log.publisher.publish(outcomeSubject(MODEL, "nobody"), stranger)
  }

  const course = async () =>
    (await readCourse(system.log, MODEL, "truth")).filter((one) => one._tag === "WindowEvaluated")

  test("watches what came true, by slice too, and time travel finds the same", async () => {
    await tell()
    const environment = { ...system.environment, DRIFT_CONFIG: join(folder, "drift.yaml") }
    const monitor = await startService("drift-monitor", environment)
    await until("three windows", async () => (await course()).length === 3)
    await until("the report", async () => (await findingsOf(system.log, MODEL)).drift[0])
    await monitor.stop()
    const windows = await course()
    expect(windows.map(({ window }) => window.rows)).toEqual([400, 400, 400])
    const errors = (at: number, city?: string) =>
      windows[at]?.tests.find(
        ({ feature, test: name, slice }) =>
          feature === "truth.error" && name === "chi-squared" && slice?.value === city,
      )
    expect(errors(0)?.drifted).toBe(false)
    expect(errors(2, "Bern")).toMatchObject({ drifted: true })
    expect(errors(2, "Oslo")?.drifted).toBe(false)
    expect(errors(2, "Bern")?.effect).toBeGreaterThan(0.4)
    const fired = windows.flatMap(({ tests }) => tests.filter(({ firedAt }) => firedAt))
    expect(new Set(fired.map(({ test: name }) => name))).toEqual(new Set(["ddm", "hddm-a"]))
    const features = new Set(windows[0]?.tests.map(({ feature }) => feature))
    expect([...features].toSorted()).toEqual(["truth", "truth.error"])

    const command = ["drift", MODEL, "--truth", "--json"]
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "../cli/main.ts"), ...command],
      {
        env: { ...process.env, ...environment },
        stdout: "pipe",
        stderr: "inherit",
      },
    )
    const answer: { readonly windows: ReadonlyArray<object> } = await new Response(
      child.stdout,
    ).json()
    expect(answer.windows.map((one) => canonicalJson({ ...one, at: 0 }))).toEqual(
      windows.map((one) => canonicalJson({ ...one, at: 0 })),
    )
  }, 60_000)
})
