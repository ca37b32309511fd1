// Requests that come beside the queue, and what becomes of them where this process does not begin
// or end them.
import { afterAll, expect, test } from "bun:test"
import { ALL_REQUESTS } from "../proto/subjects.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import {
  deadLettersOf,
  holds,
  messagePack,
  metricOf,
  queueEmpty,
  queueOf,
  send,
  sendFast,
  singleFactsOf,
  takeFast,
  type Sent,
} from "./test-traffic.ts"
import {
  failingRows,
  releaseSlow,
  releaseSlowLookup,
  SLOW,
  SLOW_LOOKUP,
  slowRows,
} from "./test-slow-model.ts"

const LONG_ROWS = 100
const VERY_LONG_ROWS = 400
const WAITING = 10
/** Of each of many requests, so that what is held does not fit into the runs that are begun. */
const SOME_ROWS = 16
const REDELIVERY_MILLIS = 30_000

const system = await startSystem({
  limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [REDELIVERY_MILLIS] },
})
const { log } = system
afterAll(() => system.stop())
await releaseSlow(system)
await releaseSlowLookup(system)

const requests = (count: number, rows = 1): ReadonlyArray<Sent> =>
  Array.from({ length: count }, (_, at) => messagePack(SLOW, slowRows(rows, at)))
const queued: Array<string> = []
log.connection.subscribe(ALL_REQUESTS, {
  callback: (_, { subject }) => queued.push(subject.split(".")[3] ?? ""),
})
const factsOf = (sent: ReadonlyArray<Sent>) =>
  until("all have a fact", async () => {
    const facts = await singleFactsOf(log, sent).catch(() => [])
    return facts.length === sent.length ? facts : undefined
  })

test("a request that comes beside the queue gets its fact, and was never queued", async () => {
  const predictor = await system.predictor()
  const sent = requests(3)
  await sendFast(log, sent)
  for (const { fact } of await factsOf(sent)) expect(fact.failure).toBeUndefined()
  expect(queued).toEqual([])
  expect(await metricOf(predictor, "weir_predictor_held_requests")).toBe(0)
  await predictor.stop()
}, 60_000)

test("what is queued as well while it is held is run once, and leaves the queue", async () => {
  const predictor = await system.predictor()
  const sent = requests(2, LONG_ROWS)
  await sendFast(log, sent)
  await send(log, sent)
  await queueEmpty(log, 60_000)
  await factsOf(sent)
  expect(await metricOf(predictor, "weir_predictor_facts_existed_total")).toBe(0)
  const batches = await metricOf(predictor, "weir_predictor_batch_rows_sum")
  expect(batches).toBe(2 * LONG_ROWS)
  await predictor.stop()
}, 60_000)

test("more than may be held, and what a stopping process has not begun, is queued", async () => {
  const predictor = await system.predictor()
  const sent = requests(200, SOME_ROWS)
  queued.length = 0
  await sendFast(log, sent)
  await until("the limit is reached", async () => queued.length > 0)
  const before = queued.length
  await predictor.stop()
  expect(queued.length).toBeGreaterThan(before)
  const other = await system.predictor()
  await queueEmpty(log, 60_000)
  await factsOf(sent)
  await other.stop()
}, 90_000)

test("what was not begun is handed back to the queue that it came from as well", async () => {
  const stopping = await system.predictor({ WEIR_WORKERS: "1" })
  // One runs, and one waits for its end in the worker: nothing else is begun meanwhile.
  const begun = [...requests(1, VERY_LONG_ROWS), ...requests(1, LONG_ROWS)]
  for (const [at, one] of begun.entries()) {
    await takeFast(log, stopping, [one], at + 1)
  }
  const waiting = requests(WAITING)
  queued.length = 0
  await takeFast(log, stopping, waiting, 2 + WAITING)
  await send(log, waiting)
  await holds(stopping, 2 + 2 * WAITING)
  await stopping.stop()
  expect((await factsOf(begun)).length).toBe(2)
  expect((await queueOf(log)).messages).toBe(WAITING)
  const other = await system.predictor()
  await queueEmpty(log, REDELIVERY_MILLIS / 2)
  for (const { fact } of await factsOf(waiting)) {
    expect(fact.failure).toBeUndefined()
    expect(fact.deliveries).toBe(2)
  }
  expect(queued.length).toBe(WAITING)
  await other.stop()
}, 90_000)

test("what fails when it has come from the queue as well leaves the queue", async () => {
  const predictor = await system.predictor()
  const failing = messagePack(SLOW_LOOKUP, failingRows(VERY_LONG_ROWS))
  await takeFast(log, predictor, [failing])
  await send(log, [failing])
  await holds(predictor, 2)
  await queueEmpty(log, REDELIVERY_MILLIS / 2)
  const [stored] = await singleFactsOf(log, [failing])
  expect(stored?.fact.failure?.reason).toBe("model_error")
  expect([...(await deadLettersOf(log)).keys()]).toEqual([failing.id])
  expect(await metricOf(predictor, "ml_model_errors_total")).toBe(1)
  await holds(predictor, 0)
  await predictor.stop()
}, 60_000)

test("what is no request of ours is left alone", async () => {
  const predictor = await system.predictor()
  for (const subject of ["weir.fast.slow.$", "weir.fast.*.x"]) log.connection.publish(subject, "x")
  const sent = requests(1)
  await sendFast(log, sent)
  await factsOf(sent)
  expect(await metricOf(predictor, "ml_model_errors_total")).toBe(0)
}, 60_000)
