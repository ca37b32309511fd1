// Every example runs, and its answers are those of ONNX Runtime.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { FLIGHTS_MODEL, FLIGHTS_SIGNATURE, startSystem } from "../../test/support/system.ts"
import { runPython, testWithModules } from "../../test/support/python.ts"
import { findToolFolder, testWithTool } from "../../test/support/tools.ts"
import { parseFlights } from "../flights/flights.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)
const COUNT = 100
const HERE = import.meta.dir
const ROW = '[1750,0,0,"DTW","LAS"]'

let system: Awaited<ReturnType<typeof startSystem>>
let url: string
let grpc: string
let requests: string

beforeAll(async () => {
  system = await startSystem()
  await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
  await system.predictor()
  const gateway = await system.gateway({ WEIR_GRPC_PORT: "0" })
  url = gateway.url
  grpc = /"grpc":"([^"]+)"/.exec(gateway.log.join("\n"))?.[1] ?? ""
  const flights = parseFlights(await readFile(join(HERE, "..", "flights", "flights.csv"), "utf8"))
  const lines = flights.slice(0, COUNT).map((flight) => {
    const tensor = (name: string, datatype: string, value: number | string) => ({
      name,
      datatype,
      shape: [1, 1],
      data: [value],
    })
    const inputs = [
      tensor("distance", "FP32", flight.distance),
      tensor("hour", "INT64", flight.hour),
      tensor("weekday", "INT64", flight.weekday),
      tensor("origin", "BYTES", flight.origin),
      tensor("destination", "BYTES", flight.destination),
    ]
    return JSON.stringify({ inputs })
  })
  requests = lines.join("\n")
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

interface Told {
  readonly position: number
  readonly outputs: Readonly<Record<string, ReadonlyArray<number>>>
}
// Boundary: what is of another form differs from what is expected.
const read = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Told)

const overHttp = async (): Promise<ReadonlyArray<Told["outputs"]>> => {
  const answer = await fetch(`${url}/v2/models/flights/infer`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: requests,
  })
  const lines = (await answer.text()).trimEnd().split("\n")
  return lines.map((line) => {
    const { outputs } = JSON.parse(line) as {
      readonly outputs: ReadonlyArray<{ name: string; data: ReadonlyArray<number> }>
    }
    return Object.fromEntries(outputs.map(({ name, data }) => [name, data.map(Math.fround)]))
  })
}

const expectSame = async (output: string): Promise<void> => {
  const told = read(output)
  expect(told.map(({ outputs }) => outputs)).toEqual([...(await overHttp())])
  expect(new Set(told.map(({ position }) => position)).size).toBe(COUNT)
  expect(Math.min(...told.map(({ position }) => position))).toBeGreaterThan(0)
}

const runBun = async (file: string, words: ReadonlyArray<string>, input = "") => {
  const run = Bun.spawn([process.execPath, join(HERE, "typescript", file), ...words], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  })
  const said = await new Response(run.stdout).text()
  expect([await run.exited, await new Response(run.stderr).text()]).toEqual([0, ""])
  return said
}

test.each(["json", "msgpack"])("the TypeScript client asks over NATS in %s", async (form) => {
  await expectSame(await runBun("nats-client.ts", [system.nats.url, "flights", form], requests))
})

test("the TypeScript client asks over HTTP in every way", async () => {
  const lines = (await runBun("http-client.ts", [url, "flights"])).trimEnd().split("\n")
  expect(lines).toHaveLength(5)
  for (const line of lines.slice(0, 4)) expect(line).toContain('"predictions":[0]')
  expect(lines[4]).toContain('"position":1')
})

for (const form of ["json", "msgpack"])
  testWithModules(["nats", "msgpack"], `the Python client asks over NATS in ${form}`, async () => {
    const words = [join(HERE, "python", "nats_client.py"), "--url", system.nats.url]
    const all = [...words, "--model", "flights", "--form", form]
    const { code, output, errors } = await runPython(all, {}, requests)
    expect([code, errors]).toEqual([0, ""])
    await expectSame(output)
  })

testWithModules(["json"], "the Python client asks over HTTP at once and later", async () => {
  const words = [join(HERE, "python", "http_client.py"), "--url", url, "--row", ROW]
  const { code, output, errors } = await runPython(words)
  expect([code, errors]).toEqual([0, ""])
  expect(output.match(/"predictions": \[0\]/g)).toHaveLength(2)
})

testWithTool("curl", "curl asks in every way", async () => {
  const run = Bun.spawn(["sh", join(HERE, "curl", "ask.sh"), url, "flights"], {
    stdout: "pipe",
    stderr: "ignore",
  })
  const said = await new Response(run.stdout).text()
  expect(await run.exited).toBe(0)
  expect(said.match(/"predictions":\[\d\]/g)).toHaveLength(4)
  expect(said).toContain("/predictions/")
  expect(said).toContain("event: prediction")
})

testWithTool("curl", "curl sends and gets raw bytes", async () => {
  const run = Bun.spawn(["sh", join(HERE, "curl", "binary.sh"), url, "flights"], {
    stdout: "pipe",
    stderr: "pipe",
  })
  const said = await new Response(run.stdout).text()
  expect([await run.exited, await new Response(run.stderr).text()]).toEqual([0, ""])
  expect(said).toContain('"binary_data_size":8')
  expect(said).toMatch(/ 0\.5135\d+ +0\.4864\d+\n$/)
})

const ANSWER = /"label": \[0\], "probabilities": \[\[0\.5135\d+, 0\.4864\d+\]\]/

for (const protocol of ["http", "grpc"])
  testWithModules(
    [`tritonclient.${protocol}`],
    `Triton's client asks over ${protocol}`,
    async () => {
      const address = protocol === "grpc" ? grpc : url.replace("http://", "")
      const script = join(HERE, "python", "triton_client.py")
      const words = [script, "--protocol", protocol, "--address", address]
      const { code, output, errors } = await runPython(words)
      expect([code, errors]).toEqual([0, ""])
      expect(output).toMatch(ANSWER)
    },
  )

const kserve = findToolFolder("kserve")
const runKserve = async () => {
  const script = join(HERE, "python", "kserve_client.py")
  const { code, output, errors } = await runPython([script, "--url", url], {
    PYTHONPATH: kserve ?? "",
  })
  expect([code, errors]).toEqual([0, ""])
  expect(output).toContain('{"predictions": [0], "probabilities"')
  expect(output).toMatch(ANSWER)
}
if (kserve === undefined) test.skip("KServe's client asks (kserve is not here)", () => undefined)
else test("KServe's client asks by V1 and V2", runKserve)
