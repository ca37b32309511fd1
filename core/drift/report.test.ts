import { describe, expect, test } from "bun:test"
import { categoricalFeature, numericFeature } from "#core/statistics/feature"
import { seededRandom } from "#core/statistics/seeded-random"
import type { WindowEvaluated } from "#proto/finding"
import { overlayOf } from "./overlay.ts"
import { htmlReport, REPORT_BYTES_MAX, type ReportInput } from "./report.ts"
import { testKey } from "./verdict.ts"

const windowOf = (number: number, features: ReadonlyArray<string>): WindowEvaluated => {
  const random = seededRandom(number)
  return {
    _tag: "WindowEvaluated",
    model: "wide",
    number,
    window: { from: number * 100, to: number * 100 + 99, rows: 100, facts: 100, failed: 0 },
    reference: "ab".repeat(32),
    configuration: "cd".repeat(32),
    seed: 1,
    columns: [],
    tests: features.map((feature) => {
      const effect = random()
      return {
        feature,
        test: "ks-asymptotic",
        rows: 100,
        referenceRows: 1_000,
        statistic: effect,
        pvalue: 1 - effect,
        threshold: 0.01,
        effect,
        effectMin: 0.1,
        drifted: effect > 0.5,
      }
    }),
    verdict: "drift",
    persistence: {
      recent: {},
      drifting: [],
      began: features.map((feature) => testKey({ feature, test: "ks-asymptotic" })),
      ended: [],
    },
    at: 1,
  }
}

const inputOf = (columns: number, windows: number): ReportInput => {
  const names = Array.from({ length: columns }, (_, at) => `a column with a long name ${at}`)
  const random = seededRandom(9)
  const sample = () => numericFeature(Float64Array.from({ length: 500 }, random))
  return {
    model: "wide",
    reference: "first 1000 rows",
    from: 1,
    to: windows * 100,
    windows: Array.from({ length: windows }, (_, at) => windowOf(at + 1, names)),
    features: names.map((feature) => ({
      feature,
      test: "ks-asymptotic",
      overlay: overlayOf(sample(), sample()),
      at: 3,
    })),
    falseAlarmsPerDay: 0.2,
  }
}

describe("the report", () => {
  test("of 65 columns and 500 windows that all drift stays below its limit", () => {
    expect(Buffer.byteLength(htmlReport(inputOf(65, 500)))).toBeLessThan(REPORT_BYTES_MAX)
  })

  test("of 500 columns stays below it too, and says how many are left out", () => {
    const html = htmlReport(inputOf(500, 50))
    expect(Buffer.byteLength(html)).toBeLessThan(REPORT_BYTES_MAX)
    expect(html).toMatch(/4[0-9]{2} columns that drifted least are left out/u)
  })

  test("says that nothing drifted where nothing did", () => {
    expect(htmlReport({ ...inputOf(1, 0), windows: [] })).toContain("No window drifted")
  })

  test("shows names as text, whatever is in them", () => {
    const input = { ...inputOf(1, 1), model: "<script>alert(1)</script>" }
    expect(htmlReport(input)).not.toContain("<script>")
  })
})

describe("an overlay", () => {
  test("holds shares that add up to one on each side, tails included", () => {
    const numbers = numericFeature(Float64Array.from([1, 2, 3, 1e9, NaN]))
    const overlay = overlayOf(numbers, numbers)
    const sum = (shares: ReadonlyArray<number> = []) => shares.reduce((a, b) => a + b, 0)
    expect(sum(overlay?.reference)).toBeCloseTo(1, 3)
    expect(sum(overlay?.window)).toBeCloseTo(1, 3)
  })

  test("gathers rare categories", () => {
    const many = categoricalFeature(Array.from({ length: 100 }, (_, at) => `c${at}`))
    expect(overlayOf(many, many)?.labels.length).toBe(13)
    expect(overlayOf(many, many)?.reference.at(-1)).toBeCloseTo(0.88)
  })

  test("of a column without values is none", () => {
    const empty = numericFeature(new Float64Array([NaN]))
    expect(overlayOf(empty, empty)).toBeUndefined()
  })
})
