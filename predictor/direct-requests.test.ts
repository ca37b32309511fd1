// Requests that producers publish straight to the queue, and a real predictor that finds them
// there.
import { afterAll, expect, test } from "bun:test"
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseFlights, type Flight } from "../examples/flights/flights.ts"
import { ELEMENT, identity, model, node, value } from "../core/inference/onnx-test-models.ts"
import { membersDigest, requestDigest } from "../proto/digest.ts"
import { DIGEST, POSITION } from "../proto/headers.ts"
import { predictionCodec } from "../proto/prediction.ts"
import type { InferenceRequest } from "../proto/request.ts"
import { predictionSubject } from "../proto/subjects.ts"
import {
  FLIGHTS_MODEL,
  FLIGHTS_SIGNATURE,
  startSystem,
  TEST_LIMITS,
} from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import {
  flightInputs,
  floatsOf,
  fp32,
  json,
  listen,
  messagePack,
  newId,
  queueEmpty,
  send,
  singleFactsOf,
  type Sent,
  type StoredFact,
} from "./test-traffic.ts"

// No redelivery, so that each request is in one batch even on a machine that stands still for a
// while.
const system = await startSystem({ limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [30_000] } })
const { log } = system
afterAll(() => system.stop())
const modelFile = async (bytes: Uint8Array): Promise<string> => {
  const path = join(system.nats.directory, `${newId()}.onnx`)
  await Bun.write(path, bytes)
  return path
}
await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
const GOLDEN = join(import.meta.dir, "../core/inference/golden")
await system.release("fixed", "1", join(GOLDEN, "fixed-batch-1.onnx"))
await system.release("wide", "1", await modelFile(identity(ELEMENT.FP32, ["N", "M"])))
const doubled = model(
  node("Add", ["x", "x"], ["twice"]),
  node("Neg", ["x"], ["minus"]),
  value(11, "x", ELEMENT.FP32, ["N", 2]),
  value(12, "twice", ELEMENT.FP32, ["N", 2]),
  value(12, "minus", ELEMENT.FP32, ["N", 2]),
)
await system.release("two.outputs", "1", await modelFile(doubled))

const flights = parseFlights(
  readFileSync(join(import.meta.dir, "../examples/flights/flights.csv"), "utf8"),
)

const runtime = await InferenceSession.create(FLIGHTS_MODEL)
/** The probabilities of one flight, from the runtime without anything of ours in between. */
const runAlone = async (flight: Flight): Promise<ReadonlyArray<number>> => {
  const { distance, hour, weekday, origin, destination } = flight
  const { probabilities } = await runtime.run({
    distance: new RuntimeTensor("float32", [distance], [1, 1]),
    hour: new RuntimeTensor("int64", [BigInt(hour)], [1, 1]),
    weekday: new RuntimeTensor("int64", [BigInt(weekday)], [1, 1]),
    origin: new RuntimeTensor("string", [origin], [1, 1]),
    destination: new RuntimeTensor("string", [destination], [1, 1]),
  })
  return [...((await probabilities?.getData()) ?? [])].map(Number)
}

const FLIGHTS = 1_500
const sample = flights.slice(0, FLIGHTS)
const queued: ReadonlyArray<Sent> = sample.map((flight) =>
  messagePack("flights", { inputs: flightInputs(flight) }),
)
const wide = [1, 2, 3, 4].flatMap((width) =>
  Array.from({ length: 40 }, (_, at) =>
    messagePack("wide", { inputs: [fp32("x", [1, width], Array(width).fill(at + width / 8))] }),
  ),
)
const fixed = Array.from({ length: 50 }, (_, at) =>
  messagePack("fixed", { inputs: [fp32("x", [1, 3], [at, 2, 3])] }),
)
const wishes = [undefined, ["minus"], ["twice"], ["minus", "twice"]]
const wished = wishes.flatMap((outputs) =>
  Array.from({ length: 10 }, (_, at) => {
    const inputs = [fp32("x", [2, 2], [at, at + 1, at + 2, at + 3])]
    const request: InferenceRequest = outputs === undefined ? { inputs } : { inputs, outputs }
    return { ...messagePack("two.outputs", request), at, outputs }
  }),
)
await send(log, [...queued, ...wide, ...fixed, ...wished])
await system.predictor()
await queueEmpty(log)

const batchesOf = (
  facts: ReadonlyArray<StoredFact>,
): ReadonlyMap<string, ReadonlyArray<StoredFact>> =>
  Map.groupBy(facts, ({ fact }) => fact.batch?.id ?? "none")

test("what was queued is run in shared batches, each told by its facts", async () => {
  const facts = await singleFactsOf(log, queued)
  const batches = batchesOf(facts)
  expect(batches.has("none")).toBe(false)
  expect(batches.size).toBeLessThan(FLIGHTS / 4)
  for (const members of batches.values()) {
    const ordered = members.toSorted(
      (a, b) => (a.fact.batch?.offset ?? 0) - (b.fact.batch?.offset ?? 0),
    )
    const digest = membersDigest(ordered.map(({ fact }) => fact.id))
    let offset = 0
    for (const { fact } of ordered) {
      expect(fact.batch).toMatchObject({ rows: members.length, offset, size: 1, members: digest })
      offset += fact.batch?.size ?? 0
    }
  }
})

test("every answer is what the runtime gives for that row alone", async () => {
  const facts = await singleFactsOf(log, queued)
  for (const [at, { fact }] of facts.entries()) {
    const flight = sample[at]
    if (flight === undefined) throw new Error("fewer flights than facts")
    const wanted = await runAlone(flight)
    const found = floatsOf(fact.outputs?.find(({ name }) => name === "probabilities"))
    expect(found.length).toBe(wanted.length)
    for (const [index, number] of found.entries())
      expect(Math.abs(number - (wanted[index] ?? NaN))).toBeLessThanOrEqual(1e-6)
  }
})

test("requests of different shapes never share a run", async () => {
  const facts = await singleFactsOf(log, wide)
  const batches = batchesOf(facts)
  expect(batches.size).toBeLessThan(wide.length)
  for (const members of batches.values()) {
    const shapes = members.map(({ fact }) => fact.request?.inputs[0]?.shape[1])
    expect(new Set(shapes).size).toBe(1)
  }
  for (const { fact } of facts)
    expect(floatsOf(fact.outputs?.[0])).toEqual(floatsOf(fact.request?.inputs[0]))
})

test("a model with a fixed batch is run one by one", async () => {
  const facts = await singleFactsOf(log, fixed)
  expect(batchesOf(facts).size).toBe(fixed.length)
  for (const { fact } of facts) expect(fact.batch).toMatchObject({ rows: 1, offset: 0, size: 1 })
})

test("each request gets the outputs that it asked for, in its order", async () => {
  const facts = await singleFactsOf(log, wished)
  for (const [index, { fact }] of facts.entries()) {
    const { at, outputs = ["twice", "minus"] } = wished[index] ?? { at: 0 }
    const x = [at, at + 1, at + 2, at + 3]
    expect(fact.outputs?.map(({ name }) => name)).toEqual(outputs)
    for (const output of fact.outputs ?? [])
      expect(floatsOf(output)).toEqual(x.map((one) => (output.name === "twice" ? one * 2 : -one)))
  }
})

test("JSON and MessagePack are answered with bytes and position of their fact", async () => {
  const replies = listen(log)
  const [flight] = sample
  if (flight === undefined) throw new Error("no flights")
  const binary = messagePack("flights", { inputs: flightInputs(flight) })
  const body = {
    id: "the caller's own",
    inputs: [
      { name: "distance", datatype: "FP32", shape: [1, 1], data: [flight.distance] },
      { name: "hour", datatype: "INT64", shape: [1, 1], data: [flight.hour] },
      { name: "weekday", datatype: "INT64", shape: [1, 1], data: [flight.weekday] },
      { name: "origin", datatype: "BYTES", shape: [1, 1], data: [flight.origin] },
      { name: "destination", datatype: "BYTES", shape: [1, 1], data: [flight.destination] },
    ],
  }
  const text = json("flights", body)
  const both = [binary, text].map((sent) => ({
    ...sent,
    headers: [...(sent.headers ?? []), replies.header(sent.id)],
  }))
  await send(log, both)
  await until("both are answered", () => replies.size() === 2)
  const facts = await singleFactsOf(log, both)
  for (const [at, { id }] of both.entries()) {
    const [reply, ...more] = replies.of(id)
    expect(more).toEqual([])
    expect(
      Buffer.compare(reply?.data ?? new Uint8Array(), facts[at]?.bytes ?? new Uint8Array()),
    ).toBe(0)
    expect(reply?.headers?.get(POSITION)).toBe(String(facts[at]?.position))
    const last = await log.manager.streams.getMessage("PREDICTIONS", {
      last_by_subj: predictionSubject("flights", id),
    })
    const request = predictionCodec.decode(last.data).request
    expect(last.header.get(DIGEST)).toBe(
      requestDigest("flights", undefined, request ?? { inputs: [] }),
    )
  }
  expect(facts[0]?.fact.digest).toBe(facts[1]?.fact.digest ?? "none")
  expect(facts[1]?.fact.request?.clientId).toBe("the caller's own")
  await queueEmpty(log)
})
