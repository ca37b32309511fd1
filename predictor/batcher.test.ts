// How what waits is put together for a run.
import { expect, test } from "bun:test"
import type { ServingConfig } from "../proto/serving-config.ts"
import type { Signature } from "../proto/signature.ts"
import type { Tensor } from "../proto/tensor.ts"
import { BATCH_BYTES_MAX, Batcher, type ChosenVersion } from "./batcher.ts"
import { fp32 } from "./test-traffic.ts"
import type { Work } from "./work.ts"

const signature = (outputWidth: number): Signature => ({
  task: "other",
  batching: true,
  features: [],
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, -1] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [-1, outputWidth] }],
})
const chosen = (version = "1", outputWidth = 1): ChosenVersion => ({
  version,
  digest: version,
  signature: signature(outputWidth),
  signatureDigest: "",
})
const nothing = () => undefined
let ids = 0
const work = (...inputs: ReadonlyArray<Tensor>): Work => ({
  delivery: {
    subject: "",
    data: new Uint8Array(),
    headers: undefined,
    sequence: ids,
    deliveries: 1,
    storedAt: 0,
    pending: 0,
    ack: nothing,
    nak: nothing,
    term: nothing,
    done: nothing,
    working: nothing,
  },
  model: "m",
  id: `${ids++}`,
  named: true,
  handling: {
    pinned: undefined,
    timeoutMillis: 1,
    keyed: false,
    reply: undefined,
    contentType: "",
    digest: undefined,
    caller: undefined,
    requestId: undefined,
    traceparent: undefined,
    retryOf: undefined,
    problem: undefined,
  },
  takenAt: 0,
  request: { inputs },
  digest: "",
})
const row = (width = 2) => work(fp32("x", [1, width], Array(width).fill(0)))
const rowsMax = () => 512
const sizes = (batcher: Batcher, most = rowsMax) => {
  const found: Array<number> = []
  for (let group = batcher.next(most); group !== undefined; group = batcher.next(most))
    found.push(group.works.length)
  return found
}

test("what came first is first, and a full batch leaves the rest at the end of the line", () => {
  const batcher = new Batcher()
  for (let at = 0; at < 5; at++) batcher.add(row(2), chosen())
  batcher.add(row(3), chosen())
  const closed = [0, 1, 2].map(() => batcher.next(() => 4)?.closed)
  expect(closed).toEqual(["full", "drained", "drained"])
  expect(batcher.size).toBe(0)
})

test("shapes and versions are never mixed", () => {
  const batcher = new Batcher()
  for (let at = 0; at < 12; at++) batcher.add(row(1 + (at % 3)), chosen(String(at % 2)))
  expect(sizes(batcher)).toEqual([2, 2, 2, 2, 2, 2])
})

test("a run takes no more bytes than it may, but always one request", () => {
  const batcher = new Batcher()
  const large = new Uint8Array(BATCH_BYTES_MAX / 2)
  const wide: Tensor = {
    name: "x",
    datatype: "FP32",
    shape: [1, large.byteLength / 4],
    data: large,
  }
  for (let at = 0; at < 5; at++) batcher.add(work(wide), chosen())
  expect(sizes(batcher)).toEqual([2, 2, 1])
  const huge = new Uint8Array(BATCH_BYTES_MAX + 4)
  batcher.add(work({ ...wide, shape: [1, huge.byteLength / 4], data: huge }), chosen())
  expect(sizes(batcher)).toEqual([1])
})

test("outputs of a known size bound the rows of a batch", () => {
  const batcher = new Batcher()
  for (let at = 0; at < 10; at++) batcher.add(row(), chosen("1", BATCH_BYTES_MAX / 16))
  expect(sizes(batcher)).toEqual([4, 4, 2])
})

test("what is cleared is handed out once", () => {
  const batcher = new Batcher()
  for (let at = 0; at < 3; at++) batcher.add(row(at + 1), chosen())
  expect(batcher.clear().length).toBe(3)
  expect([batcher.size, batcher.next(rowsMax)]).toEqual([0, undefined])
})

const configured = (config: ServingConfig): ChosenVersion => ({ ...chosen(), config })

test("a configured size bounds the rows of a run, and 0 runs every request alone", () => {
  for (const [maxBatchSize, expected] of [
    [2, [2, 2, 1]],
    [0, [1, 1, 1, 1, 1]],
  ] as const) {
    const batcher = new Batcher()
    for (let at = 0; at < 5; at++) batcher.add(row(), configured({ maxBatchSize }))
    expect(sizes(batcher)).toEqual([...expected])
  }
})

test("a group waits for others for as long as its model says, and not when it is full", () => {
  let now = 1_000
  const batcher = new Batcher(() => now)
  const patient = configured({ queueDelayMicros: 5_000, maxBatchSize: 4 })
  batcher.add(row(), patient)
  expect([batcher.next(rowsMax), batcher.waitMillis]).toEqual([undefined, 5])
  now += 4
  expect([batcher.next(rowsMax), batcher.waitMillis]).toEqual([undefined, 1])
  batcher.add(row(3), chosen("2"))
  // What does not wait is not kept by what does.
  expect(batcher.next(rowsMax)?.chosen.version).toBe("2")
  for (let at = 0; at < 4; at++) batcher.add(row(), patient)
  expect(batcher.next(rowsMax)?.works.length).toBe(4)
  expect(batcher.next(rowsMax)?.works.length).toBe(1)
  expect([batcher.size, batcher.waitMillis]).toEqual([0, undefined])
  batcher.add(row(), patient)
  now += 5
  expect(batcher.next(rowsMax)?.works.length).toBe(1)
})

test("a preferred size ends the wait, and is what the run is cut at", () => {
  const batcher = new Batcher(() => 0)
  const config = { queueDelayMicros: 5_000, preferredBatchSizes: [4, 8] }
  for (let at = 0; at < 3; at++) batcher.add(row(), configured(config))
  expect(batcher.next(rowsMax)).toBeUndefined()
  for (let at = 0; at < 3; at++) batcher.add(row(), configured(config))
  expect(batcher.next(rowsMax)?.works.length).toBe(4)
})

const urgent = (priority: number | undefined): Work => {
  const made = row()
  return priority === undefined
    ? made
    : { ...made, request: { ...made.request, parameters: { priority } } }
}
const order = (batcher: Batcher) => {
  const found: Array<unknown> = []
  for (let group = batcher.next(() => 2); group !== undefined; group = batcher.next(() => 2))
    found.push(...group.works.map(({ request }) => request.parameters?.["priority"]))
  return found
}
const ASKED = [3, undefined, 1, 2, 9, 1]

test("the highest priority is first, and one that there is not counts as the default", () => {
  const levels = { priorityLevels: 3, defaultPriority: 2 }
  for (const config of [levels, { ...levels, maxBatchSize: 0 }]) {
    const batcher = new Batcher()
    for (const priority of ASKED) batcher.add(urgent(priority), configured(config))
    expect(order(batcher)).toEqual([1, 1, undefined, 2, 9, 3])
  }
})

test("without levels priorities have no effect", () => {
  const batcher = new Batcher()
  for (const priority of ASKED) batcher.add(urgent(priority), chosen())
  expect(order(batcher)).toEqual(ASKED)
})
