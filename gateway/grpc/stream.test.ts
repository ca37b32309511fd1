// ModelStreamInfer against a real gateway, predictor and server.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { status, type StatusObject } from "@grpc/grpc-js"
import {
  startTestSystem,
  type TestGateway,
  type TestPredictor,
  type TestSystem,
} from "../test-system.ts"
import { flight, listOf, TestClient, type CallOptions, type Fields } from "./test-client.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)
const REQUESTS = 300
const STREAMS_MAX = 3

let system: TestSystem
let predictor: TestPredictor
let gateway: TestGateway
let client: TestClient

beforeAll(async () => {
  system = await startTestSystem({ WEIR_GRPC_STREAMS_MAX: `${STREAMS_MAX}` })
  predictor = await system.startPredictor()
  gateway = await system.startGateway({ WEIR_GRPC_PORT: "0" })
  client = new TestClient(gateway.grpcAddress ?? "")
  let ready = await client.call("ServerReady")
  while (ready.message["ready"] !== true) ready = await client.call("ServerReady")
}, START_MILLIS)
afterAll(async () => {
  client.close()
  await system.stop()
}, START_MILLIS)

/** A stream whose answers are kept as they come. */
const open = (options: CallOptions = {}, by = client) => {
  const call = by.stream(options)
  const answers: Array<Fields> = []
  const { promise: ended, resolve } = Promise.withResolvers<StatusObject>()
  const waiting: Array<() => void> = []
  call.on("data", (answer: Fields) => {
    answers.push(answer)
    for (const wake of waiting.splice(0)) wake()
  })
  call.on("error", () => undefined)
  call.on("status", resolve)
  const has = async (count: number) => {
    while (answers.length < count) await new Promise<void>((wake) => waiting.push(wake))
  }
  return { call, answers, ended, has }
}

const idOf = (answer: Fields | undefined) => {
  const response = answer?.["infer_response"]
  return response instanceof Object && "id" in response ? response.id : undefined
}
const numbered = (index: number) => ({ ...flight, id: `${index}` })

test("many requests are answered in their order, and the stream ends with its caller", async () => {
  const { call, answers, ended } = open()
  for (let index = 0; index < REQUESTS; index++) call.write(numbered(index))
  call.end()
  expect((await ended).code).toBe(status.OK)
  expect(answers.map(idOf)).toEqual(Array.from({ length: REQUESTS }, (_, index) => `${index}`))
  expect(answers.every((answer) => answer["error_message"] === "")).toBe(true)
  const ids = answers.map((answer) => {
    const { parameters }: Fields = { ...Object(answer["infer_response"]) }
    return JSON.stringify(Object(parameters)["weir-id"])
  })
  expect(new Set(ids).size).toBe(REQUESTS)
})

test("a refused request is answered with its error, and the stream goes on", async () => {
  const { call, answers, ended } = open()
  call.write(numbered(1))
  call.write({ ...numbered(2), model_name: "none" })
  call.write({ ...numbered(3), inputs: [] })
  call.write(numbered(4))
  call.end()
  expect((await ended).code).toBe(status.OK)
  expect(answers.map((answer) => [idOf(answer), answer["error_message"]])).toEqual([
    ["1", ""],
    ["2", "Request for unknown model: 'none' is not found"],
    ["3", "inputs: expected at least one tensor, got none"],
    ["4", ""],
  ])
  expect(listOf(answers[3]?.["infer_response"], "raw_output_contents").length).toBe(2)
})

test("no more requests are taken than may be in flight, until some are answered", async () => {
  const before = await requestsTaken()
  predictor.pause()
  const { call, answers, ended, has } = open()
  for (let index = 0; index < REQUESTS; index++) call.write(numbered(index))
  call.end()
  while ((await requestsTaken()) < 64);
  expect(await requestsTaken()).toBeLessThanOrEqual(before + 64)
  expect(answers).toEqual([])
  predictor.resume()
  await has(REQUESTS)
  expect((await ended).code).toBe(status.OK)
})

/** Requests of streams that wait for their fact. */
const requestsTaken = async () => {
  const page = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(/^weir_gateway_requests_in_flight (\d+)/m.exec(page)?.[1] ?? "")
}

test("a caller that goes away in the middle leaves its seat", async () => {
  predictor.pause()
  for (let round = 0; round < STREAMS_MAX * 2; round++) {
    const { call, ended } = open()
    call.write(numbered(round))
    while ((await openStreams()) === 0);
    call.cancel()
    expect((await ended).code).toBe(status.CANCELLED)
    while ((await openStreams()) > 0);
  }
  predictor.resume()
})

const openStreams = async () => {
  const page = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(/^weir_gateway_grpc_streams (\d+)/m.exec(page)?.[1] ?? "")
}

test("more streams than may be open are refused", async () => {
  const streams = Array.from({ length: STREAMS_MAX }, () => open())
  for (const { call, has } of streams) {
    call.write(numbered(0))
    await has(1)
  }
  const refused = await open().ended
  expect(refused.code).toBe(status.RESOURCE_EXHAUSTED)
  expect(refused.details).toBe(`streams: expected ${STREAMS_MAX} at once, got one more`)
  for (const { call, ended } of streams) {
    call.end()
    await ended
  }
})

test("a key is one of each request of the stream", async () => {
  const answered = async () => {
    const { call, answers, ended } = open({ metadata: { "idempotency-key": "of a stream" } })
    call.write(numbered(1))
    call.write(numbered(2))
    call.end()
    await ended
    return answers.map(idOf)
  }
  expect(await answered()).toEqual(["1", "2"])
  expect(await answered()).toEqual(["1", "2"])
})

test("a gateway that stops answers what it took, and then ends the stream", async () => {
  const other = await system.startGateway({ WEIR_GRPC_PORT: "0" })
  const stopped = new TestClient(other.grpcAddress ?? "")
  const { call, answers, ended, has } = open({}, stopped)
  call.write(numbered(1))
  await has(1)
  await other.stop()
  const { code, details } = await ended
  expect([code, details]).toEqual([status.UNAVAILABLE, "the gateway is stopping"])
  expect(answers.map(idOf)).toEqual(["1"])
  stopped.close()
})
