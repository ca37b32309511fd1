// An ack is left out only where the fact tells the same soon; what is lost without one is noticed.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { ALL_REQUESTS } from "#proto/subjects"
import { MODEL, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"
import { Unacked } from "./unacked.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

const roomy = { hasRoom: () => true }
const PATIENT_MILLIS = 30_000

test("every request is acked until answers are known to be fast, and when one is late", () => {
  const unacked = new Unacked(roomy)
  const allowed = () => unacked.allows(PATIENT_MILLIS, 1, 1)
  expect(allowed()).toBe(false)
  unacked.answered(3)
  expect(allowed()).toBe(true)
  unacked.late()
  expect(allowed()).toBe(false)
  for (let answer = 0; answer < 100; answer++) unacked.answered(3)
  expect(allowed()).toBe(true)
  for (let answer = 0; answer < 100; answer++) unacked.answered(400)
  expect(allowed()).toBe(false)
})

test("callers with little time and a queue without room get acks", () => {
  const unacked = new Unacked(roomy)
  unacked.answered(3)
  expect(unacked.allows(500, 1, 1)).toBe(false)
  const asked: Array<ReadonlyArray<number>> = []
  const full = new Unacked({
    hasRoom: (...more) => {
      asked.push(more)
      return false
    },
  })
  full.answered(3)
  expect(full.allows(PATIENT_MILLIS, 7, 100)).toBe(false)
  expect(asked).toEqual([[7, 700]])
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
