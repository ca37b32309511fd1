// An ack is left out only where the fact tells the same soon; what is lost without one is noticed.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { ALL_REQUESTS } from "#proto/subjects"
import { MODEL, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"
import { Unacked } from "./unacked.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

const MILLIS = 30_000
const asked = (model = "m", more: { timeoutMillis?: number; isAsync?: boolean } = {}) => ({
  model,
  handling: {
    pinned: undefined,
    timeoutMillis: MILLIS,
    caller: undefined,
    requestId: undefined,
    traceparent: undefined,
    isAsync: false,
    ...more,
  },
})
const make = (replicas = 1, hasRoom: (...more: ReadonlyArray<number>) => boolean = () => true) =>
  new Unacked({ backlog: { state: { hasRoom } }, replicas, traces: undefined })

test("every request is acked until its model is known to be fast, and when it is late", () => {
  const unacked = make()
  const allowed = (model = "m") => unacked.allows(asked(model), 1, 1)
  expect(allowed()).toBe(false)
  unacked.answered("m", 3)
  expect([allowed(), allowed("other")]).toEqual([true, false])
  unacked.late("m")
  expect(allowed()).toBe(false)
  for (let answer = 0; answer < 100; answer++) unacked.answered("m", 3)
  for (let answer = 0; answer < 100; answer++) unacked.answered("other", 400)
  expect([allowed(), allowed("other")]).toEqual([true, false])
})

test("callers with little time or who fetch later, and a queue without room, get acks", () => {
  const unacked = make()
  unacked.answered("m", 3)
  expect(unacked.allows(asked("m", { timeoutMillis: 500 }), 1, 1)).toBe(false)
  expect(unacked.allows(asked("m", { isAsync: true }), 1, 1)).toBe(false)
  const rooms: Array<ReadonlyArray<number>> = []
  const full = make(1, (...more) => {
    rooms.push(more)
    return false
  })
  full.answered("m", 3)
  expect(full.allows(asked(), 7, 100)).toBe(false)
  expect(rooms).toEqual([[7, 700]])
})

test("a replicated log, which says full of what it holds as well, always acks", () => {
  const unacked = make(3)
  unacked.answered("m", 3)
  expect(unacked.allows(asked(), 1, 1)).toBe(false)
})

let system: TestSystem
let predictor: Awaited<ReturnType<TestSystem["startPredictor"]>>

beforeAll(async () => {
  system = await startTestSystem()
  predictor = await system.startPredictor()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

test("after some answers requests ask for no ack, and for one where nothing comes", async () => {
  const gateway = await system.startGateway()
  const ask = () =>
    fetch(`${gateway.url}/predict?model=${MODEL}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: ROWS,
    })
  const acked: Array<boolean> = []
  system.log.connection.subscribe(ALL_REQUESTS, {
    callback: (_, message) => acked.push((message.reply ?? "") !== ""),
  })
  await system.log.connection.flush()
  while (acked.at(-1) !== false) expect((await ask()).status).toBe(200)
  expect(acked[0]).toBe(true)
  // Nobody takes what is published now: the same request comes again, with an ack.
  await predictor.stop()
  const before = acked.length
  const late = ask()
  while (acked.length < before + 2) await system.log.connection.flush()
  expect(acked.slice(before, before + 2)).toEqual([false, true])
  await system.startPredictor()
  expect((await late).status).toBe(200)
  await gateway.stop()
})
