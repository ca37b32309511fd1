// Data that other tools trip over, each reported as what it is.
import { describe, expect, test } from "bun:test"
import { seededRandom } from "#core/statistics/seeded-random"
import { parseDriftConfig, settingsOf } from "./config.ts"
import { evaluateWindow } from "./evaluate.ts"
import { prepareReference } from "./prepared.ts"
import { setNumber, setText, TableBuilder, type Table } from "./table.ts"

const NUMBER = { source: "input", kind: "numeric" } as const
const settings = settingsOf(parseDriftConfig(""), "m")
const ROWS_MAX = settings.rowsMax

interface Making {
  readonly rows: number
  readonly shift?: number
  readonly nulls?: number
  readonly allNull?: boolean
  readonly constant?: number
  readonly city?: (at: number) => string
}

/** Columns: a (numbers with some NaN), b (numbers or all null), c (constant) and city. */
const make = (seed: number, making: Making): Table => {
  const { rows, shift = 0, nulls = 0, allNull = false, constant = 7 } = making
  const { city = (at) => (at % 2 === 0 ? "Bern" : "Oslo") } = making
  const random = seededRandom(seed)
  const builder = new TableBuilder(ROWS_MAX, seed)
  const [a, b, c] = ["a", "b", "c"].map((name) => builder.column({ name, ...NUMBER }))
  const text = builder.column({ name: "city", source: "input", kind: "categorical" })
  if (a === undefined || b === undefined || c === undefined) throw new Error("no columns")
  for (let row = 0; row < rows; row++) {
    const place = builder.place()
    const [x, y] = [random(), random()]
    if (place < 0) continue
    if (y >= nulls) setNumber(a, place, x + shift)
    if (!allNull) setNumber(b, place, y)
    setNumber(c, place, constant)
    setText(text, place, city(row))
  }
  return builder.finish()
}

const REFERENCE = prepareReference(make(1, { rows: 2_000, nulls: 0.1 }), settings)
const evaluate = (window: Table) => evaluateWindow(REFERENCE, window, settings, { seed: 3 })
const brief = async (window: Table) => {
  const { tests, verdict } = await evaluate(window)
  const told = tests.map(({ feature, test: name, drifted, problem }) =>
    problem === undefined ? `${feature} ${name} ${drifted}` : `${feature}: ${problem}`,
  )
  return { told, verdict }
}

describe("a window", () => {
  test("with NaN as before is none, and with more of them is told by the nulls alone", async () => {
    expect(await brief(make(2, { rows: 2_000, nulls: 0.1 }))).toEqual({
      told: [
        "a ks-asymptotic false",
        "a null-rate false",
        "b ks-asymptotic false",
        "c ks-asymptotic false",
        "city chi-squared false",
      ],
      verdict: "none",
    })
    const { told, verdict } = await brief(make(3, { rows: 2_000, nulls: 0.4 }))
    expect(told.slice(0, 2)).toEqual(["a ks-asymptotic false", "a null-rate true"])
    expect(verdict).toBe("drift")
  })

  test("with an all-null feature says so, and tests the others", async () => {
    const { told, verdict } = await brief(make(4, { rows: 2_000, nulls: 0.1, allNull: true }))
    expect(told.slice(2)).toEqual([
      "b: the window is all null",
      "b null-rate true",
      "c ks-asymptotic false",
      "city chi-squared false",
    ])
    expect(verdict).toBe("drift")
  })

  test("with hundreds of categories, all rare, says that it was not tested and why", async () => {
    const some = (of: number) => (at: number) => `zone ${at % of}`
    const reference = prepareReference(make(1, { rows: 2_000, city: some(1_000) }), settings)
    const window = make(6, { rows: 500, city: some(100) })
    const { tests } = await evaluateWindow(reference, window, settings, { seed: 3 })
    const ofZone = tests.find(
      ({ feature, test: name }) => `${feature} ${name}` === "city chi-squared",
    )
    expect(ofZone).toMatchObject({ drifted: false })
    expect(ofZone?.pvalue).toBeUndefined()
    expect(ofZone?.problem).toContain("each of 1000 categories is too rare: fewer than 5 rows")
  })

  test("whose constant feature has another value drifts there, and else does not", async () => {
    const { told } = await brief(make(5, { rows: 2_000, nulls: 0.1, constant: 8 }))
    expect(told.filter((one) => one.endsWith("true"))).toEqual(["c ks-asymptotic true"])
  })

  test("with a new category names its share", async () => {
    const city = (at: number) => (at % 4 === 0 ? "Rome" : at % 2 === 0 ? "Bern" : "Oslo")
    const { tests, columns } = await evaluate(make(6, { rows: 2_000, nulls: 0.1, city }))
    expect(tests.at(-1)).toMatchObject({ test: "unseen", statistic: 0.25, drifted: true })
    expect(columns.at(-1)).toMatchObject({ name: "city", unseenRate: 0.25 })
  })

  test("of one row is insufficient, in words", async () => {
    const { told, verdict } = await brief(make(7, { rows: 1 }))
    expect(told[2]).toBe("c: 1 rows, of at least 100")
    expect(verdict).toBe("insufficient")
  })

  test("of ten million rows is sampled, and its finding says how many were tested", async () => {
    const window = make(8, { rows: 10_000_000, nulls: 0.1, shift: 0.3 })
    expect(window).toMatchObject({ rows: ROWS_MAX, seen: 10_000_000 })
    const { tests, verdict } = await evaluate(window)
    expect(tests[0]).toMatchObject({ test: "ks-asymptotic", drifted: true })
    expect(Math.abs((tests[0]?.rows ?? 0) - ROWS_MAX * 0.9)).toBeLessThan(1_000)
    expect(tests.filter(({ feature }) => feature === "b")[0]?.drifted).toBe(false)
    expect(verdict).toBe("drift")
  }, 30_000)
})
