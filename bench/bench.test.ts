import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inProject } from "../cli/project.ts"
import { pairTable, readSide } from "./commands/pair.ts"
import { measuredMark } from "./commands/peers.ts"
import { hotFunctions } from "./commands/profile.ts"
import { readFastRequests, slopePerHour, slowdownOf } from "./commands/soak.ts"
import { latencyOf } from "./load/histogram.ts"
import { measureCell, type Cell } from "./measure/cell.ts"
import { canMeasure, usageOf } from "./measure/processes.ts"
import { againstTargets, readingOf } from "./peers/targets.ts"
import { barChart, lineChart } from "./report/chart.ts"
import { makeReport, withErrorsMark, writeReport } from "./report/report.ts"
import { checkAnswers } from "./systems/check-answers.ts"
import { base64, irisQuestions, queueForms } from "./systems/iris.ts"
import {
  checkWeir,
  predictTarget,
  queueTarget,
  readWeirAnswer,
  startWeir,
  type WeirLaboratory,
} from "./systems/weir.ts"

/** On a machine that is busy with other tests. */
const START_WAIT_MILLIS = 90_000
const NO_LATENCY = { count: 1, mean: 1, p50: 1, p90: 1, p99: 1, p999: 1, max: 1 }

const cell = (perSecond: number, p99 = 1): Cell => ({
  system: "A | B",
  isWeir: true,
  load: "c=32",
  rowsPerRequest: 1,
  form: "HTTP, JSON",
  seconds: 1,
  perSecond,
  rowsPerSecond: perSecond,
  answered: perSecond,
  errors: { "status 503": 2 },
  latency: { ...NO_LATENCY, p99 },
  latenessP99: 0,
  generatorCpuMicrosPerRequest: 10,
  processes: [],
})

describe("a report", () => {
  test("is written as JSON, Markdown and SVG with machine, marks and cells", async () => {
    const folder = mkdtempSync(join(tmpdir(), "weir-report-"))
    process.env["WEIR_BENCH_REPORTS"] = folder
    try {
      const now = new Date(1_800_000_000_000)
      const findings = {
        name: "sample",
        title: "A sample",
        cells: [cell(1_234)],
        tables: [{ title: "T", columns: ["a"], rows: [["b"]] }],
        marks: [{ figure: "f", got: "2×", must: { text: "≥ 1×", held: true } }],
        notes: ["a note"],
        chart: {
          kind: "bars",
          title: "C",
          bars: [{ name: "<x>", value: 1, text: "1" }],
        },
      } as const
      const path = await writeReport(await makeReport(findings, "./weir bench sample", now), now)
      const names = readdirSync(join(folder, "2027-01-15")).toSorted()
      expect(names).toEqual(["080000-sample.json", "080000-sample.md", "080000-sample.svg"])
      const text = await Bun.file(path).text()
      for (const part of ["A \\| B", "1,234", "status 503 ×2", "≥ 1× ✓", "a note", "cores"])
        expect(text).toContain(part)
      const json = await Bun.file(path.replace(".md", ".json")).json()
      expect(json.cells[0].latency.p99).toBe(1)
      expect(json.machine.cores).toBeGreaterThan(0)
      expect(await Bun.file(path.replace(".md", ".svg")).text()).toContain("&lt;x&gt;")
    } finally {
      delete process.env["WEIR_BENCH_REPORTS"]
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test("fails with an error in any cell of Weir, and not with those of others", () => {
    const others = { ...cell(1), isWeir: false }
    const good = { ...cell(1), errors: {} }
    const marksOf = (...cells: ReadonlyArray<Cell>) =>
      withErrorsMark({ name: "", title: "", cells, tables: [], marks: [], notes: [] }).marks
    expect(marksOf(good, cell(1), cell(1), others)).toEqual([
      { figure: "errors in all cells of Weir", got: "4", must: { text: "0", held: false } },
    ])
    expect(marksOf(good, others)[0]?.must?.held).toBe(true)
    expect(marksOf(others)).toEqual([])
  })

  test("draws charts of nothing too", () => {
    expect(barChart("t", [])).toEndWith("</svg>\n")
    expect(lineChart("t", "s", [{ name: "a", points: [] }])).not.toContain("NaN")
  })
})

describe("figures", () => {
  test("are held against the targets as ratios, and only where the peer was measured", () => {
    const system = (name: string, perSecond: number, p99: number) => ({
      name,
      readings: [1, 2, 3, 4].map(() => readingOf(cell(perSecond, p99))),
    })
    const all = [system("weir", 90, 4), system("weir-again", 110, 6), system("fastapi-2", 100, 10)]
    const marks = againstTargets(all)
    expect(marks.map(({ got, must }) => [got, must?.held])).toEqual([
      ["1.00×", true],
      ["1.00×", false],
      ["0.50×", true],
      ["1.00×", false],
    ])
    expect(againstTargets([system("weir", 1, 1)])).toEqual([])
  })

  test("of Weir alone are no comparison", () => {
    const weir = { cells: [cell(1)] }
    const peer = { cells: [{ ...cell(1), isWeir: false }] }
    expect(measuredMark([weir, weir], 2)).toMatchObject({ got: "0 of 2", must: { held: false } })
    expect(measuredMark([weir, peer], 2)).toMatchObject({ got: "1 of 2", must: { held: true } })
  })

  test("of a pair are a median, a range and a ratio for each round", () => {
    const [row] = pairTable([
      [cell(100), cell(110)],
      [cell(200), cell(180)],
      [cell(100), cell(150)],
    ])
    const ratios = "1.10 (0.90–1.50)"
    expect(row).toEqual(["c=32", "req/s", "100 (100–200)", "150 (110–180)", ratios, "2 of 3"])
  })

  test("of a soak are held against the better of the first two quarters", () => {
    const of = (...all: ReadonlyArray<number>) => slowdownOf(all.map((p99) => ({ p99 })))
    expect(of(20, 10, 50, 15)).toBe(1.5)
    expect(of(10, 20, 50, 15)).toBe(1.5)
    expect(of()).toBeNaN()
  })

  test("of memory are the slope of the second half", () => {
    const points = [0, 1, 2, 3].map((at) => [at * 100, at < 2 ? 50 : at] as const)
    expect(slopePerHour(points)).toBeCloseTo(36)
  })
})

test("a side of a pair is a commit, settings, both, or the files as they are", () => {
  const find = (revision: string) => (revision === "main" ? "c0ffee" : undefined)
  const known = (commit: string | undefined) => new Set(commit === "c0ffee" ? ["A", "B"] : [])
  expect(readSide("main,A=1,B=x=y", find, known)).toEqual({
    name: "main,A=1,B=x=y",
    commit: "c0ffee",
    environment: { A: "1", B: "x=y" },
  })
  expect(() => readSide("A=1", find, known)).toThrow('"A" in "A=1" is no setting')
  expect(readSide(".", find).commit).toBeUndefined()
  expect(() => readSide("nothing", find)).toThrow("neither a commit nor KEY=VALUE")
})

test("settings of a pair are those that the processes read, or of what runs them", () => {
  expect(readSide("WEIR_FAST_LANE=false,GOGC=50,BUN_JSC_useJIT=0").environment).toEqual({
    WEIR_FAST_LANE: "false",
    GOGC: "50",
    BUN_JSC_useJIT: "0",
  })
  expect(() => readSide("WEIR_FAST_LAME=false")).toThrow('"WEIR_FAST_LAME" in')
  expect(() => readSide("=1")).toThrow("is no setting")
})

test.each([
  [["1000rpm", "extra"], 'unexpected word "extra"'],
  [["pair", "a", "b", "c"], 'unexpected word "c"'],
  [["--seconds", "1", "extra"], 'unexpected word "extra"'],
])("the words %j are refused before anything is measured", async (words, problem) => {
  const command = [process.execPath, inProject("bench", "main.ts"), ...words]
  const bench = Bun.spawn(command, { stdout: "ignore", stderr: "pipe" })
  expect(await new Response(bench.stderr).text()).toContain(problem)
  expect(await bench.exited).toBe(2)
})

test("hot functions are read from the profile as the runtime writes it", () => {
  const profile = [
    "## Hot Functions (Self Time)",
    "",
    "| Self% | Self | Total% | Total | Function | Location |",
    "|------:|-----:|-------:|------:|----------|----------|",
    "| 90.3% | 1.08s | 90.3% | 1.08s | `stringify` | `[native code]` |",
    "",
    "## Call Tree (Total Time)",
    "| 1.0% | 1ms | 1.0% | 1ms | `other` | `x` |",
  ].join("\n")
  const row = ["90.3%", "1.08s", "90.3%", "1.08s", "stringify", "[native code]"]
  expect(hotFunctions(profile)).toEqual([row])
})

test("requests beside the queue are read from a gateway's metrics", () => {
  const late = "weir_gateway_fast_requests_late_total 3"
  const metrics = `# TYPE x counter\nweir_gateway_fast_requests_total 1200\n${late}\n`
  expect(readFastRequests(metrics)).toEqual({ sent: 1_200, late: 3 })
  const missing = "no weir_gateway_fast_requests_total"
  expect(() => readFastRequests(late)).toThrow(missing)
})

describe("a whole Weir", () => {
  let weir: WeirLaboratory
  beforeAll(async () => {
    weir = await startWeir()
  }, START_WAIT_MILLIS)
  afterAll(() => weir.stop(), START_WAIT_MILLIS)

  test("answers what ONNX Runtime says, and a wrong answer is found", async () => {
    expect(await checkWeir(weir, 1)).toBe(128)
    const questions = await irisQuestions(1)
    const wrong = questions.map((question) => ({ ...question, probabilities: [[1, 1, 1]] }))
    const checked = checkAnswers("it", await predictTarget(weir.url, 1), wrong, readWeirAnswer)
    await expect(checked).rejects.toThrow("it answers wrongly")
  })

  test("is saturated for a second, and every process and message is counted", async () => {
    const measured = await measureCell({
      subject: weir,
      rowsPerRequest: 1,
      form: "HTTP, JSON",
      plan: {
        target: await predictTarget(weir.url, 1),
        loop: { kind: "closed", callers: 32 },
        warmUpSeconds: 0,
        seconds: 1,
      },
    })
    const { answered, errors, latency, log, processes } = measured.cell
    expect(errors).toEqual({})
    expect(answered).toBeGreaterThan(100)
    expect(latency.count).toBe(answered)
    expect(latency.p50).toBeLessThanOrEqual(latency.p99)
    expect(log?.messages).toBeGreaterThan(answered)
    expect(processes.map(({ name }) => name)).toEqual(["gateway", "predictor", "nats-server"])
    if (canMeasure) for (const part of processes) expect(part.rssBytes).toBeGreaterThan(1_000_000)
  })

  test("answers at fixed times too, and what a producer publishes", async () => {
    const open = await measureCell({
      subject: weir,
      rowsPerRequest: 1,
      form: "HTTP, JSON",
      plan: {
        target: await predictTarget(weir.url, 1),
        loop: { kind: "open", perSecond: 100 },
        warmUpSeconds: 0,
        seconds: 1,
      },
    })
    expect(open.cell.answered).toBe(100)
    expect(latencyOf(open.load.lateness).count).toBeGreaterThan(0)
    for (const form of queueForms) {
      const { cell: queue } = await measureCell({
        subject: weir,
        rowsPerRequest: 32,
        form: form.form,
        plan: {
          target: await queueTarget(weir.natsUrl, 32, form),
          loop: { kind: "closed", callers: 4 },
          warmUpSeconds: 0,
          seconds: 1,
        },
      })
      expect(queue.errors).toEqual({})
      expect(queue.rowsPerSecond).toBeGreaterThan(32)
    }
  })

  test("counts what is not an answer as an error", async () => {
    const target = { kind: "http", url: `${weir.url}/nowhere`, bodies: [base64("{}")] } as const
    const loop = { kind: "closed", callers: 1 } as const
    const plan = { target, loop, warmUpSeconds: 0, seconds: 1 }
    const measured = await measureCell({ subject: weir, rowsPerRequest: 1, form: "", plan })
    expect(Object.keys(measured.cell.errors)).toEqual(["status 404"])
    expect(measured.cell.answered).toBe(0)
  })
})

test.if(canMeasure)("what a process uses is read from /proc", () => {
  const usage = usageOf([process.pid])
  expect(usage.rssBytes).toBeGreaterThan(1_000_000)
  expect(usage.pssBytes).toBeGreaterThan(1_000_000)
  expect(usage.cpuMicros).toBeGreaterThan(0)
  expect(usage.openFiles).toBeGreaterThan(2)
})
