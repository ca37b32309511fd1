// How what waits is put together for a run.
import { expect, test } from "bun:test"
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
