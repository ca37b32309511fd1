// Models as they are loaded, unloaded, configured and counted over the protocol.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { Schema } from "effect"
import { RepositoryIndex } from "../http/bodies.ts"
import * as Body from "./model-bodies.ts"
import {
  ask,
  MODEL,
  OTHER_ROWS,
  post,
  ROWS,
  startTestSystem,
  type Answer,
  type TestGateway,
  type TestSystem,
} from "../test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let first: TestGateway
let second: TestGateway
const repository = (path: string) => `${first.url}/v2/repository/models/${path}`
const predict = () => post(`${first.url}/predict`, ROWS)

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
  first = await system.startGateway({ WEIR_SERVER_NAME: "triton" })
  second = await system.startGateway({ WEIR_LOAD_WAIT_MS: "100" })
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const versionOf = async (): Promise<string> => {
  const { json } = await ask(`${first.url}/v2/models/${MODEL}`)
  return Array.isArray(json["versions"]) ? String(json["versions"].at(-1)) : ""
}

const statsOf = async (url: string) => {
  const { json } = await ask(`${url}/v2/models/${MODEL}/stats`)
  const [one] = Schema.decodeUnknownSync(Body.ModelStatistics)(json).model_stats
  if (one === undefined) throw new Error("no statistics")
  return one
}

test("the name of the server is the configured one, and extensions are named", async () => {
  const { json } = await ask(`${first.url}/v2`)
  expect(json["name"]).toBe("triton")
  expect(json["extensions"]).toContain("model_repository")
  expect((await ask(`${second.url}/v2`)).json["name"]).toBe("weir")
})

test("statistics grow by what was asked, add up, and are the same at every gateway", async () => {
  const before = await statsOf(first.url)
  const rows = '{"data":[[1750,0,0,"DTW","LAS"],[2399,1,0,"HNL","SFO"]]}'
  for (const body of [ROWS, rows, OTHER_ROWS]) await post(`${second.url}/predict`, body)
  const after = await statsOf(first.url)
  expect(after).toEqual(await statsOf(second.url))
  expect(after.inference_count - before.inference_count).toBe(4)
  expect(after.execution_count - before.execution_count).toBe(3)
  const { success, queue, compute_input, compute_infer, compute_output } = after.inference_stats
  expect(success.count - before.inference_stats.success.count).toBe(3)
  const sum = queue.ns + compute_input.ns + compute_infer.ns + compute_output.ns
  expect(Math.abs(success.ns - sum)).toBeLessThanOrEqual(4)
  expect(compute_infer.ns).toBeGreaterThan(0)
  const batches = after.batch_stats
  expect(batches.reduce((all, one) => all + one.compute_infer.count, 0)).toBe(after.execution_count)
  const predicted = batches.reduce((all, one) => all + one.batch_size * one.compute_infer.count, 0)
  expect(predicted).toBe(after.inference_count)
  expect(after.last_inference).toBeGreaterThan(before.last_inference)
})

test("statistics of all models and of one version have the same form", async () => {
  const version = await versionOf()
  const paths = ["/v2/models/stats", `/v2/models/${MODEL}/versions/${version}/stats`]
  for (const path of paths) {
    const { status, json } = await ask(`${first.url}${path}`)
    expect(status).toBe(200)
    expect(Schema.decodeUnknownSync(Body.ModelStatistics)(json).model_stats.length).toBe(1)
  }
  expect((await ask(`${first.url}/v2/models/none/stats`)).status).toBe(404)
  expect((await ask(`${first.url}/v2/models/${MODEL}/versions/none/stats`)).status).toBe(404)
})

test("the configuration names tensors without the batch, as clients expect it", async () => {
  const { status, json } = await ask(`${first.url}/v2/models/${MODEL}/config`)
  expect(status).toBe(200)
  const config = Schema.decodeUnknownSync(Body.ModelConfig, { onExcessProperty: "error" })(json)
  expect(config.max_batch_size).toBeGreaterThan(0)
  expect(config.input[0]).toMatchObject({ name: "distance", data_type: "TYPE_FP32", dims: [1] })
  expect(config.input.map(({ data_type }) => data_type)).toContain("TYPE_STRING")
  const version = await versionOf()
  const ofVersion = await ask(`${first.url}/v2/models/${MODEL}/versions/${version}/config`)
  expect(ofVersion.json).toEqual(json)
  expect((await ask(`${first.url}/v2/models/none/config`)).status).toBe(404)
})

const stateOf = (answer: Answer): unknown =>
  Schema.decodeUnknownSync(RepositoryIndex)(answer.json["list"])[0]?.state

test("an unloaded model is refused until it is loaded, which waits for a predictor", async () => {
  const unloading = { parameters: { unload_dependents: false } }
  const unloaded = await post(repository(`${MODEL}/unload`), JSON.stringify(unloading))
  expect([unloaded.status, unloaded.json]).toEqual([200, {}])
  const refused = await predict()
  expect([refused.status, refused.json["code"]]).toEqual([503, "model_unavailable"])
  expect(refused.json["error"]).toContain(MODEL)
  const index = `${first.url}/v2/repository/index`
  expect(stateOf(await post(index, "{}"))).toBe("UNAVAILABLE")
  expect((await post(index, '{"ready":true}')).json["list"]).toEqual([])
  expect((await post(repository(`${MODEL}/load`), "")).status).toBe(200)
  expect((await predict()).status).toBe(200)
  expect(stateOf(await post(index, "{}"))).toBe("READY")
})

test("one version can be unloaded and loaded by its address", async () => {
  const version = await versionOf()
  expect((await post(repository(`${MODEL}/versions/${version}/unload`), "{}")).status).toBe(200)
  const path = `${first.url}/predict?version=${version}`
  expect((await post(path, ROWS)).json["error"]).toContain(`version ${version}`)
  expect((await post(repository(`${MODEL}/versions/${version}/load`), "{}")).status).toBe(200)
  expect((await post(path, ROWS)).status).toBe(200)
})

test("what is queued before an unload is answered, and what comes after it is not", async () => {
  const before = await Promise.all([
    ...Array.from({ length: 40 }, predict),
    post(repository(`${MODEL}/unload`), ""),
    ...Array.from({ length: 40 }, predict),
  ])
  for (const { status, json } of before)
    if (status !== 200) expect(`${json["code"]}`).toMatch(/^(model_unavailable|unknown_version)$/)
  expect((await post(repository(`${MODEL}/load`), "")).status).toBe(200)
})

test("a command may call itself bytes, as the asyncio client's do", async () => {
  const type = { "content-type": "application/octet-stream" }
  for (const path of [`${MODEL}/unload`, `${MODEL}/load`])
    expect((await post(repository(path), '{"parameters":{}}', type)).status).toBe(200)
  expect((await post(`${first.url}/v2/repository/index`, "{}", type)).status).toBe(200)
  expect(
    (await post(repository(`${MODEL}/load`), "{}", { "content-type": "text/csv" })).status,
  ).toBe(415)
})

test("a load that would change what was imported is refused by name", async () => {
  for (const name of ["config", "file:1/model.onnx"]) {
    const body = JSON.stringify({ parameters: { [name]: "x" } })
    const { status, json } = await post(repository(`${MODEL}/load`), body)
    expect([status, json["code"]]).toEqual([501, "unsupported"])
    expect(json["error"]).toContain(`parameters.${name}`)
  }
})

test("what cannot be loaded is refused with its reason", async () => {
  expect((await post(repository("none/load"), "{}")).status).toBe(404)
  expect((await post(repository("none/unload"), "{}")).status).toBe(404)
  expect((await post(repository(`${MODEL}/versions/none/load`), "{}")).status).toBe(404)
  expect((await post(repository(`${MODEL}/load`), "[]")).status).toBe(400)
  expect((await post(repository(`${MODEL}/load`), '{"parameters":7}')).status).toBe(400)
  expect((await post(repository("a%20b/load"), "{}")).status).toBe(400)
})
