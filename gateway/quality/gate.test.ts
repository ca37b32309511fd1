// The gate of a model in a whole system: requests in every form, the marks, and what producers
// publish past the gateway.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { status } from "@grpc/grpc-js"
import { changeSuites } from "#core/gates/suite-facts"
import { parseInferRequest } from "#core/inference/json-request"
import { BadRequest } from "#core/inference/bad-request"
import { readLast } from "#core/log/read"
import { deadLetterCodec } from "#proto/dead-letter"
import { predictionCodec, type Prediction } from "#proto/prediction"
import type { GateMode } from "#proto/quality"
import { requestCodec } from "#proto/request"
import {
  DEAD_LETTERS,
  deadSubject,
  PREDICTIONS,
  predictionSubject,
  requestSubject,
} from "#proto/subjects"
import { flight, TestClient } from "../grpc/test-client.ts"
import { MODEL, post, startTestSystem, TENSORS, type TestSystem } from "../test-system.ts"

const START_MILLIS = 30_000
const FAR = 2_399
const MESSAGE =
  "row 0 does not meet expect_column_values_to_be_between (expectation 0): distance = 2399"
const SUITE = JSON.stringify({
  name: "door",
  expectations: [
    {
      type: "expect_column_values_to_be_between",
      kwargs: { column: "distance", min_value: 31, max_value: 2_000 },
    },
    { type: "expect_column_values_to_not_be_in_set", kwargs: { column: "origin", value_set: [] } },
  ],
})

let system: TestSystem
let url: string
let client: TestClient

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
  const gateway = await system.startGateway({ WEIR_GRPC_PORT: "0" })
  url = gateway.url
  client = new TestClient(gateway.grpcAddress ?? "")
}, START_MILLIS)
afterAll(async () => {
  client.close()
  await system.stop()
}, START_MILLIS)

const rowOf = (distance: number) => [distance, 0, 0, "DTW", "LAS"]
const rows = (...distances: ReadonlyArray<number>) => JSON.stringify({ data: distances.map(rowOf) })
const infer = () => `${url}/v2/models/${MODEL}/infer`
const farTensors = TENSORS.replace("1750", String(FAR))
const farFlight = {
  ...flight,
  raw_input_contents: [
    Buffer.from(Float32Array.of(FAR).buffer),
    ...flight.raw_input_contents.slice(1),
  ],
}
const askFar = () => post(`${url}/predict`, rows(FAR))
const facts = async () => (await system.log.manager.streams.info(PREDICTIONS)).state.messages

/**
 * The gateway follows the events of the log: asked again until it has come to them. A predictor
 * that came to them first refuses as well, with the id of what it stored.
 */
const askUntil = async (status: number) => {
  for (;;) {
    const answer = await askFar()
    const isByGateway = status === 200 || answer.headers.get("weir-id") === null
    if (answer.status === status && isByGateway) return answer
  }
}

const setGate = (mode: GateMode | "off", suite = SUITE) =>
  changeSuites(system.log, MODEL, {
    place: "gate",
    ...(mode === "off" ? { mode } : { mode, suite }),
    source: "command",
    at: Date.now(),
  })

const factOf = async (id: string): Promise<Prediction> => {
  const found = await readLast(system.log, PREDICTIONS, predictionSubject(MODEL, id), 1)
  if (found === undefined) throw new Error(`no fact of ${id}`)
  return predictionCodec.decode(found.data)
}

let published = 0
/** Publishes past the gateway; resolves with the fact. */
const publishFar = async (): Promise<Prediction> => {
  const id = `direct-${published++}`
  const request = parseInferRequest(farTensors)
  if (request instanceof BadRequest) throw new Error(request.message)
  const { seen } = await system.listenFor(id)
  await system.log.publisher.publish(requestSubject(MODEL, id), requestCodec.encode(request))
  await seen
  return factOf(id)
}

test("a row that is not as expected is 422 in every form, and nothing is stored", async () => {
  expect((await askFar()).status).toBe(200)
  await setGate("reject")
  const answer = await askUntil(422)
  expect(answer.json).toMatchObject({ error: MESSAGE, code: "quality_refused" })
  expect(answer.headers.get("weir-id")).toBeNull()
  const before = await facts()
  const second = await post(`${url}/predict`, rows(500, FAR))
  expect(second.json["error"]).toBe(MESSAGE.replace("row 0", "row 1"))
  expect((await post(infer(), farTensors)).json["error"]).toBe(MESSAGE)
  expect((await post(infer(), farTensors, { prefer: "respond-async" })).status).toBe(422)
  const bytes = Buffer.from(new Float32Array([FAR]).buffer)
  const parts = JSON.parse(farTensors)
  parts.inputs[0] = { ...parts.inputs[0], data: undefined, parameters: { binary_data_size: 4 } }
  const head = JSON.stringify(parts)
  const binary = await fetch(infer(), {
    method: "POST",
    body: Buffer.concat([Buffer.from(head), bytes]),
    headers: { "inference-header-content-length": String(Buffer.byteLength(head)) },
  })
  expect([binary.status, await binary.json()]).toMatchObject([422, { error: MESSAGE }])
  const grpc = await client.call("ModelInfer", farFlight)
  expect([grpc.code, grpc.trailer("weir-code")]).toEqual([
    status.FAILED_PRECONDITION,
    "quality_refused",
  ])
  expect(await facts()).toBe(before)
  const lines = await fetch(infer(), {
    method: "POST",
    body: [rows(500), rows(FAR), farTensors].join("\n"),
    headers: { "content-type": "application/x-ndjson" },
  })
  const statuses = (await lines.text()).trim().split("\n")
  expect(statuses.map((line) => JSON.parse(line).status ?? 200)).toEqual([200, 422, 422])
  expect(await facts()).toBe(before + 1)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain(
    'weir_gateway_quality_refused_total{model="flights",' +
      'expectation="expect_column_values_to_be_between",column="distance"} 8',
  )
})

test("what is published past the gateway fails in the predictor, with a dead letter", async () => {
  let fact = await publishFar()
  while (fact.failure === undefined) fact = await publishFar()
  expect(fact.failure).toEqual({ reason: "quality", message: MESSAGE })
  const letter = await readLast(system.log, DEAD_LETTERS, deadSubject(MODEL, fact.id), 1)
  expect(letter && deadLetterCodec.decode(letter.data).reason).toBe("quality")
})

test("a key that was answered before is answered again, whatever the gate says now", async () => {
  await setGate("off")
  await askUntil(200)
  const key = { "idempotency-key": "gate 1" }
  const first = await post(`${url}/predict`, rows(FAR), key)
  expect(first.status).toBe(200)
  await setGate("reject")
  await askUntil(422)
  const again = await post(`${url}/predict`, rows(FAR), key)
  expect([again.status, again.text]).toEqual([200, first.text])
  const other = await post(`${url}/predict`, rows(FAR), { "idempotency-key": "gate 2" })
  expect([other.status, other.json["code"]]).toEqual([422, "quality_refused"])
})

test("a gate that flags answers, and the fact says what was not as expected", async () => {
  await setGate("flag")
  let answer = await askUntil(200)
  const idOf = () => answer.headers.get("weir-id") ?? ""
  while ((await factOf(idOf())).quality === undefined) answer = await askFar()
  expect((await factOf(idOf())).quality).toEqual({
    suite: "door",
    expectation: "expect_column_values_to_be_between",
    columns: ["distance"],
    row: 0,
    message: MESSAGE,
  })
  const good = await post(`${url}/predict`, rows(500))
  expect((await factOf(good.headers.get("weir-id") ?? "")).quality).toBeUndefined()
})

test("what is about many rows, about no feature, or unknown is refused by name", async () => {
  const refused = (type: string, kwargs: object) =>
    setGate("reject", JSON.stringify({ name: "door", expectations: [{ type, kwargs }] })).then(
      () => "taken",
      (cause: unknown) => String(cause),
    )
  expect(await refused("expect_column_mean_to_be_between", { column: "distance" })).toContain(
    "expect_column_mean_to_be_between (expectation 0): it is about many rows",
  )
  expect(await refused("expect_column_values_to_not_be_null", { column: "speed" })).toContain(
    'the model has no feature "speed"',
  )
  expect(await refused("expect_column_to_be_nice", { column: "hour" })).toContain(
    "expect_column_to_be_nice",
  )
})
