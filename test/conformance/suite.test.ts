// The suite passes against a real system with models of every datatype, and fails where it should.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { inProject } from "../../cli/project.ts"
import { AREAS, NothingToCheck, runSuite, type Report } from "./suite.ts"
import { startWholeSystem, type WholeSystem } from "./whole-system.ts"
import {
  forgetId,
  roundIntegers,
  spoilingServer,
  swapOutputs,
  yesServer,
  type WrongServer,
} from "./wrong-servers.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)

let system: WholeSystem
beforeAll(async () => {
  system = await startWholeSystem()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const failures = ({ results }: Report) =>
  results
    .filter(({ outcome }) => outcome === "failed")
    .map(({ area, check, reason }) => `${area}: ${check}: ${reason}`)
const areasOf = (report: Report, outcome: string) => [
  ...new Set(report.results.filter((one) => one.outcome === outcome).map(({ area }) => area)),
]

const against = async (server: WrongServer, models: ReadonlyArray<string>) => {
  try {
    return await runSuite({ url: server.url, models, mayUnload: true })
  } finally {
    await server.stop()
  }
}

const weir = async (...words: ReadonlyArray<string>) => {
  const run = Bun.spawn([process.execPath, inProject("cli", "main.ts"), "conformance", ...words], {
    stdout: "pipe",
    stderr: "pipe",
  })
  const [printed, said] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
  ])
  return { printed, said, code: await run.exited }
}

test("every check passes here, but for what has no form in JSON", async () => {
  const report = await runSuite({ url: system.url, models: [], mayUnload: true })
  expect(failures(report)).toEqual([])
  expect(areasOf(report, "passed")).toEqual(expect.arrayContaining(AREAS.map(({ name }) => name)))
  const others = report.results.filter(({ outcome }) => outcome !== "passed")
  expect(others.map(({ check }) => check)).toEqual(["FP16 keeps every digit in JSON, at its edges"])
  console.log(`conformance: ${report.results.length - others.length} of ours, all passed`)
})

test("each model of each form passes as the one that most is asked of", async () => {
  for (const model of ["twins", "mixed", "bytes", "fp16"]) {
    const report = await runSuite({ url: system.url, models: [model], mayUnload: false })
    expect(failures(report)).toEqual([])
  }
})

test("a server that says 200 and {} to everything fails in every area", async () => {
  const report = await against(yesServer(), [])
  expect(areasOf(report, "failed")).toEqual(
    expect.arrayContaining(["metadata", "health", "infer", "datatypes", "errors", "parameters"]),
  )
  const passed = report.results.filter(({ outcome }) => outcome === "passed")
  // Liveness and readiness are told by the status alone.
  expect(passed.map(({ check }) => check)).toEqual([
    "the server is live",
    "the server is ready",
    "HEAD of the probes has the status of GET and no body",
  ])
})

test("swapped outputs are found, of one datatype and of two", async () => {
  for (const model of ["twins", "mixed", "flights"]) {
    const report = await against(spoilingServer(system.url, swapOutputs), [model])
    expect(areasOf(report, "failed")).toContain("infer")
    const found = failures(report).filter((one) => one.startsWith("infer:"))
    expect(found.join("\n")).toMatch(
      model === "twins" ? /"same" alone, against all outputs/ : /output "\w+".* (not|no) /,
    )
  }
})

test("a lost id and rounded integers are found, and nothing else", async () => {
  const lost = await against(spoilingServer(system.url, forgetId), ["twins"])
  expect(new Set(failures(lost).map((one) => one.split(":")[1]))).toEqual(
    new Set([
      " the id of a request comes back",
      " of many requests at once each gets its own answer",
    ]),
  )
  const rounded = await against(spoilingServer(system.url, roundIntegers), ["int64"])
  expect(failures(rounded).join("\n")).toStartWith("datatypes: INT64 keeps every digit")
})

test("where nobody listens there is nothing to check", async () => {
  const gone = yesServer()
  await gone.stop()
  const url = gone.url
  expect(runSuite({ url, models: [], mayUnload: false })).rejects.toThrow(NothingToCheck)
})

test("the command prints what does not pass, counts, and exits with 1 for failures", async () => {
  const right = await weir(system.url)
  expect([right.code, right.said]).toEqual([0, ""])
  expect(right.printed).toMatch(/^left out +repository +an unloaded model/m)
  expect(right.printed).toMatch(/^all +\d+ +0 +1 +2$/m)
  const yes = yesServer()
  const wrong = await weir(yes.url, "--json")
  await yes.stop()
  expect(wrong.code).toBe(1)
  expect(JSON.parse(wrong.printed)).toMatchObject({ model: "model", extensions: [] })
  expect((await weir("localhost:8080")).code).toBe(2)
})
