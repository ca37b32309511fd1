// `weir outcomes` and `weir performance` on a real log: labels from files, their status, and
// quality as it is computed directly.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { historyStatus } from "#core/log/history"
import { outcomeSubject, PREDICTIONS } from "#proto/subjects"
import { register, rows, singles, store } from "../../drift-monitor/test-facts.ts"
import { until } from "../../test/support/eventually.ts"
import { startSystem } from "../../test/support/system.ts"
import { weirWith } from "../test-command.ts"

setDefaultTimeout(60_000)
const MODEL = "people"
const ROWS = 400
const GIVEN = rows(ROWS, 1)
/** Wrong for every fourth row. */
const truthOf = (at: number) => {
  const claimed = Number((GIVEN[at]?.probability ?? 0) > 0.5)
  return at % 4 === 0 ? 1 - claimed : claimed
}

const system = await startSystem()
const { log } = system
const folder = mkdtempSync(join(tmpdir(), "weir-outcomes-"))
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await system.stop()
})
// The facts of these tests are years old.
const weir = weirWith({ NATS_URL: system.nats.url, WEIR_OUTCOMES_HORIZON_DAYS: "3650" })
await register(log, MODEL)
await store(log, singles(MODEL, GIVEN))

const file = (name: string, lines: ReadonlyArray<string>): string => {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join("\n")}\n`)
  return path
}
const copied = () => until("all is copied", async () => (await historyStatus(log, 1)).lag === 0)
const status = async () => {
  await copied()
  return JSON.parse((await weir("outcomes", "status", MODEL, "--json")).printed)
}

test("a table is imported by its columns, once however often it is given", async () => {
  const lines = GIVEN.slice(0, 300).map((_, at) => `x,fact-${at},${truthOf(at)}`)
  const path = file("labels.csv", ["what,order,truth", ...lines])
  const words = ["outcomes", "import", path, "--model", MODEL, "--key", "order", "--value", "truth"]
  const first = await weir(...words)
  expect(first).toMatchObject({ code: 0, said: "" })
  expect(first.printed).toContain("300 lines: 300 recorded, 0 corrected, 0 unchanged, 0 refused")
  expect((await weir(...words)).printed).toContain("0 recorded, 0 corrected, 300 unchanged")
  expect(await status()).toMatchObject({
    counts: { messages: 300, recorded: 300 },
    coverage: [{ rows: ROWS, labelled: 300 }, { version: "1" }],
  })
})

test("lines that are wrong are named, and the others are stored", async () => {
  const path = file("more.ndjson", [
    JSON.stringify({ id: "fact-300", value: 1 - truthOf(300) }),
    JSON.stringify({ id: "fact-300", value: truthOf(300) }),
    JSON.stringify({ id: "fact-301", value: "old" }),
    "{",
    JSON.stringify({ id: "nobody", value: 1 }),
  ])
  const { code, printed, said } = await weir("outcomes", "import", path, "--model", MODEL)
  expect(code).toBe(1)
  expect(said).toContain('line 3: value of row 0: expected one of 0, 1, got "old"')
  expect(said).toContain("line 4: outcome: expected JSON")
  expect(printed).toContain("5 lines: 2 recorded, 1 corrected, 0 unchanged, 2 refused; 1 of a")
  const found = await status()
  expect(found.counts).toMatchObject({ recorded: 301, corrected: 1 })
  expect(found.unmatched).toEqual(["nobody"])
})

test("quality is that of a direct computation, in each form", async () => {
  const right = 300 - 75 + Number(300 % 4 !== 0)
  const { printed } = await weir("performance", MODEL, "--json")
  const { groups } = JSON.parse(printed)
  expect(groups[0]).toMatchObject({ rows: ROWS, labelled: 301 })
  expect(groups[0].metrics.accuracy).toBe(right / 301)
  const page = join(folder, "quality.html")
  const words = ["--by", "window", "--window", "100", "--html", page]
  const byWindow = await weir("performance", MODEL, ...words)
  expect(byWindow.printed).toContain("window 1 (1–100)")
  expect(await Bun.file(page).text()).toContain("window 4 (301–400)")
  const slices = await weir("performance", MODEL, "--by", "slice", "--slice", "city")
  for (const city of ["Bern", "Lyon", "Oslo"]) expect(slices.printed).toContain(`city = ${city}`)
  const some = await weir("performance", MODEL, "--from", "201", "--to", "300", "--json")
  expect(JSON.parse(some.printed).groups[0]).toMatchObject({ rows: 100, labelled: 100 })
})

test("what the hot log has dropped is told its position by a scan", async () => {
  await copied()
  await log.manager.streams.purge(PREDICTIONS, { filter: "weir.prediction.*.*" })
  const late = GIVEN.slice(310, 320).map((_, at) => `fact-${310 + at},${truthOf(310 + at)}`)
  const path = file("late.csv", ["id,value", ...late])
  const imported = await weir("outcomes", "import", path, "--model", MODEL)
  expect(imported.printed).toContain("10 of a prediction that the hot log does not hold")
  const { counts } = await status()
  expect(counts.recorded).toBe(311)
  const joined = await weir("outcomes", "join", MODEL)
  expect(joined.printed).toBe(
    "11 ids without a position: 10 joined, 0 do not fit, 1 unknown to the long log\n",
  )
  expect((await status()).counts).toMatchObject({ recorded: 311, repeated: 10 })
  const last = await log.manager.streams.getMessage(PREDICTIONS, {
    last_by_subj: outcomeSubject(MODEL, "fact-310"),
  })
  expect(last.json()).toMatchObject({ position: 311 })
})

test("a wrong command line says what is missing", async () => {
  expect((await weir("outcomes")).said).toContain("status, import, join")
  expect((await weir("outcomes", "import", "x.csv")).said).toContain("--model")
  expect((await weir("outcomes", "status", "none")).said).toContain('there is no model "none"')
  expect((await weir("performance", MODEL, "--by", "day")).said).toContain("--by must be one of")
  const sliced = await weir("performance", MODEL, "--by", "slice", "--slice", "town")
  expect(sliced.said).toContain('expected some of age, income, city, got "town"')
})
