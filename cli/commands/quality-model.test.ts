// `weir quality` on what a model was asked: rows from the long log, places for suites, and a first
// suite.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { historyStatus } from "#core/log/history"
import { register, rows, singles, store } from "../../drift-monitor/test-facts.ts"
import { until } from "../../test/support/eventually.ts"
import { startSystem, type TestSystem } from "../../test/support/system.ts"
import { weirWith, type Weir } from "../test-command.ts"

const START_MILLIS = 60_000
const ROWS = 300
const CAPACITY = 1_000_000

let system: TestSystem
let weir: Weir
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-quality-model-"))
  system = await startSystem()
  weir = weirWith({ ...system.environment, WEIR_DATA: folder })
  await register(system.log, "people")
  await store(system.log, singles("people", rows(ROWS, 1)))
  await until("the copies", async () => {
    const { copiedPosition } = await historyStatus(system.log, CAPACITY)
    return copiedPosition >= ROWS
  })
}, START_MILLIS)
afterAll(async () => {
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}, START_MILLIS)

const file = (name: string, ...expectations: ReadonlyArray<readonly [string, object]>) => {
  const path = join(folder, name)
  const listed = expectations.map(([type, kwargs]) => ({ type, kwargs }))
  writeFileSync(path, JSON.stringify({ name, expectations: listed }))
  return path
}
const age = (max: number) =>
  ["expect_column_values_to_be_between", { column: "age", min_value: 0, max_value: max }] as const
const mean = [
  "expect_column_mean_to_be_between",
  { column: "output.probability", min_value: 0, max_value: 1 },
] as const

test("a suite is run on the rows that a model answered, all or a range", async () => {
  const suite = file("ages", age(90), mean)
  const all = await weir("quality", suite, "--model", "people")
  expect([all.code, all.printed]).toEqual([0, expect.stringContaining("ages: 2 of 2 met on 300")])
  const few = await weir("quality", suite, "--model", "people", "--from", "11", "--to", "20")
  expect(few.printed).toContain("on 10 rows")
  const strict = await weir("quality", file("young", age(30)), "--model", "people", "--json")
  expect([strict.code, JSON.parse(strict.printed).success]).toEqual([1, false])
  const unknown = await weir("quality", suite, "--model", "nobody")
  expect([unknown.code, unknown.said]).toEqual([1, expect.stringContaining("no model")])
  const both = await weir("quality", suite, "--model", "people", "--csv", "x.csv")
  expect(both.code).toBe(2)
})

test("a gate is set, shown and taken away; what cannot be one is refused by name", async () => {
  const set = await weir("quality", "gate", "people", file("ages", age(90)), "--mode", "reject")
  expect([set.code, set.printed]).toEqual([
    0,
    "people\n  gate     reject: ages, 1 expectation\n  windows  none\n",
  ])
  const refused = await weir("quality", "gate", "people", file("means", mean), "--mode", "flag")
  expect([refused.code, refused.said]).toEqual([
    1,
    expect.stringContaining("expect_column_mean_to_be_between (expectation 0)"),
  ])
  expect((await weir("quality", "gate", "people", file("ages", age(90)))).code).toBe(2)
  await weir("quality", "windows", "people", file("means", mean))
  expect((await weir("quality", "gate", "people", "--mode", "off")).printed).toBe(
    "people\n  gate     none\n  windows  means, 1 expectation\n",
  )
  const shown = JSON.parse((await weir("quality", "gate", "people", "--json")).printed)
  expect([shown.gate.mode, shown.gate.source]).toEqual(["off", "command"])
})

test("a first suite of good rows is met by them, and its part for a gate can be one", async () => {
  const none = await weir("quality", "suggest", "people")
  expect([none.code, none.said]).toEqual([1, expect.stringContaining("has no reference yet")])
  const made = await weir("quality", "suggest", "people", "--from", "1")
  const path = join(folder, "first.json")
  writeFileSync(path, made.printed)
  expect((await weir("quality", path, "--model", "people")).code).toBe(0)
  const forGate = await weir("quality", "suggest", "people", "--from", "1", "--for-gate")
  writeFileSync(path, forGate.printed)
  const set = await weir("quality", "gate", "people", path, "--mode", "flag")
  expect([set.code, set.printed]).toEqual([0, expect.stringMatching(/flag: people, \d expect/)])
})
