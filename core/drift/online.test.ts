// Detectors over the stream: they remember from window to window, wherever a window ends.
import { describe, expect, test } from "bun:test"
import { seededRandom } from "#core/statistics/seeded-random"
import { parseDriftConfig, settingsOf } from "./config.ts"
import { evaluateWindow } from "./evaluate.ts"
import { openMmdRunner } from "./mmd-runner.ts"
import type { Remembered } from "./online.ts"
import { prepareReference } from "./prepared.ts"
import { setNumber, setText, TableBuilder, type Table } from "./table.ts"

const AGE = { name: "age", source: "input", kind: "numeric" } as const
const ERROR = { name: "truth.error", source: "output", kind: "categorical" } as const

interface Row {
  readonly age: number
  readonly wrong: boolean
}

const tableOf = (rows: ReadonlyArray<Row>, rowsMax = 1_000_000): Table => {
  const builder = new TableBuilder(rowsMax, 1)
  const [age, error] = [builder.column(AGE), builder.column(ERROR)]
  for (const row of rows) {
    const place = builder.place()
    if (place < 0) continue
    setNumber(age, place, row.age)
    setText(error, place, row.wrong ? "1" : "0")
  }
  return builder.finish()
}

/** From row `change` on people are older and the model is wrong more often. */
const people = (count: number, seed: number, change = count): ReadonlyArray<Row> => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, at) => {
    const later = at >= change
    return { age: random() + (later ? 0.5 : 0), wrong: random() < (later ? 0.5 : 0.1) }
  })
}

const ALL = `defaults:
  each: false
  rows_min: 10
  online:
    - { detector: adwin }
    - { detector: page-hinkley }
    - { detector: kswin, alpha: 0.0001 }
    - { detector: ddm }
    - { detector: eddm }
    - { detector: hddm-a }
    - { detector: hddm-w }
    - { detector: mmd, run_length: 500, window: 20, rows: 200 }
`
const settings = settingsOf(parseDriftConfig(ALL), "m")
const reference = prepareReference(tableOf(people(500, 1)), settings)

/** Windows that end at these rows; a new thread, so to say, for each of them. */
const run = async (rows: ReadonlyArray<Row>, ends: ReadonlyArray<number>) => {
  let online: Remembered = {}
  const fired: Array<string> = []
  let from = 0
  for (const to of ends) {
    const window = tableOf(rows.slice(from, to))
    const options = { seed: 7, online, runner: openMmdRunner() }
    const fresh = prepareReference(reference.table, settings)
    const found = await evaluateWindow(fresh, window, settings, options)
    for (const { test: name, firedAt } of found.tests)
      if (firedAt !== undefined) fired.push(`${name} at ${from + firedAt}`)
    online = found.online ?? {}
    from = to
  }
  return { fired: fired.toSorted(), online }
}

describe("detectors over the stream", () => {
  const rows = people(3_000, 2, 1_500)
  const places = (fired: ReadonlyArray<string>) =>
    fired.map((one) => Number(one.split(" at ")[1])).filter((at) => at > 1_500)

  test("all see a change soon after it happens, and name the row", async () => {
    const { fired } = await run(rows, [1_500, 3_000])
    const names = new Set(fired.map((one) => one.split(" ")[0]))
    expect([...names].toSorted()).toEqual([
      "adwin",
      "ddm",
      "eddm",
      "hddm-a",
      "hddm-w",
      "kswin",
      "mmd-online",
      "page-hinkley",
    ])
    expect(Math.max(...places(fired))).toBeLessThan(2_000)
  })

  test("remember the same wherever windows ended, but for what KSWIN draws", async () => {
    const one = (await run(rows, [1_500, 2_300])).online
    const other = (await run(rows, [700, 1_555, 2_300])).online
    const kswin = "2 age"
    expect(Object.keys(one).length).toBe(8)
    expect({ ...other, [kswin]: "" }).toEqual({ ...one, [kswin]: "" })
  })

  test("say of a sampled window that its rows have no order, and forget nothing", async () => {
    const window = tableOf(rows.slice(0, 400), 100)
    const online = { "0 age": "AAAAAAAA8D8=" }
    const found = await evaluateWindow(reference, window, settings, { seed: 1, online })
    expect(found.tests[0]?.problem).toContain("100 of 400 rows are held")
    expect(found.online).toEqual(online)
    expect(found.verdict).toBe("none")
  })

  test("say of a constant reference that it has no scale, and go on with the next", async () => {
    const constant = prepareReference(
      tableOf(people(300, 3).map((row) => ({ ...row, age: 7 }))),
      settings,
    )
    const found = await evaluateWindow(constant, tableOf(rows), settings, { seed: 1 })
    const problems = found.tests.map(({ test: name, problem }) => [name, problem])
    expect(problems[0]).toEqual(["adwin", "unit is undefined: the reference is constant"])
    expect(found.tests.find(({ test: name }) => name === "ddm")?.problem).toBeUndefined()
  })
})
