// Beside the queue go only requests whose fact comes soon and whose caller waits for it; where
// nothing comes, they are queued.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { ALL_FAST, ALL_REQUESTS, requestSubject } from "#proto/subjects"
import { until } from "../../test/support/eventually.ts"
import {
  ask,
  MODEL,
  post,
  ROWS,
  startTestSystem,
  type TestGateway,
  type TestPredictor,
  type TestSystem,
} from "../test-system.ts"
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
  lane.send("id", prepared, inFlight, undefined) !== undefined

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
  const first = lane.send("id", large, 7, undefined)
  expect([sends(lane, large, 8), sends(lane, large, 9)]).toEqual([true, false])
  first?.end()
  first?.end()
  expect([sends(lane, large), sends(lane, large)]).toEqual([true, false])
  expect(rooms.slice(0, 2)).toEqual([
    [7, 6 * MIB],
    [8, 12 * MIB],
  ])
})

/** More than twice what is in flight here. */
const QUEUE_MAX = 8
let system: TestSystem
let predictor: TestPredictor
let gateway: TestGateway

beforeAll(async () => {
  system = await startTestSystem({ WEIR_REQUESTS_MAX_MESSAGES: String(QUEUE_MAX) })
  predictor = await system.startPredictor()
  gateway = await system.startGateway()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const predict = (timeoutMillis = TIMEOUT_MILLIS) =>
  post(`${gateway.url}/predict`, ROWS, { "weir-timeout-ms": `${timeoutMillis}` })

/** Each request's way and id as it is seen, `fast` or `request`. */
const watchWays = async () => {
  const ways: Array<string> = []
  for (const subject of [ALL_FAST, ALL_REQUESTS])
    system.log.connection.subscribe(subject, {
      callback: (_, message) => {
        const [, way = "", , id = ""] = message.subject.split(".")
        ways.push(`${way} ${id}`)
      },
    })
  await system.log.connection.flush()
  return ways
}

/** Resolves when requests go beside the queue. */
const openLane = async (ways: ReadonlyArray<string>) => {
  do expect((await predict()).status).toBe(200)
  while (ways.at(-1)?.startsWith("fast") !== true)
}

const metric = async (name: string) => {
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  const line = text.split("\n").find((one) => one.startsWith(`${name} `))
  return Number(line?.split(" ")[1] ?? 0)
}

test("after some answers requests go beside the queue; where nothing comes, into it", async () => {
  const ways = await watchWays()
  await openLane(ways)
  expect(ways[0]).toStartWith("request")
  // Nobody takes what is sent now: the same request is queued.
  await predictor.stop()
  const before = ways.length
  const late = predict()
  while (ways.length < before + 2) await system.log.connection.flush()
  const [first = "", second = ""] = ways.slice(before)
  expect(first).toStartWith("fast")
  expect(second).toBe(first.replace("fast", "request"))
  predictor = await system.startPredictor()
  const answer = await late
  expect(answer.status).toBe(200)
  expect(answer.headers.get("weir-id")).toBe(first.split(" ")[1] ?? "")
  expect(await metric("weir_gateway_fast_requests_late_total")).toBe(1)
})

test("what lay beside the queue while a predictor stood still is not run after all", async () => {
  await openLane(await watchWays())
  predictor.pause()
  const late = await predict(1_000)
  expect([late.status, late.json["code"]]).toEqual([504, "timed_out"])
  const id = late.headers.get("weir-id") ?? ""
  const { seen } = await system.listenFor(id)
  predictor.resume()
  await seen
  const found = await ask(`${gateway.url}/v2/models/${MODEL}/predictions/${id}`)
  expect([found.status, found.json["code"]]).toEqual([504, "expired"])
})

test("a queue that becomes full does not refuse what may be answered beside it", async () => {
  const ways = await watchWays()
  await openLane(ways)
  predictor.pause()
  const before = ways.length
  const late = predict()
  while (ways.length === before) await system.log.connection.flush()
  const body = new TextEncoder().encode(ROWS)
  const filled = Array.from({ length: QUEUE_MAX }, (_, at) =>
    system.log.publisher.publish(requestSubject(MODEL, `filler-${at}`), body),
  )
  expect((await Promise.all(filled)).map(({ kind }) => kind)).toContain("stored")
  await until("the log says that it is full", async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    return text.includes('weir_gateway_publish_refusals_total{kind="full"}')
  })
  predictor.resume()
  expect((await late).status).toBe(200)
})
