import { describe, expect, test } from "bun:test"
import type { Persistence, TestOutcome } from "#proto/finding"
import { settingsOf } from "./config.ts"
import { windowEvaluated } from "./evaluated.ts"
import type { Evaluation } from "./evaluate.ts"
import { falseAlarmsPerDay } from "./settings.ts"
import { decide, evolve, initialPersistence, testKey } from "./verdict.ts"

const RULE = { hits: 2, windows: 3, clear: 2 }

const outcome = (feature: string, drifted: boolean): TestOutcome => ({
  feature,
  test: "ks-asymptotic",
  rows: 100,
  referenceRows: 100,
  statistic: 0.5,
  pvalue: 0.001,
  effect: 0.5,
  threshold: 0.01,
  drifted,
})
const evaluation = (...tests: ReadonlyArray<TestOutcome>): Evaluation => ({
  columns: [],
  tests,
  verdict: tests.some(({ drifted }) => drifted) ? "drift" : "none",
})
const after = (pattern: string, from: Persistence = initialPersistence) =>
  [...pattern].reduce(
    (state, hit) => evolve(state, evaluation(outcome("age", hit === "1")), RULE),
    from,
  )

const AGE = testKey({ feature: "age", test: "ks-asymptotic" })

describe("drift", () => {
  test("of one window alone is not reported", () => {
    for (const pattern of ["1", "01", "10", "1001"]) expect(after(pattern).began).toEqual([])
  })

  test("is reported with the second of three windows, and only then", () => {
    expect(after("11").began).toEqual([AGE])
    expect(after("101").began).toEqual([AGE])
    expect(after("111").began).toEqual([])
    expect(after("111").drifting).toEqual([AGE])
  })

  test("is over after two quiet windows, and can begin again", () => {
    expect(after("110").ended).toEqual([])
    expect(after("1100").ended).toEqual([AGE])
    expect(after("11001").began).toEqual([])
    expect(after("110011").began).toEqual([AGE])
  })

  test("leaves nothing behind when it is long over", () => {
    expect(after("1100000")).toEqual(initialPersistence)
  })

  test("is not judged by a window in which the column could not be tested", () => {
    const silent = { ...outcome("age", false), problem: "12 rows, of at least 100" }
    const state = evolve(after("1"), evaluation(silent), RULE)
    expect(state.recent).toEqual(after("1").recent)
    expect(after("1", state).began).toEqual([AGE])
  })

  test("is remembered for each slice and for nulls apart from values", () => {
    const slice = { feature: "city", value: "Oslo" }
    const keys = [
      testKey({ feature: "age", test: "ks" }),
      testKey({ feature: "age", test: "null-rate" }),
      testKey({ feature: "age", test: "ks", slice }),
    ]
    expect(new Set(keys).size).toBe(3)
    expect(testKey({ feature: "age", test: "cvm" })).toBe(AGE)
  })

  test("of nulls is over when there are no nulls left to test", () => {
    const nulls = { ...outcome("age", true), test: "null-rate" }
    const quiet = evaluation(outcome("age", false))
    const began = evolve(
      evolve(initialPersistence, evaluation(nulls), RULE),
      evaluation(nulls),
      RULE,
    )
    expect(began.began.length).toBe(1)
    const ended = evolve(evolve(began, quiet, RULE), quiet, RULE)
    expect(ended.ended).toEqual(began.began)
  })
})

test("reports follow from the finding of a window alone, under the same id each time", () => {
  const settings = settingsOf({}, "people")
  const range = { from: 1, to: 100, rows: 100, facts: 100, failed: 0 }
  const context = {
    model: "people",
    number: 2,
    reference: "ab".repeat(32),
    settings: { ...settings, ...RULE },
    before: after("1"),
    at: 5,
  }
  const found = windowEvaluated(
    { range, version: "1" },
    evaluation(outcome("age", true), outcome("income", false)),
    context,
  )
  expect(decide(found)).toEqual(decide(structuredClone(found)))
  expect(decide(found)).toMatchObject([
    {
      _tag: "DriftDetected",
      id: "drift-detected-people-100-abababab",
      features: [{ name: "age", pvalue: 0.001, effect: 0.5 }],
    },
  ])
})

describe("the expected number of false alarms", () => {
  const settings = settingsOf({}, "people")
  test("of one window alone is α a window", () => {
    const once = { ...settings, hits: 1, windows: 1 }
    expect(falseAlarmsPerDay(once, 10, 24)).toBeCloseTo(0.24)
  })
  test("falls with the second window that is asked for", () => {
    // Each of 10 tests drifts with 0.001; one of the two windows before has to have drifted too.
    expect(falseAlarmsPerDay(settings, 10, 24)).toBeCloseTo(24 * 0.01 * (1 - 0.999 ** 2), 10)
  })
  test("without a correction grows with the tests", () => {
    const plain = { ...settings, correction: "none", hits: 1, windows: 1 } as const
    expect(falseAlarmsPerDay(plain, 10, 24)).toBeCloseTo(2.4)
  })
})
