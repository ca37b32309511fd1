// The V1 protocol over HTTP, against a real gateway, predictor and server.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { ask, MODEL, post, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let url: string

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const ROW = [1750, 0, 0, "DTW", "LAS"]
const NAMES = ["distance", "hour", "weekday", "origin", "destination"]
const NAMED = Object.fromEntries(NAMES.map((name, at) => [name, ROW[at]]))
const predict = (body: object, model = MODEL) =>
  post(`${url}/v1/models/${model}:predict`, JSON.stringify(body))

test("rows, named rows and named tensors are predicted as /predict does", async () => {
  const { predictions, probabilities } = (await post(`${url}/predict`, ROWS)).json
  const tensors = Object.fromEntries(NAMES.map((name, at) => [name, [ROW[at]]]))
  for (const instance of [ROW, NAMED, tensors]) {
    const answer = await predict({ instances: [instance] })
    expect([answer.status, answer.json]).toEqual([200, { predictions, probabilities }])
    expect(answer.headers.get("weir-version")).toBe("1")
  }
})

test("columns are answered as columns", async () => {
  const inputs = Object.fromEntries(NAMES.map((name, at) => [name, [[ROW[at]]]]))
  const answer = await predict({ inputs })
  expect(answer.status).toBe(200)
  expect(answer.json).toMatchObject({ outputs: { label: [0] } })
})

test("the root of the address says that the process lives", async () => {
  expect((await ask(`${url}/`)).json).toEqual({ status: "alive" })
})

test("a version is pinned by the address, whichever way the colon is written", async () => {
  const body = JSON.stringify({ instances: [ROW] })
  for (const path of ["flights/versions/1:predict", "flights%3Apredict", "flights:predict?a=b"])
    expect((await post(`${url}/v1/models/${path}`, body)).status).toBe(200)
  const unknown = await post(`${url}/v1/models/flights/versions/9:predict`, body)
  expect([unknown.status, unknown.json["code"]]).toEqual([404, "unknown_version"])
})

test("what is not there or not done is refused as elsewhere", async () => {
  const answers = await Promise.all([
    predict({ instances: [ROW] }, "nobody"),
    predict({ instances: [[1]] }),
    post(`${url}/v1/models/${MODEL}:explain`, "{}"),
    post(`${url}/v1/models/${MODEL}`, "{}"),
    ask(`${url}/v1/models/nobody`),
    ask(`${url}/v1/models/${MODEL}`, { method: "DELETE" }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([404, 400, 501, 404, 404, 405])
  for (const { json } of answers) expect(json["error"]).toBeString()
})

test("models are listed, and say whether they answer", async () => {
  expect((await ask(`${url}/v1/models`)).json).toEqual({ models: [MODEL] })
  const status = { error_code: "OK", error_message: "" }
  const expected = {
    name: MODEL,
    ready: true,
    model_version_status: [{ version: "1", state: "AVAILABLE", status }],
  }
  expect((await ask(`${url}/v1/models/${MODEL}`)).json).toEqual(expected)
  expect((await ask(`${url}/v1/models/${MODEL}/versions/1`)).json).toEqual(expected)
  expect((await fetch(`${url}/v1/models/${MODEL}`, { method: "HEAD" })).status).toBe(200)
})

test("an answer that is fetched later keeps the form", async () => {
  const body = JSON.stringify({ instances: [NAMED] })
  const first = await post(`${url}/v1/models/${MODEL}:predict`, body, { prefer: "respond-async" })
  expect(first.status).toBe(202)
  const later = await ask(`${url}${first.headers.get("location")}`, {
    headers: { prefer: "wait=20" },
  })
  expect(later.status).toBe(200)
  expect(Object.keys(later.json)).toEqual(["predictions", "probabilities"])
})

test("the description has the verb in the path", async () => {
  const { paths } = (await ask(`${url}/openapi.json`)).json
  expect(paths).toMatchObject({
    "/v1/models/{model}:predict": { post: { operationId: "v1Predict" } },
    "/v1/models/{model}": { get: { operationId: "v1Model" } },
  })
})
