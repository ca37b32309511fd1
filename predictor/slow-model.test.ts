// A model whose run takes milliseconds a row: it runs in a worker thread, little is held, and what
// is held is not taken for lost however long the queue is.
import { afterAll, expect, test } from "bun:test"
import { TIMEOUT } from "../proto/headers.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import {
  floatsOf,
  messagePack,
  metricOf,
  queueEmpty,
  queueOf,
  send,
  singleFactsOf,
} from "./test-traffic.ts"
import { releaseSlow, SLOW, slowRows } from "./test-slow-model.ts"

const REQUESTS_SENT = 600
/** Far less than the queue takes. */
const REDELIVERY_MILLIS = 600

const system = await startSystem({
  limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [REDELIVERY_MILLIS] },
})
const { log } = system
afterAll(() => system.stop())
await releaseSlow(system)
const predictor = await system.predictor()

test("little is held of a long queue, and nothing of it is delivered twice", async () => {
  const sent = Array.from({ length: REQUESTS_SENT }, (_, at) => messagePack(SLOW, slowRows(1, at)))
  await send(log, sent)
  await until("the first batch is measured", async () => {
    const batches = await metricOf(predictor, "weir_predictor_batches_total")
    return batches >= 3
  })
  expect((await queueOf(log)).messages).toBeGreaterThan(100)
  expect(await metricOf(predictor, "weir_predictor_held_requests")).toBeLessThanOrEqual(256)
  await queueEmpty(log, 60_000)
  const facts = await singleFactsOf(log, sent)
  const begun = facts.map(({ fact }) => fact.times.begun ?? 0)
  const ended = facts.map(({ fact }) => fact.times.ended ?? 0)
  expect(Math.max(...ended) - Math.min(...begun)).toBeGreaterThan(REDELIVERY_MILLIS)
  for (const [at, { fact }] of facts.entries()) {
    expect(fact.batch?.ran).toBe("worker")
    for (const value of floatsOf(fact.outputs?.[0]))
      expect(Math.abs(value - at)).toBeLessThan(0.01 * at + 1e-6)
  }
  // The later batches are those of a predictor that knows how slow the model is.
  const late = facts.slice(-REQUESTS_SENT / 3).map(({ fact }) => fact.times.begun ?? 0)
  const taken = facts.slice(-REQUESTS_SENT / 3).map(({ fact }) => fact.times.taken)
  const waits = late.map((time, at) => time - (taken[at] ?? 0))
  expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(2_000)
  expect(await metricOf(predictor, "weir_predictor_redeliveries_total")).toBe(0)
}, 90_000)

test("what becomes late while it is held is not run", async () => {
  // Two runs are under way at most, and two of these do not fit into one.
  const large = Array.from({ length: 3 }, () => messagePack(SLOW, slowRows(300, 1)))
  const late = Array.from({ length: 5 }, () =>
    messagePack(SLOW, slowRows(1, 1), [[TIMEOUT, "300"]]),
  )
  await send(log, [...large, ...late])
  await queueEmpty(log, 60_000)
  for (const { fact } of await singleFactsOf(log, large)) expect(fact.failure).toBeUndefined()
  for (const { fact } of await singleFactsOf(log, late))
    expect(fact.failure?.reason).toBe("expired")
}, 90_000)
