// Requests that are in order and still get no output: late ones, ones on which the run fails, ones
// for what is not there, ones whose answer is too large. Each ends with its reason, and those
// beside it are answered.
import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node"
import { ELEMENT, model, node, value } from "../core/inference/onnx-test-models.ts"
import { shuffled } from "./test-random.ts"
import { DIGEST, KEYED, TIMEOUT, VERSION } from "../proto/headers.ts"
import { requestDigest } from "../proto/digest.ts"
import { provision } from "../core/log/provision.ts"
import { PREDICTOR, REQUESTS } from "../proto/subjects.ts"
import { startSystem } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import {
  deadLettersOf,
  floatsOf,
  fp32,
  int64,
  messagePack,
  metricOf,
  queueEmpty,
  send,
  singleFactsOf,
} from "./test-traffic.ts"

const POISONED = 200
const HEALTHY = 5_000
const OUTPUT_BYTES_MAX = 100_000

const system = await startSystem({
  environment: { WEIR_OUTPUT_MAX_BYTES: String(OUTPUT_BYTES_MAX) },
})
const { log } = system
afterAll(() => system.stop())
const EMBEDDING = join(import.meta.dir, "../core/inference/golden/int64-embedding-mean.onnx")
await system.release("embedding", "1", EMBEDDING)

/** Repeats its row as often as the row says. */
const repeated = model(
  node("Expand", ["x", "shape"], ["y"]),
  value(11, "x", ELEMENT.FP32, [1]),
  value(11, "shape", ELEMENT.INT64, ["rank"]),
  value(12, "y", ELEMENT.FP32, ["N"]),
)
const repeatedFile = join(system.nats.directory, "repeated.onnx")
await Bun.write(repeatedFile, repeated)
await system.release("repeated", "1", repeatedFile)

const ids = (values: ReadonlyArray<number>) => ({
  inputs: [int64("ids", [1, values.length], values)],
})
const healthy = Array.from({ length: HEALTHY }, (_, at) => ({
  values: [at % 10, (at * 7) % 10, (at * 3) % 10],
  poisoned: false,
}))
const poison = Array.from({ length: POISONED }, (_, at) => ({
  values: [at % 10, 10 + at, 1],
  poisoned: true,
}))
const mixed = shuffled([...healthy, ...poison], 7).map((one) => ({
  ...one,
  ...messagePack("embedding", ids(one.values)),
}))
const late = Array.from({ length: 20 }, () => messagePack("embedding", ids([1]), [[TIMEOUT, "1"]]))
const keyed = Array.from({ length: 20 }, () =>
  messagePack("embedding", ids([2]), [
    [TIMEOUT, "1"],
    [KEYED, "1"],
  ]),
)
await send(log, [...late, ...keyed, ...mixed])
const predictor = await system.predictor()
await queueEmpty(log, 40_000)

test("what is late before it is begun ends as expired, and is no dead letter", async () => {
  const letters = await deadLettersOf(log)
  for (const { fact } of await singleFactsOf(log, late)) {
    expect(fact.failure?.reason).toBe("expired")
    expect(fact.outputs).toBeUndefined()
    expect(letters.has(fact.id)).toBe(false)
  }
})

test("a request with a key is predicted however late it is", async () => {
  for (const { fact } of await singleFactsOf(log, keyed)) {
    expect(fact.failure).toBeUndefined()
    expect(fact.keyed).toBe(true)
    expect(floatsOf(fact.outputs?.[0]).length).toBe(4)
  }
})

test(`${POISONED} on which the run fails, among ${HEALTHY}, fail alone`, async () => {
  const session = await InferenceSession.create(EMBEDDING)
  const letters = await deadLettersOf(log)
  const facts = await singleFactsOf(log, mixed)
  for (const [at, { fact }] of facts.entries()) {
    const { values = [], poisoned, payload = new Uint8Array() } = mixed[at] ?? {}
    if (poisoned === true) {
      expect(fact.failure?.reason).toBe("model_error")
      expect(fact.failure?.message).toContain("out of data bounds")
      expect(fact.outputs).toBeUndefined()
      expect(letters.get(fact.id)?.reason).toBe("model_error")
      expect(Buffer.compare(letters.get(fact.id)?.payload ?? new Uint8Array(), payload)).toBe(0)
      continue
    }
    const feed = { ids: new RuntimeTensor("int64", values.map(BigInt), [1, values.length]) }
    const wanted = [...((await (await session.run(feed))["y"]?.getData()) ?? [])].map(Number)
    const found = floatsOf(fact.outputs?.[0])
    expect(found.length).toBe(4)
    for (const [index, number] of found.entries())
      expect(Math.abs(number - (wanted[index] ?? NaN))).toBeLessThanOrEqual(1e-6)
  }
  expect(letters.size).toBe(POISONED)
  expect(await metricOf(predictor, "ml_model_errors_total", 'reason="model_error"')).toBe(POISONED)
})

test("an unknown model, and a version that is not there, end with that reason", async () => {
  const nobody = messagePack("nobody.registered", ids([1]))
  const noVersion = messagePack("embedding", ids([1]), [[VERSION, "99"]])
  await send(log, [nobody, noVersion])
  await queueEmpty(log)
  const facts = await singleFactsOf(log, [nobody, noVersion])
  expect(facts.map(({ fact }) => fact.failure?.reason)).toEqual([
    "unknown_model",
    "unknown_version",
  ])
  const letters = await deadLettersOf(log)
  expect([letters.has(nobody.id), letters.has(noVersion.id)]).toEqual([true, true])
  expect(await metricOf(predictor, "ml_model_errors_total", "nobody")).toBe(0)
})

test("an output above the limit is a small failure that names its size and the limit", async () => {
  const asks = (count: number) =>
    messagePack("repeated", { inputs: [fp32("x", [1], [3]), int64("shape", [1], [count])] })
  const most = OUTPUT_BYTES_MAX / 4
  const [fits, over] = [asks(most), asks(most + 1)]
  await send(log, [fits, over])
  await queueEmpty(log)
  const [first, second] = await singleFactsOf(log, [fits, over])
  expect(first?.fact.outputs?.[0]?.shape).toEqual([most])
  expect(second?.fact.failure?.reason).toBe("output_too_large")
  expect(second?.fact.failure?.message).toContain(`${OUTPUT_BYTES_MAX + 4} bytes`)
  expect(second?.fact.failure?.message).toContain(`${OUTPUT_BYTES_MAX}`)
  expect(second?.fact.outputs).toBeUndefined()
  expect(second?.bytes.byteLength).toBeLessThan(2_000)
})

test("a digest that the producer gave is kept as it is", async () => {
  const request = ids([3])
  const digest = requestDigest("embedding", undefined, request)
  const sent = messagePack("embedding", request, [[DIGEST, digest]])
  await send(log, [sent])
  await queueEmpty(log)
  const [stored] = await singleFactsOf(log, [sent])
  expect(stored?.fact.digest).toBe(digest)
})

test("without its consumer it is not ready; provisioned again, it takes what waits", async () => {
  const ready = async () => (await fetch(`${predictor.url}/health/ready`)).status
  expect(await ready()).toBe(200)
  await log.manager.consumers.delete(REQUESTS, PREDICTOR)
  await until("it says so", async () => (await ready()) === 503)
  const sent = messagePack("embedding", ids([3]))
  await send(log, [sent])
  await provision(log.manager, system.limits)
  await queueEmpty(log)
  const [stored] = await singleFactsOf(log, [sent])
  expect(stored?.fact.failure).toBeUndefined()
  await until("it is ready again", async () => (await ready()) === 200)
})
