// What a gateway process writes about requests: one JSON object a line, with what finds the request
// again, and nothing of what was asked or by which secret.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { Schema } from "effect"
import { changeAccess } from "#core/access/key-facts"
import { newKey, Pepper } from "#core/access/secrets"
import { until } from "../../test/support/eventually.ts"
import { startService, type RunningService } from "../../test/support/service.ts"
import { RequestLog } from "./request-log.ts"
import { post, ROWS, startTestSystem, TENSORS, type TestSystem } from "../test-system.ts"

setDefaultTimeout(60_000)

const PEPPER = "a pepper that nobody may see"
const OTLP_HEADERS = "authorization=Basic%20alsohidden"
const LineRead = Schema.Struct({
  level: Schema.String,
  time: Schema.String,
  service: Schema.String,
  message: Schema.String,
  requestId: Schema.optionalKey(Schema.String),
  id: Schema.optionalKey(Schema.String),
  model: Schema.optionalKey(Schema.String),
  route: Schema.optionalKey(Schema.String),
  status: Schema.optionalKey(Schema.Int),
  millis: Schema.optionalKey(Schema.Finite),
})
const readLine = Schema.decodeUnknownSync(Schema.fromJsonString(LineRead))

let system: TestSystem
let gateway: RunningService
let key: string

beforeAll(async () => {
  system = await startTestSystem()
  const predictor = await system.startPredictor()
  const pepper = new Pepper(PEPPER)
  key = newKey()
  await changeAccess(system.log, "alice", {
    type: "Create",
    digest: pepper.digest(key).toString("hex"),
    pepper: pepper.fingerprint,
    scopes: ["predict"],
    ratePerSecond: undefined,
    beside: false,
    at: Date.now(),
  })
  gateway = await startService("gateway", {
    NATS_URL: system.nats.url,
    WEIR_DATA: join(system.nats.directory, "data"),
    WEIR_PORT: "0",
    WEIR_GRPC_PORT: "none",
    WEIR_AUTH: "required",
    WEIR_KEY_PEPPER: PEPPER,
    WEIR_SLOW_REQUEST_MS: "1",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    OTEL_EXPORTER_OTLP_HEADERS: OTLP_HEADERS,
  })
  await until("the gateway is ready", async () => (await fetch(`${gateway.url}/health`)).ok)
  predictor.pause()
})
afterAll(async () => {
  await gateway.stop()
  await system.stop()
})

test("that something is not ready is no failed request, elsewhere the same status is one", () => {
  const said: Array<unknown> = []
  const warn = (_: string, more?: { readonly route?: unknown }) => void said.push(more?.route)
  const none = () => undefined
  const logger = { debug: none, info: none, warn, error: none }
  const log = new RequestLog({ logger, slowMillis: 0, now: () => 0 })
  const health = ["/health", "/health/ready", "/v2/health/ready", "/v2/models/:model/ready"]
  for (const route of [...health, "/predict"])
    log.answered("GET", route, "", new Response(null, { status: 503 }), 1)
  log.answered("GET", "/health/ready", "", new Response(null, { status: 500 }), 1)
  expect(said).toEqual(["/predict", "/health/ready"])
})

test("to ask for what is not supported is told at debug, and takes no room from failures", () => {
  const said: Array<string> = []
  const say = (level: string) => (message: string) => void said.push(`${level} ${message}`)
  const levels = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") }
  const log = new RequestLog({ logger: levels, slowMillis: 0, now: () => 0 })
  const answered = (status: number, times: number) => {
    for (let index = 0; index < times; index++)
      log.answered("POST", "/route", "", new Response(null, { status }), 1)
  }
  answered(501, 50)
  answered(400, 1)
  answered(500, 1)
  expect(new Set(said)).toEqual(
    new Set(["debug a request asked for what is not supported", "warn a request failed"]),
  )
})

test("a failed request gets a line that finds it again, and no secret is in any line", async () => {
  const headers = {
    authorization: `Bearer ${key}`,
    "x-request-id": "mine-7",
    "weir-timeout-ms": "50",
  }
  const late = await post(`${gateway.url}/v2/models/flights/infer`, TENSORS, headers)
  expect(late.status).toBe(504)
  await post(`${gateway.url}/predict`, ROWS, { authorization: `Bearer ${newKey()}x` })
  const line = await until("its line came", () =>
    gateway.log.map((text) => readLine(text)).find(({ requestId }) => requestId === "mine-7"),
  )
  expect(line).toMatchObject({
    level: "warn",
    service: "gateway",
    message: "a request failed",
    id: late.headers.get("weir-id") ?? "",
    model: "flights",
    route: "/v2/models/:model/infer",
    status: 504,
  })
  expect(line.millis).toBeGreaterThanOrEqual(50)
  const all = gateway.log.join("\n")
  for (const secret of [key, PEPPER, "alsohidden", "weir_", "DTW", "1750"])
    expect(all).not.toContain(secret)
})
