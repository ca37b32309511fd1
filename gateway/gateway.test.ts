import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { predictionCodec } from "#proto/prediction"
import { PREDICTIONS, predictionSubject } from "#proto/subjects"
import { readLast } from "#core/log/read"
import { ask, MODEL, post, ROWS, startTestSystem, TENSORS, type TestSystem } from "./test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let url: string

beforeAll(async () => {
  system = await startTestSystem({ WEIR_REQUEST_MAX_BYTES: "20000" })
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const raw = async (text: string): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ""
  const { hostname, port } = new URL(url)
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write(text),
      data: (_, data) => {
        answer += data.toString()
      },
      close: () => resolve(answer),
    },
  })
  return promise
}

test("rows are predicted, and the fact of the answer is in the log", async () => {
  const answer = await post(`${url}/predict`, ROWS)
  expect(answer.status).toBe(200)
  const { id, model, version, predictions, probabilities } = answer.json
  expect({ model, version, predictions }).toEqual({ model: MODEL, version: "1", predictions: [0] })
  expect(probabilities).toBeArrayOfSize(1)
  expect(answer.headers.get("weir-id")).toBe(String(id))
  expect(answer.headers.get("weir-version")).toBe("1")
  const stored = await readLast(system.log, PREDICTIONS, predictionSubject(MODEL, String(id)), 1)
  expect(answer.headers.get("weir-position")).toBe(String(stored?.sequence))
  expect(predictionCodec.decode(stored?.data ?? new Uint8Array()).id).toBe(String(id))
})

test("tensors are predicted under the caller's id, and fetched again under Weir's", async () => {
  const answer = await post(`${url}/v2/models/${MODEL}/versions/1/infer`, TENSORS)
  expect(answer.status).toBe(200)
  expect(answer.json).toMatchObject({ id: "mine", model_name: MODEL, model_version: "1" })
  const id = answer.headers.get("weir-id")
  const again = await ask(`${url}/v2/models/${MODEL}/predictions/${id}`)
  expect(again.status).toBe(200)
  expect(again.text).toBe(answer.text)
  expect(again.headers.get("weir-position")).toBe(answer.headers.get("weir-position"))
})

test("trace and request id come back", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
  const headers = { traceparent, "x-request-id": "abc" }
  const answer = await post(`${url}/predict?model=${MODEL}&version=1`, ROWS, headers)
  expect(answer.headers.get("traceparent")).toBe(traceparent)
  expect(answer.headers.get("x-request-id")).toBe("abc")
})

test("a body needs no content type, and a host name may be short", async () => {
  const length = `Content-Length: ${ROWS.length}`
  const head = ["POST /predict HTTP/1.1", "Host: a", "Connection: close", length].join("\r\n")
  expect(await raw(`${head}\r\n\r\n${ROWS}`)).toStartWith("HTTP/1.1 200 ")
})

const refusals: ReadonlyArray<
  readonly [
    name: string,
    path: string,
    body: string,
    headers: Record<string, string>,
    status: number,
    code: string,
  ]
> = [
  ["malformed JSON", "/predict", "{", {}, 400, "invalid_request"],
  ["a wrong value", "/predict", '{"data":[["x",0,0,"DTW","LAS"]]}', {}, 400, "invalid_request"],
  ["a wrong tensor", "/v2/models/flights/infer", '{"inputs":[]}', {}, 400, "invalid_request"],
  ["an impossible name", "/v2/models/a%20b/infer", TENSORS, {}, 400, "invalid_request"],
  ["a bad deadline", "/predict", ROWS, { "weir-timeout-ms": "0" }, 400, "invalid_request"],
  [
    "two versions",
    "/v2/models/flights/versions/1/infer",
    TENSORS,
    { "weir-version": "2" },
    400,
    "invalid_request",
  ],
  [
    "an empty key",
    "/predict",
    ROWS,
    { "idempotency-key": "x".repeat(256) },
    400,
    "invalid_request",
  ],
  ["two models", "/predict?model=flights&model=none", ROWS, {}, 400, "invalid_request"],
  ["an unknown parameter", "/predict?modle=none", ROWS, {}, 400, "invalid_request"],
  ["bytes that are no name", "/v2/models/%E0%A4%A/infer", TENSORS, {}, 400, "invalid_request"],
  [
    "bytes that are no version",
    "/v2/models/flights/versions/%zz/infer",
    TENSORS,
    {},
    400,
    "invalid_request",
  ],
  ["an unknown model", "/v2/models/none/infer", TENSORS, {}, 404, "unknown_model"],
  ["an unknown model of rows", "/predict?model=none", ROWS, {}, 404, "unknown_model"],
  [
    "an unknown version",
    "/v2/models/flights/versions/9/infer",
    TENSORS,
    {},
    404,
    "unknown_version",
  ],
  ["an unknown pin", "/predict", ROWS, { "weir-version": "9" }, 404, "unknown_version"],
  ["an unknown path", "/predictions", ROWS, {}, 404, "not_found"],
  ["shared memory", "/v2/systemsharedmemory/region/a/unregister", "{}", {}, 501, "unsupported"],
  ["settings of traces", `/v2/models/${MODEL}/trace/setting`, "{}", {}, 501, "unsupported"],
  ["settings of logs", "/v2/logging", "{}", {}, 501, "unsupported"],
  ["a method of another path", "/v2/models/flights", ROWS, {}, 405, "method_not_allowed"],
  ["a large body", "/predict", ROWS + " ".repeat(20_001 - ROWS.length), {}, 413, "too_large"],
  [
    "a form",
    "/predict",
    ROWS,
    { "content-type": "multipart/form-data; boundary=x" },
    415,
    "unsupported_media_type",
  ],
  [
    "another alphabet",
    "/predict",
    ROWS,
    { "content-type": "application/json; charset=utf-16" },
    415,
    "unsupported_media_type",
  ],
  ["a packed body", "/predict", ROWS, { "content-encoding": "br" }, 415, "unsupported_encoding"],
  [
    "binary tensors where rows are expected",
    "/predict",
    ROWS,
    { "inference-header-content-length": "10" },
    501,
    "unsupported",
  ],
]

for (const [name, path, body, headers, status, code] of refusals)
  test(`${name}: ${status} ${code}, with a sentence in JSON`, async () => {
    const answer = await post(`${url}${path}`, body, headers)
    expect([answer.status, answer.json["code"]]).toEqual([status, code])
    expect(answer.headers.get("content-type")).toBe("application/json")
    expect(answer.json["error"]).toBeString()
  })

test("a body of just the largest size is taken", async () => {
  const answer = await post(`${url}/predict`, ROWS + " ".repeat(20_000 - ROWS.length))
  expect(answer.status).toBe(200)
})

test("a body without a length is counted while it comes", async () => {
  const chunk = " ".repeat(10_000)
  const chunked = (chunks: number) =>
    ask(`${url}/predict`, {
      method: "POST",
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(ROWS))
          for (let index = 0; index < chunks; index++)
            controller.enqueue(new TextEncoder().encode(chunk))
          controller.close()
        },
      }),
    })
  expect((await chunked(1)).status).toBe(200)
  const answer = await chunked(3)
  expect([answer.status, answer.json["code"]]).toEqual([413, "too_large"])
})

test("tensors that grow beyond the limit when they are encoded are refused", async () => {
  const doubles = `{"data":[${Array.from({ length: 700 }, () => '[1,0,0,"A","B"]').join(",")}]}`
  const answer = await post(`${url}/predict`, doubles)
  expect(doubles.length).toBeLessThan(20_000)
  expect([answer.status, answer.json["code"]]).toEqual([413, "too_large"])
})

test("bytes that are not UTF-8 are refused", async () => {
  const body = new Uint8Array([0x7b, 0xff, 0x7d])
  const answer = await ask(`${url}/predict`, { method: "POST", body })
  expect(answer.json).toMatchObject({ code: "invalid_request" })
})

test("what is asked twice or misspelt is named", async () => {
  const told = async (path: string) => String((await ask(`${url}${path}`)).json["error"])
  const { json } = await post(`${url}/predict?modle=flights`, ROWS)
  expect(json["error"]).toBe('query: expected model or version, got "modle"')
  expect(await told(`/v2/models/${MODEL}/predictions/a?form=rows&form=tensors`)).toBe(
    "form: expected one, got several",
  )
  expect(await told(`/v2/models/${MODEL}/predictions/%E0`)).toBe(
    "id: expected UTF-8, percent-encoded, got other bytes",
  )
})

test("of two keys none is chosen", async () => {
  const keys = "Idempotency-Key: one\r\nIdempotency-Key: two\r\n"
  const head = `POST /predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${keys}`
  const answer = await raw(`${head}Content-Length: ${ROWS.length}\r\n\r\n${ROWS}`)
  expect(answer).toStartWith("HTTP/1.1 400 ")
  expect(answer).toContain("Idempotency-Key: expected one key")
})

test("a known path names its methods", async () => {
  const answer = await ask(`${url}/predict`)
  expect(answer.status).toBe(405)
  expect(answer.headers.get("allow")).toBe("OPTIONS, POST")
  const options = await fetch(`${url}/v2/models/x/ready`, { method: "OPTIONS" })
  expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"])
})

test("an id that nobody knows is 404, one that cannot be is 400", async () => {
  const unknown = await ask(`${url}/v2/models/${MODEL}/predictions/00000000000000000000000000`)
  expect([unknown.status, unknown.json["code"]]).toEqual([404, "unknown_id"])
  const impossible = await ask(`${url}/v2/models/${MODEL}/predictions/a.b`)
  expect(impossible.status).toBe(400)
})

test("health, server and models describe themselves", async () => {
  const ready = await ask(`${url}/v2/health/ready`)
  expect([ready.status, ready.json["ready"]]).toEqual([200, true])
  expect((await ask(`${url}/v2/health/live`)).status).toBe(200)
  expect((await ask(`${url}/health`)).status).toBe(200)
  expect((await ask(`${url}/v2`)).json).toMatchObject({ name: "weir", version: "test" })
  const model = await ask(`${url}/v2/models/${MODEL}`)
  expect(model.json).toMatchObject({ name: MODEL, versions: ["1"], platform: "onnx_onnxv1" })
  expect(model.json["inputs"]).toBeArrayOfSize(5)
  expect((await ask(`${url}/v2/models/${MODEL}/ready`)).json).toEqual({ name: MODEL, ready: true })
  expect((await ask(`${url}/v2/models/none/ready`)).status).toBe(404)
  const index = await ask(`${url}/v2/repository/index`, { method: "POST" })
  expect(index.json["list"]).toEqual([{ name: MODEL, version: "1", state: "READY", reason: "" }])
  expect((await post(`${url}/v2/repository/index`, '{"ready":1}')).status).toBe(400)
})

test("metrics count under patterns of routes, never under paths", async () => {
  await ask(`${url}/v2/models/nobody-${Math.random()}`)
  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).toContain('requests_total{endpoint="/predict",status="200"}')
  expect(text).toContain('http_requests_total{method="GET",route="/v2/models/:model",status="404"}')
  expect(text).toContain(
    `weir_gateway_answer_seconds_count{model="${MODEL}",version="1",outcome="predicted"}`,
  )
  // What models do is counted by predictors: a sum over processes must not count it twice.
  expect(text).not.toContain("ml_model_")
  expect(text).toContain(
    'http_request_duration_seconds_bucket{le="2",method="POST",route="/predict"}',
  )
  expect(text).toContain("weir_gateway_predictors_seen 1")
  expect(text.includes("nobody-")).toBe(false)
})
