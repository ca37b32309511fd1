import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { parseDriftConfig } from "#core/drift/config"
import { canonicalJson } from "#core/drift/evaluated"
import { Schema } from "effect"
import {
  factOf,
  findingsOf,
  register,
  rows,
  singles,
  store,
  timeless,
  type Row,
} from "../../drift-monitor/test-facts.ts"
import { until } from "../../test/support/eventually.ts"
import { startService } from "../../test/support/service.ts"
import { startSystem, type TestSystem } from "../../test/support/system.ts"
import { WindowEvaluated } from "#proto/finding"

// Each command is a process, and the machine may be busy.
setDefaultTimeout(60_000)
const MAIN = join(import.meta.dir, "..", "main.ts")
const Answer = Schema.fromJsonString(
  Schema.Struct({ windows: Schema.Array(WindowEvaluated), facts: Schema.Int }),
)
const readAnswer = Schema.decodeUnknownSync(Answer)

const older = (row: Row): Row => ({ ...row, age: row.age + 20 })

describe("weir drift", () => {
  let system: TestSystem
  let folder: string

  const weir = async (...args: ReadonlyArray<string>) => {
    const child = Bun.spawn([process.execPath, MAIN, ...args], {
      env: { ...process.env, ...system.environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    })
    const [text, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    return { code: await child.exited, text, errors }
  }
  const windowsOf = async () =>
    (await findingsOf(system.log, "people")).windows.filter((one) => one._tag === "WindowEvaluated")

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "weir-drift-"))
    system = await startSystem()
    await register(system.log, "people")
    const given = [...rows(5_000, 1), ...rows(3_000, 2, older), ...rows(3_000, 3)]
    await store(system.log, singles("people", given))
    // Two at once: of every window one of them is first, and the other finds the same.
    const monitors = await Promise.all(
      [1, 2].map(() => startService("drift-monitor", system.environment)),
    )
    await until("ten windows", async () => (await windowsOf()).length === 10)
    await until("both reports", async () => (await findingsOf(system.log, "people")).drift[1])
    await Promise.all(monitors.map((monitor) => monitor.stop()))
  }, 60_000)
  afterAll(async () => {
    await system.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test("gives the windows and verdicts that two live monitors gave between them", async () => {
    const live = await windowsOf()
    expect(live.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    const { text } = await weir("drift", "people", "--json")
    const past = readAnswer(text)
    expect(past.facts).toBe(10_000)
    expect(past.windows.map((one) => canonicalJson({ ...one, at: 0 }))).toEqual(
      live.map((one) => canonicalJson({ ...one, at: 0 })),
    )
  })

  test("takes other ranges, references, tests and windows", async () => {
    const words = [
      "--from",
      "1001",
      "--to",
      "8000",
      "--reference",
      "first:1000",
      "--window",
      "2000",
    ]
    const { text, code } = await weir("drift", "people", ...words, "--test", "cvm", "--json")
    expect(code).toBe(0)
    const { windows } = readAnswer(text)
    expect(windows.map(({ window, verdict }) => [window.from, verdict])).toEqual([
      [2_001, "none"],
      [4_001, "drift"],
      [6_001, "drift"],
    ])
    const tests = windows[0]?.tests.map(({ test: name }) => name)
    expect(new Set(tests)).toEqual(new Set(["cvm", "chi-squared"]))
  })

  test("writes a report that needs nothing else", async () => {
    const file = join(folder, "report.html")
    await weir("drift", "people", "--html", file)
    const html = await Bun.file(file).text()
    expect(html.length).toBeLessThan(300_000)
    expect(html).toContain("<svg")
    expect(html).not.toMatch(/src=|href=|@import/u)
    expect(html).toContain("detected: age")
  })

  test("writes a first configuration that can be read", async () => {
    const { text } = await weir("drift", "config", "people")
    const config = parseDriftConfig(text)
    expect(Object.keys(config.models?.["people"]?.columns ?? {})).toContain("output.probability")
    const { text: schema } = await weir("drift", "schema")
    expect(JSON.parse(schema)).toMatchObject({ type: "object", additionalProperties: false })
  })

  test("takes tests of all columns together, and detectors over the stream", async () => {
    const names = async (name: string) => {
      const { text } = await weir("drift", "people", "--to", "5000", "--test", name, "--json")
      const { windows } = readAnswer(text)
      const found = windows.flatMap(({ tests }) => tests.map(({ test: one }) => one))
      return [windows.length, windows.filter(({ verdict }) => verdict === "drift").length, found[0]]
    }
    expect(await names("mmd")).toEqual([4, 0, "mmd"])
    expect(await names("classifier")).toEqual([4, 0, "classifier"])
    expect(await names("mmd-online")).toEqual([4, 0, "mmd-online"])
    expect(await names("adwin")).toEqual([4, 0, "adwin"])
  })

  test("refuses what it does not know in a sentence", async () => {
    expect(await weir("drift", "nobody")).toMatchObject({ code: 1 })
    expect((await weir("drift", "people", "--test", "magic")).errors).toContain("--test must be")
    expect((await weir("drift", "people", "--from", "never")).errors).toContain("--from must be")
    for (const words of [[], ["accept"]]) {
      const reversed = await weir("drift", ...words, "people", "--from", "5000", "--to", "4000")
      expect(reversed.code).toBe(2)
      expect(reversed.errors).toContain("--from 5000 lies behind --to 4000")
    }
    const times = ["--from", "1h", "--to", "2h"]
    expect((await weir("drift", "people", ...times)).errors).toContain(
      "behind --to 2h (position 0)",
    )
  })

  test("refuses numbers beyond their limits, and places behind the end of the log", async () => {
    const refusals: ReadonlyArray<readonly [words: ReadonlyArray<string>, why: string]> = [
      [["--window", "0"], "--window must be 1 to 10000000 rows, a length from 1s"],
      [["--window", "0h"], 'or marks, got "0h"'],
      [["--window", "10000001"], 'or marks, got "10000001"'],
      [["--alpha", "1.5"], '--alpha must be a number from 0 to 1, got "1.5"'],
      [["--effect", "-1"], "--effect"],
      [
        ["--reference", "first:0"],
        '--reference first:N must name 1 to 10000000 rows, got "first:0"',
      ],
      [["--reference", "first:99999999"], 'got "first:99999999"'],
      [
        ["--to", "11001"],
        "--to must not lie behind the end of the log, whose last position is 11000",
      ],
      [["--from", "12000"], "--from must not lie behind the end of the log"],
      [["--reference", "1..12000"], "--reference must not lie behind the end of the log"],
    ]
    for (const [words, why] of refusals) {
      const { code, errors } = await weir("drift", "people", ...words)
      expect(errors).toContain(why)
      expect(code).toBe(2)
    }
    const accepted = await weir("drift", "accept", "people", "--from", "1", "--to", "11001")
    expect(accepted.errors).toContain("whose last position is 11000")
    expect((await weir("drift", "people", "--from", "11001")).code).toBe(0)
  })

  test("marks a place, and accepts what drifted as the new normal", async () => {
    const drifting = Array.from({ length: 20 }, (_, at) =>
      factOf("people", 20_000 + at, rows(100, 100 + at, older)),
    )
    await store(system.log, drifting)
    expect((await weir("mark", "older")).text).toContain('"older" stands behind position 11020')
    const monitor = await startService("drift-monitor", system.environment)
    await until("the windows", async () => (await windowsOf()).length === 12)
    await until("the report", async () => (await findingsOf(system.log, "people")).drift[2])
    const accepted = await weir("drift", "accept", "people", "--from", "11001", "--to", "older")
    expect(accepted.text).toContain("accepted: 2000 rows from 11001 to 11020")
    const more = Array.from({ length: 10 }, (_, at) =>
      factOf("people", 30_000 + at, rows(100, 200 + at, older)),
    )
    await store(system.log, more)
    await until("the next window", async () => (await windowsOf()).length === 13)
    await monitor.stop()
    const findings = await findingsOf(system.log, "people")
    expect(findings.windows.slice(-2)).toMatchObject([
      { _tag: "ReferenceTaken", number: 12, rows: 2_000 },
      { _tag: "WindowEvaluated", number: 13, verdict: "none", window: { from: 11_021 } },
    ])
    expect(findings.drift.at(-1)).toMatchObject({ _tag: "DriftCleared", reason: "accepted" })
    // The same again for windows before and behind the change of reference.
    const again = readAnswer((await weir("drift", "people", "--from", "1001", "--json")).text)
    expect(again.windows.map((one) => canonicalJson({ ...one, at: 0 }))).toEqual(
      (await windowsOf()).map((one) => canonicalJson({ ...one, at: 0 })),
    )
    expect(new Set(timeless(findings).map((one) => JSON.stringify(one))).size).toBe(
      findings.windows.length + findings.drift.length,
    )
  })

  test("makes a reference of a file and compares with it from then on", async () => {
    const file = join(folder, "training.csv")
    const lines = rows(400, 500).map(({ age, income, city }) => `${age},${income},${city}`)
    await Bun.write(file, ["age,income,city", ...lines].join("\n"))
    const { text, errors } = await weir("drift", "reference", "people", "--csv", file)
    expect(errors).toBe("")
    expect(text).toContain("not in the file, so not tested: output.label")
    expect(text).toContain("is compared with them from position 11031 on")
    const taken = (await findingsOf(system.log, "people")).windows.at(-1)
    expect(taken).toMatchObject({ _tag: "ReferenceTaken", rows: 400, number: 13 })
    const monitor = await startService("drift-monitor", system.environment)
    await store(system.log, singles("people", rows(1_000, 501), 40_000))
    await until("the next window", async () => (await windowsOf()).length === 14)
    await monitor.stop()
    expect((await windowsOf()).at(-1)).toMatchObject({ reference: taken?.reference })
    const words = [
      "accepted: file",
      "accepted in the place of the configured one (first 1000 rows)",
    ]
    const said = monitor.log.filter((line) => words.every((word) => line.includes(word)))
    expect(said).toHaveLength(1)
    const { text: told } = await weir("drift", "people")
    expect(told).toContain("since the reference does not hold them: output.label, output.prob")
  })

  test("says when the monitor cannot watch a model as it is configured", async () => {
    const config = join(folder, "drift.yaml")
    await Bun.write(config, "models: { people: { reference: { file: none.csv } } }")
    const { code, text } = await weir("drift", "people", "--config", config)
    expect(code).toBe(0)
    expect(text).toContain(`the reference ${folder}/none.csv cannot be used`)
    expect(text).toContain("the monitor does not watch people until it can")
    await register(system.log, "fresh")
    const fresh = await weir("drift", "fresh")
    expect(fresh.text).toContain("the monitor has taken no reference for fresh yet")
    await Bun.write(config, "models: { fresh: { reference: { file: none.csv } } }")
    const off = await weir("drift", "fresh", "--config", config)
    expect(off.code).toBe(1)
    expect(off.errors).toContain("does not watch fresh until it can")
  })

  test("says which artifact, profile or end of a range the monitor waits for", async () => {
    const config = join(folder, "awaited.yaml")
    const ask = async (reference: string) => {
      await Bun.write(config, `models: { fresh: { reference: ${reference} } }`)
      const { code, errors } = await weir("drift", "fresh", "--config", config)
      expect(code).toBe(1)
      return errors
    }
    const digest = "ab".repeat(32)
    expect(await ask(`{ digest: ${digest} }`)).toContain(
      `artifact ${digest}, is not there; the monitor does not watch fresh until it is`,
    )
    expect(await ask("{ profile: true }")).toContain("the signature of version 1 names none")
    expect(await ask("{ from: 1, to: 99999 }")).toContain("from 1 to 99999 ends behind the log")
    const asked = await weir("drift", "people", "--reference", digest)
    expect(asked.errors).toContain(`the reference ${digest} is not there`)
  })

  test("says which marks of the configured reference are not set or reversed", async () => {
    const config = join(folder, "marks.yaml")
    const ask = async (model: string, from: string, to: string, ...more: ReadonlyArray<string>) => {
      await Bun.write(config, `models: { ${model}: { reference: { from: ${from}, to: ${to} } } }`)
      return weir("drift", model, "--config", config, ...more)
    }
    await register(system.log, "marked")
    const none = await ask("marked", "week8", "week9")
    expect(none.code).toBe(1)
    expect(none.errors).toContain("the configuration's reference from week8 to week9 names marks")
    expect(none.errors).toContain('not set: "week8" and "week9"; the monitor does not watch marked')
    expect(none.errors).not.toContain("--from")
    const early = await ask("people", "1", "week9", "--from", "1", "--to", "1500")
    expect(early.text).toContain('names a mark that is not set: "week9"')
    await weir("mark", "week8", "--model", "marked")
    expect((await ask("marked", "week8", "7")).errors).toContain("behind its end at 7")
  })
})
