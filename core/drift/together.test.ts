// All columns together: what changes only in how they go together is seen there and nowhere else.
import { describe, expect, test } from "bun:test"
import { seededRandom } from "#core/statistics/seeded-random"
import { parseDriftConfig, settingsOf } from "./config.ts"
import { evaluateWindow } from "./evaluate.ts"
import { openMmdRunner } from "./mmd-runner.ts"
import { prepareReference } from "./prepared.ts"
import { setNumber, TableBuilder, type Table } from "./table.ts"

/** Two columns of equal spread that go together with this correlation, 0 to 1. */
const pairs = (count: number, seed: number, correlation: number): Table => {
  const random = seededRandom(seed)
  const builder = new TableBuilder(1_000_000, 1)
  const [a, b] = ["a", "b"].map((name) =>
    builder.column({ name, source: "input", kind: "numeric" }),
  )
  const normal = () => Array.from({ length: 12 }, random).reduce((sum, one) => sum + one, -6)
  for (let row = 0; row < count; row++) {
    const place = builder.place()
    const [x, y] = [normal(), normal()]
    if (a !== undefined) setNumber(a, place, x)
    const together = correlation * x + Math.sqrt(1 - correlation ** 2) * y
    if (b !== undefined) setNumber(b, place, together)
  }
  return builder.finish()
}

const REFERENCE = pairs(1_000, 1, 0)
const evaluate = (window: Table, yaml: string) => {
  const settings = settingsOf(parseDriftConfig(`defaults: { ${yaml} }`), "m")
  const prepared = prepareReference(REFERENCE, settings)
  return evaluateWindow(prepared, window, settings, { seed: 7, runner: openMmdRunner() })
}

describe("columns that begin to go together", () => {
  const window = pairs(1_000, 2, 0.9)
  const last = async (yaml: string) => (await evaluate(window, yaml)).tests.at(-1)

  test("drift by MMD, as a graph and in float64, and no column by itself does", async () => {
    const graph = await evaluate(window, "mmd: { rows: 300, permutations: 200 }")
    expect(graph.tests.map(({ drifted }) => drifted)).toEqual([false, false, true])
    const plain = await last("mmd: { rows: 300, permutations: 200, by: plain }")
    expect(graph.tests.at(-1)?.pvalue).toBe(plain?.pvalue)
    expect(Math.abs((graph.tests.at(-1)?.effect ?? 0) - (plain?.effect ?? 1))).toBeLessThan(1e-5)
  })

  test("give the same figures whenever they are tested again", async () => {
    const yaml = "each: false, mmd: { rows: 200, permutations: 100 }, classifier: { rows: 500 }"
    expect(await evaluate(window, yaml)).toEqual(await evaluate(window, yaml))
  })
})

test("a classifier tells a moved window from the reference, and not one like it", async () => {
  const yaml = "each: false, classifier: { rows: 500 }"
  const moved = pairs(800, 3, 0)
  const values = moved.columns.map((column) =>
    column.kind === "numeric" ? { ...column, values: column.values.map((x) => x + 0.6) } : column,
  )
  const found = await evaluate({ ...moved, columns: values }, yaml)
  expect(found.tests).toMatchObject([{ test: "classifier", rows: 500, drifted: true }])
  const like = await evaluate(pairs(800, 4, 0), yaml)
  expect(like.tests).toMatchObject([{ test: "classifier", drifted: false }])
  expect(like.verdict).toBe("none")
})

test("too few complete rows are reported as that", async () => {
  const found = await evaluate(pairs(20, 5, 0), "each: false, mmd: { rows: 50, permutations: 20 }")
  expect(found.tests[0]?.problem).toBe("20 complete rows, of at least 100")
  expect(found.verdict).toBe("insufficient")
})
