// The description of the routes: complete, valid, and true of real bodies.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { runPython, testWithModules } from "../../test/support/python.ts"
import * as Body from "./bodies.ts"
import {
  ask,
  MODEL,
  post,
  ROWS,
  startTestSystem,
  TENSORS,
  type Answer,
  type TestSystem,
} from "../test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let url: string
let document: Answer["json"]

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
  url = (await system.startGateway()).url
  document = (await ask(`${url}/openapi.json`)).json
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

type Json = Readonly<Record<string, unknown>>
const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null

const references = (value: unknown): ReadonlyArray<string> =>
  isRecord(value)
    ? Object.entries(value).flatMap(([key, part]) =>
        key === "$ref" && typeof part === "string" ? [part] : references(part),
      )
    : []

const resolve = (reference: string): unknown =>
  reference
    .replace(/^#\//, "")
    .split("/")
    .reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), document)

test("every reference leads somewhere", () => {
  const all = references(document)
  expect(all.length).toBeGreaterThan(20)
  expect(all.filter((one) => !one.startsWith("#/components/schemas/"))).toEqual([])
  expect(all.filter((one) => resolve(one) === undefined)).toEqual([])
})

test("every operation has a name of its own, and takes only what we take", () => {
  const paths = isRecord(document["paths"]) ? document["paths"] : {}
  const operations = Object.values(paths).flatMap((path) =>
    isRecord(path) ? Object.values(path).filter(isRecord) : [],
  )
  const names = operations.map(({ operationId }) => operationId)
  expect(new Set(names).size).toBe(names.length)
  expect(Object.keys(paths)).toContain("/v2/models/{model}/predictions/{id}")
  const types = operations.flatMap(({ requestBody }) =>
    isRecord(requestBody) && isRecord(requestBody["content"])
      ? Object.keys(requestBody["content"])
      : [],
  )
  expect(new Set(types)).toEqual(
    new Set(["application/json", "application/octet-stream", "application/x-ndjson", "text/csv"]),
  )
  expect(JSON.stringify(document)).not.toContain('"NaN"')
})

const KEYS_OF = {
  "/predict": ["predict"],
  "/v2/models/{model}/infer": ["predict"],
  "/v2/models/{model}/predictions/{id}": ["predict", "read"],
  "/v2/models/{model}/feed": ["read"],
  "/metrics": ["operate"],
} as const

test("each operation says which key it takes, and how it refuses without one", () => {
  const paths = isRecord(document["paths"]) ? document["paths"] : {}
  const schemes = resolve("#/components/securitySchemes")
  expect(schemes).toMatchObject({
    bearer: { type: "http", scheme: "bearer" },
    apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
  })
  const operationsOf = (path: string) => {
    const methods = paths[path]
    return isRecord(methods) ? Object.values(methods).filter(isRecord) : []
  }
  for (const [path, scopes] of Object.entries(KEYS_OF))
    for (const { security } of operationsOf(path)) {
      const wanted = scopes.flatMap((scope) => [{ bearer: [scope] }, { apiKey: [scope] }])
      expect({ path, security }).toEqual({ path, security: wanted })
    }
  for (const path of Object.keys(paths))
    for (const { security, responses } of operationsOf(path)) {
      const statuses = Object.keys(isRecord(responses) ? responses : {})
      const isOpen = Array.isArray(security) && security.length === 0
      expect({ path, isOpen }).toEqual({ path, isOpen: /^\/$|health|openapi|docs/.test(path) })
      const refusals = ["401", "429"].map((status) => statuses.includes(status))
      expect({ path, refusals }).toEqual({ path, refusals: [!isOpen, !isOpen] })
      expect(statuses).toContain("405")
      const scoped = JSON.stringify(security).includes('["')
      expect({ path, is403: statuses.includes("403") }).toEqual({ path, is403: scoped })
    }
})

test("real bodies are what the document says", async () => {
  const is = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, value: unknown) =>
    Schema.decodeUnknownSync(schema, { onExcessProperty: "error" })(value)
  is(Body.PredictRequest, JSON.parse(ROWS))
  is(Body.InferRequest, JSON.parse(TENSORS))
  is(Body.PredictAnswer, (await post(`${url}/predict`, ROWS)).json)
  is(Body.InferAnswer, (await post(`${url}/v2/models/${MODEL}/infer`, TENSORS)).json)
  is(Body.Problem, (await post(`${url}/predict`, "{")).json)
  is(Body.Queued, (await post(`${url}/predict`, ROWS, { prefer: "respond-async" })).json)
  const type = { "content-type": "application/x-ndjson" }
  for (const line of [ROWS, TENSORS.replaceAll("\n", ""), "{"])
    is(Body.BulkAnswer, (await post(`${url}/v2/models/${MODEL}/infer`, line, type)).json)
  is(Body.Ready, (await ask(`${url}/v2/health/ready`)).json)
  is(Body.Live, (await ask(`${url}/v2/health/live`)).json)
  is(Body.ServerMetadata, (await ask(`${url}/v2`)).json)
  is(Body.ModelMetadata, (await ask(`${url}/v2/models/${MODEL}`)).json)
  is(Body.ModelReady, (await ask(`${url}/v2/models/${MODEL}/ready`)).json)
  is(Body.ModelList, (await ask(`${url}/v2/models`)).json)
  const index = await post(`${url}/v2/repository/index`, "{}")
  is(Body.RepositoryIndex, index.json["list"])
})

test("the page shows every operation and loads nothing", async () => {
  const answer = await fetch(`${url}/docs`)
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8")
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'")
  const page = await answer.text()
  expect(page).toContain("/v2/models/{model}/feed")
  expect(page).not.toMatch(/<script|src=|https?:\/\//)
})

testWithModules(["openapi_spec_validator"], "a validator of OpenAPI 3.1 accepts it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-openapi-"))
  const file = join(folder, "openapi.json")
  writeFileSync(file, JSON.stringify(document))
  const run = await runPython(["-m", "openapi_spec_validator", "--schema", "3.1", file])
  rmSync(folder, { recursive: true, force: true })
  expect(run.output + run.errors).toContain("OK")
  expect(run.code).toBe(0)
})
