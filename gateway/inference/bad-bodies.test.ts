// What callers should never send, over HTTP to a real gateway, predictor and server: it is refused
// in words, nothing of it is stored, and no model runs for it.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { ELEMENT, model, node, value } from "#core/inference/onnx-test-models"
import { readLast } from "#core/log/read"
import { importDirectory } from "#core/registry/import"
import { inspectByFirstLoad } from "#core/registry/inspection"
import { jetStreamArtifacts } from "#core/registry/object-store"
import { predictionCodec } from "#proto/prediction"
import { DEAD_LETTERS, HISTORY, PREDICTIONS, predictionSubject, REQUESTS } from "#proto/subjects"
import { until } from "../../test/support/eventually.ts"
import { startService, type RunningService } from "../../test/support/service.ts"
import { badBodies, type BadBody } from "./bad-body-examples.ts"
import { ask, post, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"

setDefaultTimeout(60_000)

const SEED = 20_260_731
const BODIES = 3_000
const CALLERS = 8
const REQUEST_BYTES_MAX = 65_536
const OUTPUT_BYTES = 10_000_000
const FACT_BYTES_MAX = 2_000
const STREAMS = [REQUESTS, PREDICTIONS, HISTORY, DEAD_LETTERS]

/** Repeats its value as often as it is told. */
const WIDE = model(
  node("Expand", ["x", "shape"], ["y"]),
  value(11, "x", ELEMENT.FP32, [1]),
  value(11, "shape", ELEMENT.INT64, ["rank"]),
  value(12, "y", ELEMENT.FP32, ["N"]),
)

let system: TestSystem
let gateway: RunningService
let predictor: RunningService

beforeAll(async () => {
  system = await startTestSystem()
  const models = join(system.nats.directory, "wide-models")
  await mkdir(join(models, "wide", "1"), { recursive: true })
  await Bun.write(join(models, "wide", "1", "model.onnx"), WIDE)
  const { log } = system
  const artifacts = jetStreamArtifacts(log)
  await importDirectory({ log, artifacts, inspect: inspectByFirstLoad, now: Date.now }, models)
  const shared = { NATS_URL: system.nats.url, WEIR_REQUEST_MAX_BYTES: String(REQUEST_BYTES_MAX) }
  predictor = await startService("predictor", { ...shared, WEIR_STATUS_PORT: "0" })
  gateway = await startService("gateway", {
    ...shared,
    WEIR_PORT: "0",
    WEIR_GRPC_PORT: "none",
  })
  await until("the gateway is ready", async () => (await fetch(`${gateway.url}/health`)).ok)
})
afterAll(async () => {
  await Promise.all([gateway.stop(), predictor.stop()])
  await system.stop()
})

/** How many messages each stream has ever had. */
const stored = (): Promise<ReadonlyArray<number>> =>
  Promise.all(
    STREAMS.map(async (name) => (await system.log.manager.streams.info(name)).state.last_seq),
  )

const batches = async (): Promise<number> => {
  const text = await (await fetch(`${predictor.url}/metrics`)).text()
  const counts = [...text.matchAll(/^weir_predictor_batches_total\{[^}]*\} (\d+)$/gm)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

/** What is wrong with the answer to it, in words; undefined for a refusal as it should be. */
const faultOf = async ({ path, body, headers }: BadBody): Promise<string | undefined> => {
  const init = { method: "POST", body, headers: { "content-type": "application/json", ...headers } }
  const answer = await ask(`${gateway.url}${path}`, init)
  const { error, code } = answer.json
  const isRefused = answer.status >= 400 && answer.status < 500
  const isJson = answer.headers.get("content-type") === "application/json"
  const isTold = typeof error === "string" && error !== "" && typeof code === "string"
  if (isRefused && isJson && isTold) return undefined
  const shown = typeof body === "string" ? body.slice(0, 200) : Buffer.from(body).toString("latin1")
  const told = `${answer.status} ${answer.text.slice(0, 200)}`
  return `${path} ${JSON.stringify(headers)} ${shown}: ${told}`
}

test(`${BODIES} bad bodies are refused in words, stored nowhere, and run by no model`, async () => {
  const before = await stored()
  const ran = await batches()
  const bodies = badBodies(SEED, BODIES, REQUEST_BYTES_MAX)
  expect(bodies).toHaveLength(BODIES)
  const faults: Array<string> = []
  let next = 0
  const caller = async () => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const fault = await faultOf(body)
      if (fault !== undefined) faults.push(fault)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  expect([...new Set(faults)].slice(0, 20)).toEqual([])
  expect(await stored()).toEqual(before)
  expect(await batches()).toBe(ran)
  const answer = await post(`${gateway.url}/predict?model=flights`, ROWS)
  expect(answer.status).toBe(200)
  expect(await batches()).toBe(ran + 1)
  expect(gateway.log.filter((line) => line.includes("defect"))).toEqual([])
})

test("an output of 10 MB is a 500 that says so, and a small failure in the log", async () => {
  const body = JSON.stringify({
    inputs: [
      { name: "x", datatype: "FP32", shape: [1], data: [1] },
      { name: "shape", datatype: "INT64", shape: [1], data: [OUTPUT_BYTES / 4] },
    ],
  })
  const answer = await post(`${gateway.url}/v2/models/wide/infer`, body)
  const id = answer.headers.get("weir-id") ?? ""
  expect([answer.status, answer.json["code"], answer.json["id"]]).toEqual([
    500,
    "output_too_large",
    id,
  ])
  expect(answer.json["error"]).toContain(`${OUTPUT_BYTES} bytes`)
  const fact = await readLast(system.log, PREDICTIONS, predictionSubject("wide", id), 1)
  const bytes = fact?.data ?? new Uint8Array()
  expect(bytes.byteLength).toBeLessThan(FACT_BYTES_MAX)
  const { failure, outputs } = predictionCodec.decode(bytes)
  expect([failure?.reason, outputs]).toEqual(["output_too_large", undefined])
  const small = body.replace(`${OUTPUT_BYTES / 4}`, "2")
  expect((await post(`${gateway.url}/v2/models/wide/infer`, small)).status).toBe(200)
})
