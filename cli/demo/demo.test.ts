// The demonstration against a gateway that runs, and against none.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { importFlights } from "../laboratory/flights.ts"
import { freePort } from "../port.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import { demo, demoOutput, runDemo, type DemoOptions } from "./demo.ts"

const START_MILLIS = 60_000
const GIB = 1024 ** 3

let laboratory: Laboratory
let options: DemoOptions

beforeAll(async () => {
  laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 1,
    gateways: 1,
    servers: 1,
    prepare: async (log) => void (await importFlights(log)),
  })
  options = { url: laboratory.urls[0] ?? "", rate: 0, rows: 300, concurrency: 16 }
}, START_MILLIS)
afterAll(() => laboratory.stop(), START_MILLIS)

const recorder = () => {
  const lines: Array<string> = []
  return { lines, output: { say: (line: string) => void lines.push(line), live: () => undefined } }
}
const never = new AbortController().signal

test("all flights are answered, and the summary says what was seen", async () => {
  const { lines, output } = recorder()
  expect(await runDemo(options, output, never)).toBe(0)
  const summary = lines.at(-1) ?? ""
  expect(summary).toContain("300 of 300 flights")
  expect(summary).toContain("errors          none")
  expect(summary).toContain("positions 1 to 300")
  // 33.3 % of the first 300 flights of the table were late.
  expect(summary).toContain("was late        33.3 %")
})

test("at a rate it takes its time, and tells each second where it is", async () => {
  const { lines, output } = recorder()
  const live: Array<string> = []
  const rated = { ...options, rate: 200, rows: 250 }
  const began = performance.now()
  await runDemo(rated, { ...output, live: (line) => void live.push(line) }, never)
  expect(performance.now() - began).toBeGreaterThan(1_200)
  expect(live[0]).toMatch(/^01-0\d \d\d:\d\d {2}\d+\/250 {2}\d+\/s {2}p50 .* errors 0 /)
  expect(lines.at(-1)).toContain("250 of 250 flights")
})

test("told to stop it ends with the summary of what was played", async () => {
  const { lines, output } = recorder()
  const stop = new AbortController()
  const live = () => stop.abort()
  const slow = { ...options, rate: 50, rows: 20_000 }
  expect(await runDemo(slow, { ...output, live }, stop.signal)).toBe(0)
  expect(lines.at(-1)).toMatch(/\d+ of 20000 flights/)
})

test("requests that fail are counted by what they were told, and the exit code tells", async () => {
  const { lines, output } = recorder()
  const failing = Bun.serve({
    port: 0,
    fetch: (request) =>
      request.method === "GET"
        ? new Response("{}")
        : Response.json({ error: "full", code: "queue_full" }, { status: 429 }),
  })
  try {
    const url = failing.url.origin
    expect(await runDemo({ ...options, url, rows: 20 }, output, never)).toBe(1)
    expect(lines.at(-1)).toContain("errors          429 queue_full 20")
  } finally {
    await failing.stop(true)
  }
})

test("on a terminal the live line overwrites itself and never wraps, on a pipe each stays", () => {
  const written: Array<string> = []
  const play = (columns: number | undefined) => {
    const { say, live } = demoOutput(columns, (text) => void written.push(text))
    live("0123456789")
    say("end")
    return written.splice(0)
  }
  expect(play(8)).toEqual(["\r\u001b[2K0123456", "\r\u001b[2Kend\n"])
  expect(play(undefined)).toEqual(["0123456789\n", "end\n"])
})

test("where nothing runs, it says so and how to start it", async () => {
  const url = `http://127.0.0.1:${freePort("127.0.0.1")}`
  const run = runDemo({ ...options, url }, recorder().output, never)
  await expect(run).rejects.toThrow(`nothing answers at ${url}; start it first: ./weir up`)
})

test("a gateway without the model is named", async () => {
  const none = Bun.serve({
    port: 0,
    fetch: ({ url }) => new Response("{}", { status: url.includes("/models/") ? 404 : 200 }),
  })
  const run = runDemo({ ...options, url: none.url.origin }, recorder().output, never)
  await expect(run).rejects.toThrow('has no model "flights"')
  await none.stop(true)
})

test("a bad flag is refused by name", async () => {
  await expect(demo.run(["--url", "ftp://x"])).rejects.toThrow("--url must be an address")
  await expect(demo.run(["--rate", "-1"])).rejects.toThrow()
  await expect(demo.run(["--rate=x"])).rejects.toThrow("--rate must be a whole number")
})
