// A model with a `config.pbtxt` of its own, from its import to what callers notice of it.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { ELEMENT, identity } from "#core/inference/onnx-test-models"
import { importDirectory } from "#core/registry/import"
import { inspectByFirstLoad } from "#core/registry/inspection"
import { jetStreamArtifacts } from "#core/registry/object-store"
import { ask, post, startTestSystem, type TestSystem } from "../test-system.ts"
import * as Body from "./model-bodies.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

const CONFIG = `
name: "echo"
max_batch_size: 4
input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
dynamic_batching {
  preferred_batch_size: [ 4 ]
  max_queue_delay_microseconds: 20000
  priority_levels: 2
  default_priority_level: 2
  default_queue_policy { default_timeout_microseconds: 60000000 }
}
`

let system: TestSystem
let url: string
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-configured-"))
  await Bun.write(join(folder, "echo/1/model.onnx"), identity(ELEMENT.FP32, ["N", 1]))
  await Bun.write(join(folder, "echo/config.pbtxt"), CONFIG)
  system = await startTestSystem()
  const artifacts = jetStreamArtifacts(system.log)
  const deps = { log: system.log, artifacts, inspect: inspectByFirstLoad, now: Date.now }
  await importDirectory(deps, folder)
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(async () => {
  await system.stop()
  await rm(folder, { recursive: true, force: true })
}, START_MILLIS)

const infer = (rows: number, parameters: Readonly<Record<string, unknown>> = {}) => {
  const data = Array.from({ length: rows }, (_, at) => at)
  const input = { name: "x", datatype: "FP32", shape: [rows, 1], data }
  return post(`${url}/v2/models/echo/infer`, JSON.stringify({ inputs: [input], parameters }))
}
const statistics = async () => {
  const { json } = await ask(`${url}/v2/models/echo/stats`)
  return Schema.decodeUnknownSync(Body.ModelStatistics)(json).model_stats[0]
}

test("the configuration is told as it was written", async () => {
  const { json } = await ask(`${url}/v2/models/echo/config`)
  const config = Schema.decodeUnknownSync(Body.ModelConfig)(json)
  expect(config.max_batch_size).toBe(4)
  expect(config.dynamic_batching).toMatchObject({
    preferred_batch_size: [4],
    max_queue_delay_microseconds: 20_000,
    priority_levels: 2,
    default_priority_level: 2,
    default_queue_policy: { default_timeout_microseconds: 60_000_000 },
  })
})

test("no run has more rows than configured, and runs wait for others", async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => infer(1)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  const found = await statistics()
  const sizes = found?.batch_stats.map(({ batch_size }) => batch_size) ?? []
  expect(Math.max(...sizes)).toBe(4)
  expect(found?.inference_count).toBe(40)
  // Without the wait each request that comes by itself would be a run.
  expect(found?.execution_count).toBeLessThan(40)
})

test("a request of more rows than configured is refused", async () => {
  expect((await infer(4)).status).toBe(200)
  const { status, json } = await infer(5)
  expect([status, json["error"]]).toEqual([
    400,
    "inputs: expected at most 4 rows (max_batch_size), got 5",
  ])
})

test("a lone request waits for others as long as configured, and no longer", async () => {
  const before = await statistics()
  const { status } = await infer(1)
  const after = await statistics()
  expect(status).toBe(200)
  const queued = (after?.inference_stats.queue.ns ?? 0) - (before?.inference_stats.queue.ns ?? 0)
  expect(queued).toBeGreaterThanOrEqual(15_000_000)
})

test("priorities and deadlines are whole numbers", async () => {
  for (const priority of [0, 1, 2, 7]) expect((await infer(1, { priority })).status).toBe(200)
  for (const priority of [-1, 1.5, "high", true]) {
    const { status, json } = await infer(1, { priority })
    expect(status).toBe(400)
    expect(json["error"]).toStartWith("parameters.priority: expected a whole number from 0")
  }
  expect((await infer(1, { timeout: 5_000_000 })).status).toBe(200)
  const late = await infer(1, { timeout: 1 })
  expect(late.status).toBe(504)
})
