// Inference over gRPC against a real gateway, predictor and server.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { status } from "@grpc/grpc-js"
import { until } from "../../test/support/eventually.ts"
import {
  MODEL,
  post,
  startTestSystem,
  TENSORS,
  type TestGateway,
  type TestPredictor,
  type TestSystem,
} from "../test-system.ts"
import { flight, listOf, TestClient, typedFlight, type Ended } from "./test-client.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)
const REQUEST_BYTES_MAX = 65_536

let system: TestSystem
let predictor: TestPredictor
let gateway: TestGateway
let client: TestClient

beforeAll(async () => {
  system = await startTestSystem({ WEIR_REQUEST_MAX_BYTES: `${REQUEST_BYTES_MAX}` })
  predictor = await system.startPredictor()
  gateway = await system.startGateway({ WEIR_GRPC_PORT: "0" })
  client = new TestClient(gateway.grpcAddress ?? "")
  let live = await client.call("ServerReady")
  while (live.message["ready"] !== true) live = await client.call("ServerReady")
}, START_MILLIS)
afterAll(async () => {
  client.close()
  await system.stop()
}, START_MILLIS)

const infer = (request: object, options = {}) => client.call("ModelInfer", request, options)
const toldOf = ({ code, trailer }: Ended) => [code, trailer("weir-code")]

describe("a request is answered", () => {
  const expectAnswer = ({ code, message, trailer }: Ended) => {
    expect([code, message["model_name"], message["model_version"], message["id"]]).toEqual([
      status.OK,
      MODEL,
      "1",
      "mine",
    ])
    expect(
      listOf(message, "outputs").map(({ name, datatype, shape }) => [name, datatype, shape]),
    ).toEqual([
      ["label", "INT64", ["1"]],
      ["probabilities", "FP32", ["1", "2"]],
    ])
    expect(trailer("weir-id")).toMatch(/^[0-9a-v]{26}$/)
    expect(Number(trailer("weir-position"))).toBeGreaterThan(0)
    expect(trailer("weir-version")).toBe("1")
  }

  test("from raw contents", async () => expectAnswer(await infer(flight)))
  test("from typed contents", async () => expectAnswer(await infer(typedFlight)))

  test("with the outputs that it asks for", async () => {
    const { message } = await infer({ ...flight, outputs: [{ name: "probabilities" }] })
    expect(listOf(message, "outputs").map(({ name }) => name)).toEqual(["probabilities"])
  })

  test("with the best classes of an output", async () => {
    const parameters = { classification: { int64_param: 1 } }
    const { message } = await infer({
      ...flight,
      outputs: [{ name: "probabilities", parameters }],
    })
    const [output] = listOf(message, "outputs")
    expect([output?.["datatype"], output?.["shape"]]).toEqual(["BYTES", ["1", "1"]])
  })

  test("with the trace and the request id that it carries", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    const metadata = { "x-request-id": "r1", traceparent }
    const { trailer } = await infer(flight, { metadata })
    expect([trailer("x-request-id"), trailer("traceparent")]).toEqual(["r1", traceparent])
  })
})

test("one key means one answer, over gRPC and over HTTP", async () => {
  const metadata = { "idempotency-key": "one key" }
  const first = await infer(flight, { metadata })
  const again = await infer(typedFlight, { metadata })
  expect(first.trailer("idempotent-replayed")).toBeUndefined()
  expect(again.trailer("weir-position")).toBe(first.trailer("weir-position") ?? "")
  expect(again.message).toEqual(first.message)
  const http = await post(`${gateway.url}/v2/models/${MODEL}/infer`, TENSORS, metadata)
  expect(http.headers.get("weir-id")).toBe(first.trailer("weir-id") ?? "")
  expect(http.headers.get("weir-position")).toBe(first.trailer("weir-position") ?? "")
  const [hour = Buffer.alloc(0)] = flight.raw_input_contents.slice(1)
  const other = flight.raw_input_contents.with(1, Buffer.from(hour).fill(1, 0, 1))
  const reused = await infer({ ...flight, raw_input_contents: other }, { metadata })
  expect(toldOf(reused)).toEqual([status.FAILED_PRECONDITION, "key_reused"])
})

describe("what is wrong is refused by name", () => {
  const [first, ...rest] = flight.inputs
  const refused: ReadonlyArray<readonly [string, object, status, string]> = [
    [
      "an unknown model",
      { ...flight, model_name: "none" },
      status.NOT_FOUND,
      "Request for unknown model: 'none' is not found",
    ],
    [
      "an unknown version",
      { ...flight, model_version: "9" },
      status.NOT_FOUND,
      "Request for unknown model: 'flights' version 9 is not found",
    ],
    [
      "a model name that none can have",
      { ...flight, model_name: "a b" },
      status.INVALID_ARGUMENT,
      "model: ",
    ],
    [
      "raw beside typed contents",
      { ...typedFlight, raw_input_contents: flight.raw_input_contents },
      status.INVALID_ARGUMENT,
      "inputs[0].contents: expected none beside raw_input_contents",
    ],
    [
      "too few raw contents",
      { ...flight, raw_input_contents: flight.raw_input_contents.slice(1) },
      status.INVALID_ARGUMENT,
      "raw_input_contents: expected 5, one an input, got 4",
    ],
    [
      "contents of another datatype",
      {
        ...typedFlight,
        inputs: [{ ...first, contents: { fp64_contents: [1] } }, ...typedFlight.inputs.slice(1)],
      },
      status.INVALID_ARGUMENT,
      "inputs[0].contents: expected fp32_contents for FP32, got fp64_contents",
    ],
    [
      "too many elements",
      {
        ...typedFlight,
        inputs: [{ ...first, contents: { fp32_contents: [1, 2] } }, ...typedFlight.inputs.slice(1)],
      },
      status.INVALID_ARGUMENT,
      "inputs[0].contents: expected 1 element, got 2",
    ],
    [
      "BF16",
      { ...flight, inputs: [{ ...first, datatype: "BF16" }, ...rest] },
      status.UNIMPLEMENTED,
      "inputs[0].datatype: ",
    ],
    [
      "a datatype that there is not",
      { ...flight, inputs: [{ ...first, datatype: "FLOAT" }, ...rest] },
      status.INVALID_ARGUMENT,
      "inputs[0].datatype: ",
    ],
    [
      "a shape below 1",
      { ...flight, inputs: [{ ...first, shape: [-1, 1] }, ...rest] },
      status.INVALID_ARGUMENT,
      "inputs[0].shape[0]: expected an integer of at least 1, got -1",
    ],
    [
      "a shape without an end",
      { ...flight, inputs: [{ ...first, shape: [2 ** 40, 1] }, ...rest] },
      status.INVALID_ARGUMENT,
      "inputs",
    ],
    [
      "no input",
      { model_name: MODEL },
      status.INVALID_ARGUMENT,
      "inputs: expected at least one tensor, got none",
    ],
    [
      "an unknown output",
      { ...flight, outputs: [{ name: "z" }] },
      status.INVALID_ARGUMENT,
      "outputs[0].name: ",
    ],
    [
      "shared memory",
      {
        ...flight,
        inputs: [
          { ...first, parameters: { shared_memory_region: { string_param: "r" } } },
          ...rest,
        ],
      },
      status.UNIMPLEMENTED,
      "inputs[0].parameters: ",
    ],
    [
      "a deadline that is none",
      { ...flight, parameters: { timeout: { int64_param: -5 } } },
      status.INVALID_ARGUMENT,
      "parameters.timeout: ",
    ],
    [
      "more than a request may be",
      { ...flight, raw_input_contents: [Buffer.alloc(REQUEST_BYTES_MAX + 1)] },
      status.RESOURCE_EXHAUSTED,
      `message: expected at most ${REQUEST_BYTES_MAX} bytes unpacked, got more`,
    ],
  ]
  test.each(refused)("%s", async (_, request, code, details) => {
    const ended = await infer(request)
    expect(ended.details).toStartWith(details)
    expect(ended.code).toBe(code)
  })

  test("metadata that cannot be read", async () => {
    const ended = await infer(flight, { metadata: { "weir-timeout-ms": "soon" } })
    expect([ended.code, ended.details]).toEqual([
      status.INVALID_ARGUMENT,
      'Weir-Timeout-Ms: expected milliseconds from 1 to 600000, got "soon"',
    ])
  })

  test("a message that is none", async () => {
    const path = "/inference.GRPCInferenceService/ModelInfer"
    const ended = await client.sendBytes(path, Buffer.from("no message"))
    expect(toldOf(ended)).toEqual([status.INVALID_ARGUMENT, "invalid_request"])
  })

  test("a method that there is not", async () => {
    const path = "/inference.GRPCInferenceService/ModelExplain"
    expect((await client.sendBytes(path, Buffer.alloc(0))).code).toBe(status.UNIMPLEMENTED)
    const known = "/inference.GRPCInferenceService/TraceSetting"
    expect(toldOf(await client.sendBytes(known, Buffer.alloc(0)))).toEqual([
      status.UNIMPLEMENTED,
      "unsupported",
    ])
  })
})

describe("while nobody predicts", () => {
  beforeAll(() => predictor.pause())
  afterAll(() => predictor.resume())

  test("a deadline of ours is told with the id of the request", async () => {
    const late = await infer(flight, { metadata: { "weir-timeout-ms": "100" } })
    expect(toldOf(late)).toEqual([status.DEADLINE_EXCEEDED, "timed_out"])
    expect(late.trailer("weir-id")).toMatch(/^[0-9a-v]{26}$/)
  })

  test("the deadline of the call is ours as well, and is told before it passes", async () => {
    const late = await infer(flight, { timeoutMillis: 2_000 })
    expect(late.code).toBe(status.DEADLINE_EXCEEDED)
    expect(late.trailer("weir-id")).toMatch(/^[0-9a-v]{26}$/)
  })

  test("a caller can go away", async () => {
    const gone = new AbortController()
    const call = infer(flight, { signal: gone.signal })
    await until("it was taken", async () => {
      const page = await (await fetch(`${gateway.url}/metrics`)).text()
      return page.includes("weir_gateway_requests_in_flight 1\n")
    })
    gone.abort()
    expect((await call).code).toBe(status.CANCELLED)
  })
})

test("calls are counted by their code, and with the requests over HTTP", async () => {
  const page = await (await fetch(`${gateway.url}/metrics`)).text()
  const labels = 'service="inference.GRPCInferenceService",method="ModelInfer"'
  expect(page).toMatch(new RegExp(`weir_gateway_grpc_calls_total{${labels},code="OK"} \\d+`))
  expect(page).toContain(`weir_gateway_grpc_calls_total{${labels},code="NOT_FOUND"} 2`)
  const endpoint = "/inference.GRPCInferenceService/ModelInfer"
  expect(page).toContain(`requests_total{endpoint="${endpoint}",status="404"} 2`)
})
