// Requests that come beside the queue, and what becomes of them where this process does not begin
// or end them.
import { afterAll, expect, test } from "bun:test"
import { ALL_REQUESTS, fastSubject } from "../proto/subjects.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import {
  messagePack,
  metricOf,
  queueEmpty,
  send,
  singleFactsOf,
  type Sent,
} from "./test-traffic.ts"
import { releaseSlow, SLOW, slowRows } from "./test-slow-model.ts"

const LONG_ROWS = 100
/** Of each of many requests, so that what is held does not fit into the runs that are begun. */
const SOME_ROWS = 16
const REDELIVERY_MILLIS = 30_000

const system = await startSystem({
  limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [REDELIVERY_MILLIS] },
})
const { log } = system
afterAll(() => system.stop())
await releaseSlow(system)

const requests = (count: number, rows = 1): ReadonlyArray<Sent> =>
  Array.from({ length: count }, (_, at) => messagePack(SLOW, slowRows(rows, at)))
const sendFast = async (sent: ReadonlyArray<Sent>): Promise<void> => {
  for (const { model, id, payload, headers } of sent)
    expect(log.publisher.send(fastSubject(model, id), payload, headers)).toBe(true)
  log.outbox.flush()
  await log.connection.flush()
}
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
  await sendFast(sent)
  for (const { fact } of await factsOf(sent)) expect(fact.failure).toBeUndefined()
  expect(queued).toEqual([])
  expect(await metricOf(predictor, "weir_predictor_held_requests")).toBe(0)
  await predictor.stop()
}, 60_000)

test("what is queued as well while it is held is run once, and leaves the queue", async () => {
  const predictor = await system.predictor()
  const sent = requests(2, LONG_ROWS)
  await sendFast(sent)
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
  await sendFast(sent)
  await until("the limit is reached", async () => queued.length > 0)
  const before = queued.length
  await predictor.stop()
  expect(queued.length).toBeGreaterThan(before)
  await system.predictor()
  await queueEmpty(log, 60_000)
  await factsOf(sent)
}, 90_000)

test("what is no request of ours is left alone", async () => {
  const predictor = await system.predictor()
  for (const subject of ["weir.fast.slow.$", "weir.fast.*.x"]) log.connection.publish(subject, "x")
  const sent = requests(1)
  await sendFast(sent)
  await factsOf(sent)
  expect(await metricOf(predictor, "ml_model_errors_total")).toBe(0)
}, 60_000)
