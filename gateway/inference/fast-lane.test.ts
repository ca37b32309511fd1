// Beside the queue go only requests whose fact comes soon and whose caller waits for it; where
// nothing comes, they are queued.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { ALL_FAST, ALL_REQUESTS } from "#proto/subjects"
import { MODEL, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"
import { FastLane, type FastLaneOptions } from "./fast-lane.ts"
import type { Prepared } from "./prepare.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

const MIB = 1024 * 1024
const TIMEOUT_MILLIS = 30_000
const HANDLING: Prepared["handling"] = {
  pinned: undefined,
  timeoutMillis: TIMEOUT_MILLIS,
  caller: undefined,
  requestId: undefined,
  traceparent: undefined,
  isAsync: false,
}
const asked = (
  model = "m",
  bytes = 10,
  handling: Partial<Prepared["handling"]> = {},
): Prepared => ({
  kind: "prepared",
  model,
  payload: new Uint8Array(bytes),
  digest: "",
  handling: { ...HANDLING, ...handling },
  refused: undefined,
  answer: undefined,
  form: undefined,
})
/** A lane whose messages go nowhere. */
const make = (options: Partial<FastLaneOptions> = {}) =>
  new FastLane({
    log: { publisher: { send: () => true } },
    backlog: { state: { hasRoom: () => true } },
    metrics: { sentFast: () => undefined, fastLate: () => undefined },
    traces: undefined,
    replicas: 1,
    fastLane: true,
    ...options,
  })
const sends = (lane: FastLane, prepared = asked(), inFlight = 1) =>
  lane.send("id", prepared, inFlight, undefined)

test("a request is queued until its model is known to be fast, and when it is late", () => {
  const lane = make()
  expect(sends(lane)).toBe(false)
  lane.answered("m", 3)
  expect([sends(lane), sends(lane, asked("other"))]).toEqual([true, false])
  lane.late("m")
  expect(sends(lane)).toBe(false)
  for (let answer = 0; answer < 100; answer++) lane.answered("m", 3)
  for (let answer = 0; answer < 100; answer++) lane.answered("other", 400)
  expect([sends(lane), sends(lane, asked("other"))]).toEqual([true, false])
})

test("callers with little time or who fetch later are queued, and all where it is so set", () => {
  const fast = (lane: FastLane, prepared = asked()) => {
    lane.answered("m", 3)
    return sends(lane, prepared)
  }
  expect(fast(make())).toBe(true)
  expect(fast(make(), asked("m", 10, { timeoutMillis: 500 }))).toBe(false)
  expect(fast(make(), asked("m", 10, { isAsync: true }))).toBe(false)
  expect(fast(make({ replicas: 3 }))).toBe(false)
  expect(fast(make({ fastLane: false }))).toBe(false)
  expect(fast(make({ log: { publisher: { send: () => false } } }))).toBe(false)
})

test("what is beside the queue is bounded in bytes, and fits into the queue", () => {
  const rooms: Array<ReadonlyArray<number>> = []
  const state = {
    hasRoom: (...more: readonly [number, number]) => {
      rooms.push(more)
      return more[1] < 16 * MIB
    },
  }
  const lane = make({ backlog: { state } })
  lane.answered("m", 3)
  const large = asked("m", 6 * MIB)
  expect([sends(lane, large, 7), sends(lane, large, 8), sends(lane, large, 9)]).toEqual([
    true,
    true,
    false,
  ])
  lane.ended(large)
  expect(sends(lane, large)).toBe(true)
  expect(rooms.slice(0, 2)).toEqual([
    [7, 6 * MIB],
    [8, 12 * MIB],
  ])
})

let system: TestSystem
let predictor: Awaited<ReturnType<TestSystem["startPredictor"]>>

beforeAll(async () => {
  system = await startTestSystem()
  predictor = await system.startPredictor()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

test("after some answers requests go beside the queue; where nothing comes, into it", async () => {
  const gateway = await system.startGateway()
  const ask = () =>
    fetch(`${gateway.url}/predict?model=${MODEL}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: ROWS,
    })
  const ways: Array<string> = []
  for (const subject of [ALL_FAST, ALL_REQUESTS])
    system.log.connection.subscribe(subject, {
      callback: (_, message) => ways.push(message.subject.split(".").slice(1).join(" ")),
    })
  await system.log.connection.flush()
  while (ways.at(-1)?.startsWith("fast") !== true) expect((await ask()).status).toBe(200)
  expect(ways[0]).toStartWith("request")
  // Nobody takes what is sent now: the same request is queued.
  await predictor.stop()
  const before = ways.length
  const late = ask()
  while (ways.length < before + 2) await system.log.connection.flush()
  const [first = "", second = ""] = ways.slice(before)
  expect(first).toStartWith("fast")
  expect(second).toBe(first.replace("fast", "request"))
  await system.startPredictor()
  const answer = await late
  expect(answer.status).toBe(200)
  expect(answer.headers.get("Weir-Id")).toBe(first.split(" ")[2] ?? "")
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  expect(metrics).toContain("weir_gateway_fast_requests_late_total 1\n")
  await gateway.stop()
})
