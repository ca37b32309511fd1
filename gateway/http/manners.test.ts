// What every answer has, whatever route it comes from.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { gunzipSync } from "node:zlib"
import { codingFor } from "./compression.ts"
import { readPreference } from "./preference.ts"
import { ask, MODEL, post, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)
const PAGE = "https://pages.example"

let system: TestSystem
let url: string

beforeAll(async () => {
  system = await startTestSystem({ WEIR_CORS_ORIGINS: `${PAGE}, https://b.example` })
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

test.each([
  ["an answer", "/v2", 200],
  ["an unknown model", "/v2/models/none", 404],
  ["an unknown path", "/nowhere", 404],
  ["another method", "/predict", 405],
])("%s echoes request id and trace, and has an id without one", async (_, path, status) => {
  const headers = { "x-request-id": "mine", traceparent }
  const told = await ask(`${url}${path}`, { headers })
  expect(told.status).toBe(status)
  expect(told.headers.get("x-request-id")).toBe("mine")
  expect(told.headers.get("traceparent")).toBe(traceparent)
  const made = await ask(`${url}${path}`, { headers: { traceparent: "00-broken" } })
  expect(made.headers.get("x-request-id")).toMatch(/^[0-9a-v]{26}$/)
  expect(made.headers.get("traceparent")).toBeNull()
})

test.each([
  ["trace id", `00-${"0".repeat(32)}-b7ad6b7169203331-01`],
  ["parent id", `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`],
])("a trace whose %s is all zeros is none, and is not echoed", async (_, invalid) => {
  const told = await ask(`${url}/v2`, { headers: { traceparent: invalid } })
  expect(told.status).toBe(200)
  expect(told.headers.get("traceparent")).toBeNull()
})

test("a fetched answer has the request id of who fetches it", async () => {
  const first = await post(`${url}/predict`, ROWS, { "x-request-id": "first" })
  const path = `${url}/v2/models/${MODEL}/predictions/${first.headers.get("weir-id")}`
  const again = await ask(path, { headers: { "x-request-id": "second" } })
  expect(again.headers.get("x-request-id")).toBe("second")
})

test("pages of the origins that are named may ask and read, others may not", async () => {
  const preflight = (origin: string) =>
    fetch(`${url}/predict`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    })
  const allowed = await preflight(PAGE)
  expect(allowed.status).toBe(204)
  expect(allowed.headers.get("access-control-allow-origin")).toBe(PAGE)
  expect(allowed.headers.get("access-control-allow-methods")).toContain("POST")
  expect(allowed.headers.get("access-control-allow-headers")).toContain("Idempotency-Key")
  expect(allowed.headers.get("vary")).toBe("Origin")
  const other = await preflight("https://evil.example")
  expect(other.headers.get("access-control-allow-origin")).toBeNull()
  expect(other.headers.get("access-control-allow-methods")).toBeNull()
  expect(other.headers.get("vary")).toBe("Origin")
  const told = await post(`${url}/predict`, "{", { origin: PAGE })
  expect(told.headers.get("access-control-allow-origin")).toBe(PAGE)
  expect(told.headers.get("access-control-expose-headers")).toContain("Weir-Id")
})

test("large answers are compressed for those who take it, and are the same", async () => {
  const path = `${url}/openapi.json`
  const get = (accepted: string) =>
    fetch(path, { headers: { "accept-encoding": accepted }, decompress: false })
  const plain = await get("identity")
  expect(plain.headers.get("content-encoding")).toBeNull()
  expect(plain.headers.get("vary")).toContain("Accept-Encoding")
  const text = await plain.text()
  const small = await get("br;q=1, gzip;q=0.5")
  expect(small.headers.get("content-encoding")).toBe("gzip")
  const bytes = await small.bytes()
  expect(bytes.byteLength).toBeLessThan(text.length / 3)
  expect(gunzipSync(bytes).toString()).toBe(text)
  const tiny = await fetch(`${url}/v2`, { decompress: false })
  expect(tiny.headers.get("content-encoding")).toBeNull()
})

test("a HEAD has the head of the answer", async () => {
  const head = await fetch(`${url}/v2/models/${MODEL}`, { method: "HEAD" })
  expect([head.status, await head.text()]).toEqual([200, ""])
})

test("encodings are read as they are ranked", () => {
  expect(codingFor(null)).toBeUndefined()
  expect(codingFor("deflate, GZIP")).toBe("gzip")
  expect(codingFor("gzip;q=0.3, deflate;q=0.8")).toBe("deflate")
  expect(codingFor("deflate")).toBe("deflate")
  expect(codingFor("gzip;q=0")).toBeUndefined()
  expect(codingFor("br, zstd")).toBeUndefined()
  expect(codingFor("*;q=0.1")).toBe("gzip")
  expect(codingFor("gzip;q=0.000, *")).toBe("deflate")
})

test("preferences are read, cut to what we do, and otherwise ignored", () => {
  const read = (prefer: string) => readPreference(new Headers({ prefer }))
  expect(read("respond-async, wait=5")).toEqual({ isAsync: true, waitSeconds: 5 })
  expect(read('handling=lenient, Wait="900"')).toEqual({ isAsync: false, waitSeconds: 60 })
  expect(read("respond-async; wait=5")).toEqual({ isAsync: true, waitSeconds: 0 })
  expect(read('respond-async ; x="y", wait=5;why')).toEqual({ isAsync: true, waitSeconds: 5 })
  expect(read("wait=-1")).toEqual({ isAsync: false, waitSeconds: 0 })
})
