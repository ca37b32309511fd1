// Every route with every kind of caller: who is let in, who is not, and what they are told. The
// routes come from the gateway's own description, so none is forgotten.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { changeAccess } from "#core/access/key-facts"
import { newKey, Pepper } from "#core/access/secrets"
import { predictionCodec } from "#proto/prediction"
import { readLast } from "#core/log/read"
import { PREDICTIONS, predictionSubject } from "#proto/subjects"
import type { Scope } from "#proto/access"
import { readSettings, showSettings } from "#core/service/settings"
import { openDoor } from "./auth.ts"
import { gatewaySettings } from "../settings.ts"
import { until } from "../../test/support/eventually.ts"
import {
  ask,
  MODEL,
  post,
  ROWS,
  startTestSystem,
  TENSORS,
  type TestSystem,
} from "../test-system.ts"

setDefaultTimeout(60_000)

const PEPPER = "the pepper of these tests"
const pepper = new Pepper(PEPPER)
let system: TestSystem
let url: string
let ownId: string

const keys = { predict: "", other: "", read: "", operate: "", label: "", revoked: "", limited: "" }

const make = async (name: string, scopes: ReadonlyArray<Scope>, ratePerSecond?: number) => {
  const key = newKey()
  const digest = pepper.digest(key).toString("hex")
  const more = { pepper: pepper.fingerprint, ratePerSecond, beside: false, at: Date.now() }
  await changeAccess(system.log, name, { type: "Create", digest, scopes, ...more })
  return key
}

const SECRETS = {
  WEIR_KEY_PEPPER: "never to be printed, this",
  NATS_PASSWORD: "nor is this one to be",
  NATS_TOKEN: "nor this third of them",
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20neverprinted",
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

beforeAll(async () => {
  system = await startTestSystem({ WEIR_AUTH: "required", WEIR_KEY_PEPPER: PEPPER })
  await system.startPredictor()
  keys.predict = await make("alice", ["predict"])
  keys.other = await make("bob", ["predict"])
  keys.read = await make("reader", ["read"])
  keys.operate = await make("operator", ["operate"])
  keys.label = await make("labeller", ["label"])
  keys.revoked = await make("gone", ["predict", "read", "operate"])
  keys.limited = await make("limited", ["predict"], 2)
  url = (await system.startGateway()).url
  await changeAccess(system.log, "gone", { type: "Revoke", keyId: undefined, at: Date.now() })
  await until("the key is revoked", async () => {
    const answer = await ask(`${url}/v2/models`, { headers: bearer(keys.revoked) })
    return answer.status === 401
  })
  await until("a predictor is there", async () => {
    const answer = await post(`${url}/predict`, ROWS, bearer(keys.predict))
    ownId = answer.headers.get("weir-id") ?? ""
    return answer.status === 200
  })
})
afterAll(() => system.stop())

/** What each route asks for, written down a second time. */
const NEEDED: Readonly<Record<string, ReadonlyArray<Scope> | "any key" | "nothing">> = {
  "GET /health": "nothing",
  "GET /health/live": "nothing",
  "GET /health/ready": "nothing",
  "GET /v2/health/live": "nothing",
  "GET /v2/health/ready": "nothing",
  "GET /openapi.json": "nothing",
  "GET /docs": "nothing",
  "GET /": "nothing",
  "GET /metrics": ["operate"],
  "GET /v2": "any key",
  "GET /v2/models": "any key",
  "GET /v2/models/{model}": "any key",
  "GET /v2/models/{model}/versions/{version}": "any key",
  "GET /v2/models/{model}/ready": "any key",
  "GET /v2/models/{model}/versions/{version}/ready": "any key",
  "POST /v2/repository/index": "any key",
  "POST /predict": ["predict"],
  "POST /v2/models/{model}/infer": ["predict"],
  "POST /v2/models/{model}/versions/{version}/infer": ["predict"],
  "GET /v2/models/{model}/predictions/{id}": ["predict", "read"],
  "GET /v2/models/{model}/feed": ["read"],
  "GET /v2/models/stats": "any key",
  "GET /v2/models/{model}/stats": "any key",
  "GET /v2/models/{model}/versions/{version}/stats": "any key",
  "GET /v2/models/{model}/config": "any key",
  "GET /v2/models/{model}/versions/{version}/config": "any key",
  "POST /v2/repository/models/{model}/load": ["operate"],
  "POST /v2/repository/models/{model}/unload": ["operate"],
  "POST /v2/repository/models/{model}/versions/{version}/load": ["operate"],
  "POST /v2/repository/models/{model}/versions/{version}/unload": ["operate"],
  "POST /v2/models/{model}/predictions/{id}/outcome": ["label"],
  "POST /v2/models/{model}/outcomes": ["label"],
  "GET /v1/models": "any key",
  "GET /v1/models/{model}": "any key",
  "GET /v1/models/{model}/versions/{version}": "any key",
  "POST /v1/models/{model}:predict": ["predict"],
  "POST /v1/models/{model}/versions/{version}:predict": ["predict"],
}

const callers: Readonly<Record<string, () => Readonly<Record<string, string>>>> = {
  "no key": () => ({}),
  "bad key": () => bearer(newKey()),
  revoked: () => bearer(keys.revoked),
  predict: () => bearer(keys.predict),
  "other caller": () => bearer(keys.other),
  read: () => bearer(keys.read),
  operate: () => bearer(keys.operate),
  label: () => bearer(keys.label),
}
const VALID: ReadonlyArray<string> = ["predict", "other caller", "read", "operate", "label"]

const bodyOf = (route: string): string | undefined => {
  if (route.endsWith("/infer")) return TENSORS
  if (route.endsWith("/predict")) return ROWS
  if (route.endsWith(":predict")) return ROWS.replace('"data"', '"instances"')
  return route.startsWith("POST") ? "{}" : undefined
}

const ABSENT_MODEL = "absent"
/** What the table shows as 200 where a caller is let in with a body or a model that is wrong. */
const WRONG_BUT_LET_IN: ReadonlySet<number> = new Set([400, 404, 415])

/** The status alone: a feed has no end. */
const statusOf = async (route: string, headers: Readonly<Record<string, string>>) => {
  const [method = "", template = ""] = route.split(" ")
  // What changes models is asked about one that is not there: the others go on with theirs.
  const isControl = /\/(un)?load$/.test(template)
  const model = isControl ? ABSENT_MODEL : MODEL
  const path = template.replace("{model}", model).replace("{version}", "1").replace("{id}", ownId)
  const body = bodyOf(route)
  const init = { method, headers: { "content-type": "application/json", ...headers } }
  const gone = new AbortController()
  const answer = await fetch(`${url}${path}`, {
    ...init,
    signal: gone.signal,
    ...(body === undefined ? {} : { body }),
  })
  gone.abort()
  const { status } = answer
  return WRONG_BUT_LET_IN.has(status) && (isControl || /outcomes?$/.test(template)) ? 200 : status
}

const expected = (route: string, caller: string): number => {
  const needed = NEEDED[route] ?? "any key"
  if (needed === "nothing") return 200
  if (!VALID.includes(caller)) return 401
  if (needed === "any key") return 200
  // The other caller holds the scope, and is told nothing of what is not its own.
  const scope = caller === "other caller" ? "predict" : caller
  if (!needed.some((one) => one === scope)) return 403
  return route.endsWith("/{id}") && caller === "other caller" ? 404 : 200
}

const routesOf = async (): Promise<ReadonlyArray<string>> => {
  const { json } = await ask(`${url}/openapi.json`)
  const paths = Object.entries(json["paths"] ?? {})
  return paths.flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
}

test("what each route asks for is written down here too", async () => {
  const routes = await routesOf()
  const unexpected = routes.filter((route) => NEEDED[route] === undefined)
  const gone = Object.keys(NEEDED).filter((route) => !routes.includes(route))
  const said = [
    ...unexpected.map((route) => `${route} is new: say in NEEDED who may call it`),
    ...gone.map((route) => `${route} is no route any more: take it out of NEEDED`),
  ]
  expect(said).toEqual([])
})

test("every route × every kind of caller", async () => {
  const routes = (await routesOf()).filter((route) => NEEDED[route] !== undefined)
  const table: Record<string, Record<string, number>> = {}
  const wanted: Record<string, Record<string, number>> = {}
  for (const route of routes) {
    const row: Record<string, number> = {}
    for (const [caller, headers] of Object.entries(callers))
      row[caller] = await statusOf(route, headers())
    table[route] = row
    wanted[route] = Object.fromEntries(
      Object.keys(callers).map((caller) => [caller, expected(route, caller)]),
    )
  }
  console.table(table)
  expect(table).toEqual(wanted)
})

test("a refusal is JSON, names the way in, and never repeats a key", async () => {
  const key = newKey()
  const refused = await post(`${url}/predict`, ROWS, bearer(key))
  expect(refused.status).toBe(401)
  expect(refused.headers.get("www-authenticate")).toContain("Bearer")
  expect(refused.json["code"]).toBe("unauthenticated")
  expect(refused.text).not.toContain(key)
  const forbidden = await post(`${url}/predict`, ROWS, bearer(keys.read))
  expect(forbidden.json["code"]).toBe("forbidden")
  expect(forbidden.text).not.toContain(keys.read)
  for (const header of ["Basic x", "Bearer", "Bearer ", `Bearer ${"x".repeat(5_000)}`])
    expect((await post(`${url}/predict`, ROWS, { authorization: header })).status).toBe(401)
  expect((await post(`${url}/predict`, ROWS, { "x-api-key": keys.predict })).status).toBe(200)
})

test("neither HEAD nor another spelling of an address is a way around", async () => {
  const url2 = `${url}/v2/models/${MODEL}/predictions/${ownId}`
  for (const address of [`${url}/metrics`, `${url}/metrics/`, url2, `${url2}/`, `${url2}?x=1`])
    for (const method of ["GET", "HEAD"])
      expect([401, 404]).toContain((await fetch(address, { method })).status)
})

test("a gateway prints no secret, and says so when it recognises nobody", async () => {
  const collected: Array<string> = []
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message: string) => void collected.push(message),
    error: () => undefined,
  }
  const shown = showSettings(gatewaySettings, readSettings(gatewaySettings, SECRETS))
  for (const secret of Object.values(SECRETS)) expect(JSON.stringify(shown)).not.toContain(secret)
  const settings = readSettings(gatewaySettings, { ...SECRETS, WEIR_AUTH: "required" })
  const door = await openDoor(system.log, settings, logger)
  await door.close()
  expect(collected.filter((line) => line.includes("another WEIR_KEY_PEPPER")).length).toBe(6)
})

test("the caller's name is in the fact, whatever the request says of it", async () => {
  const headers = { ...bearer(keys.predict), "Weir-Caller": "root" }
  const id = (await post(`${url}/predict`, ROWS, headers)).headers.get("weir-id") ?? ""
  const stored = await readLast(system.log, PREDICTIONS, predictionSubject(MODEL, id), 1)
  expect(predictionCodec.decode(stored?.data ?? new Uint8Array()).caller).toBe("alice")
})

test("one caller's idempotency key is not another's", async () => {
  const key = { "idempotency-key": "the same" }
  const [first, again, others] = [
    await post(`${url}/predict`, ROWS, { ...bearer(keys.predict), ...key }),
    await post(`${url}/predict`, ROWS, { ...bearer(keys.predict), ...key }),
    await post(`${url}/predict`, ROWS, { ...bearer(keys.other), ...key }),
  ]
  expect(again.headers.get("weir-id")).toBe(first.headers.get("weir-id"))
  expect(others.headers.get("weir-id")).not.toBe(first.headers.get("weir-id"))
  expect(others.headers.get("idempotent-replayed")).toBeNull()
})

test("another's id and one that never was are answered alike", async () => {
  const at = (id: string) => `${url}/v2/models/${MODEL}/predictions/${id}`
  const never = "0".repeat(26)
  const [anothers, unknown] = [
    await ask(at(ownId), { headers: bearer(keys.other) }),
    await ask(at(never), { headers: bearer(keys.other) }),
  ]
  expect(anothers.status).toBe(404)
  expect(anothers.text.replace(ownId, never)).toBe(unknown.text)
})

test("a key with a rate is slowed down, and told for how long", async () => {
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => post(`${url}/predict`, ROWS, bearer(keys.limited))),
  )
  const limited = answers.filter(({ status }) => status === 429)
  expect(answers.filter(({ status }) => status === 200).length).toBe(2)
  expect(limited.length).toBe(4)
  expect(limited[0]?.json["code"]).toBe("rate_limited")
  expect(Number(limited[0]?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1)
})

test("the lines of a bulk count against the rate, and wait for their turn", async () => {
  const rate = 20
  const key = await make("bulky", ["predict"], rate)
  await until("the key is known", async () => {
    return (await ask(`${url}/v2/models`, { headers: bearer(key) })).status === 200
  })
  const begun = performance.now()
  const lines = `${ROWS}\n`.repeat(2 * rate)
  const headers = { ...bearer(key), "content-type": "application/x-ndjson" }
  const init = { method: "POST", body: lines, headers }
  const answer = await fetch(`${url}/v2/models/${MODEL}/infer`, init)
  const answers = (await answer.text()).trim().split("\n")
  expect(answers.filter((line) => line.includes("predictions")).length).toBe(2 * rate)
  // A full bucket, and then so many a second.
  expect(performance.now() - begun).toBeGreaterThan(900)
})
