// What a predictor says of what it served: numbers that can be added up.
import { expect, test } from "bun:test"
import type { Group } from "./batcher.ts"
import { ServedStatistics } from "./statistics.ts"
import { signatureOf } from "../core/registry/test-registry.ts"
import type { Work } from "./work.ts"

const NOTHING = () => undefined
const delivery = (storedAt: number): Work["delivery"] => ({
  subject: "",
  data: new Uint8Array(),
  headers: undefined,
  sequence: 1,
  storedAt,
  deliveries: 1,
  pending: 0,
  ack: NOTHING,
  nak: NOTHING,
  term: NOTHING,
  working: NOTHING,
  done: NOTHING,
})
const work = (storedAt: number): Work => ({
  delivery: delivery(storedAt),
  model: "m",
  id: "id",
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
  takenAt: storedAt,
  request: { inputs: [] },
  digest: "",
})
const chosen = { version: "1", digest: "a", signature: signatureOf("a"), signatureDigest: "a" }
const group = (rows: number, ...storedAt: ReadonlyArray<number>): Group => ({
  chosen,
  works: storedAt.map(work),
  rows,
  closed: "drained",
})
const times = { begun: 1_010, inputMicros: 5, inferMicros: 100, outputMicros: 7 }

test("the parts of a request's time add up to the whole, and rows to the batches", () => {
  const statistics = new ServedStatistics()
  statistics.ran("m", group(5, 1_000, 1_004), times)
  statistics.ran("m", group(5, 1_009), { ...times, begun: 1_011 })
  statistics.ran("m", group(1, 2_000), times)
  const [one, ...others] = statistics.view("m")
  expect(others).toEqual([])
  if (one === undefined) throw new Error("nothing was counted")
  expect(one.inferences).toBe(11)
  expect(one.executions).toBe(3)
  expect(one.success.count).toBe(4)
  expect(one.queue).toEqual({ count: 4, nanos: (10 + 6 + 2) * 1_000_000 })
  expect(one.infer).toEqual({ count: 4, nanos: 4 * 100_000 })
  expect(one.success.nanos).toBe(
    one.queue.nanos + one.input.nanos + one.infer.nanos + one.output.nanos,
  )
  expect(one.batches.map(({ rows, count }) => [rows, count])).toEqual([
    [1, 1],
    [5, 2],
  ])
  expect(one.batches.reduce((sum, { rows, count }) => sum + rows * count, 0)).toBe(one.inferences)
  expect(one.batches.reduce((sum, { count }) => sum + count, 0)).toBe(one.executions)
})

test("failures are counted with their time, and only where there was a version", () => {
  const statistics = new ServedStatistics()
  const failed = { received: work(1_000), reason: "model_error", message: "" } as const
  statistics.failed(failed, 1_003)
  expect(statistics.view(undefined)).toEqual([])
  statistics.failed({ ...failed, version: "2" }, 1_003)
  expect(statistics.view(undefined)[0]?.fail).toEqual({ count: 1, nanos: 3_000_000 })
  expect(statistics.view("another")).toEqual([])
})
