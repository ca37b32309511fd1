// Requests whose predictors die: the last delivery is not run, and what was parked by a death
// during it gets its end all the same, by advisory or by sweep.
import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { ELEMENT, identity } from "../core/inference/onnx-test-models.ts"
import { ADVISORIES } from "../proto/subjects.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import { dieWith, expectExhausted, park } from "./test-deaths.ts"
import {
  fp32,
  listen,
  messagePack,
  metricOf,
  queueEmpty,
  send,
  singleFactsOf,
  type Sent,
} from "./test-traffic.ts"

const DELIVERIES_MAX = 3
const system = await startSystem({
  limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [100, 200], deliveriesMax: DELIVERIES_MAX },
  environment: {
    WEIR_SWEEP_INTERVAL_MS: "100",
    WEIR_SWEEP_MARGIN_MS: "100",
    WEIR_HELD_MAX_MS: "1500",
    WEIR_RUN_MAX_MS: "1400",
  },
})
const { log } = system
afterAll(() => system.stop())
const file = join(system.nats.directory, "identity.onnx")
await Bun.write(file, identity(ELEMENT.FP32, ["N", 2]))
await system.release("same", "1", file)

const replies = listen(log)
const requests = (count: number): ReadonlyArray<Sent> =>
  Array.from({ length: count }, (_, at) => {
    const sent = messagePack("same", { inputs: [fp32("x", [1, 2], [at, 1])] })
    return { ...sent, headers: [replies.header(sent.id)] }
  })

test("the last delivery is not run: it ends as a dead letter and a failure fact", async () => {
  const sent = requests(30)
  await send(log, sent)
  await dieWith(
    log,
    (deliveries) => deliveries.filter((count) => count === 2).length === sent.length,
  )
  const predictor = await system.predictor()
  await queueEmpty(log)
  await expectExhausted(log, sent, replies, DELIVERIES_MAX)
  expect(await metricOf(predictor, "weir_predictor_batches_total")).toBe(0)
  expect(await metricOf(predictor, "weir_predictor_reaped_total")).toBe(0)
  expect(await predictor.stop()).toBe(0)
})

test("what a death during the last delivery parked is found by advisory", async () => {
  const sent = requests(40)
  await park(log, sent, DELIVERIES_MAX)
  await until("each was told of", async () => {
    const { num_pending: told } = await log.manager.consumers.info(ADVISORIES, "reaper")
    return told === sent.length
  })
  const predictor = await system.predictor()
  await queueEmpty(log)
  await expectExhausted(log, sent, replies, DELIVERIES_MAX)
  await until(
    "all are counted",
    async () => (await metricOf(predictor, "weir_predictor_reaped_total")) >= 40,
  )
  expect(await metricOf(predictor, "weir_predictor_reaped_total", 'by="advisory"')).toBe(40)
  expect(await predictor.stop()).toBe(0)
})

test("without the advisories it is found by sweep, and its id is free again", async () => {
  const sent = requests(40)
  await park(log, sent, DELIVERIES_MAX)
  await log.manager.streams.purge(ADVISORIES)
  const predictor = await system.predictor()
  await queueEmpty(log)
  await expectExhausted(log, sent, replies, DELIVERIES_MAX)
  await until(
    "all are counted",
    async () => (await metricOf(predictor, "weir_predictor_reaped_total")) >= 40,
  )
  expect(await metricOf(predictor, "weir_predictor_reaped_total", 'by="sweep"')).toBe(40)
  await send(log, sent.slice(0, 1))
  await queueEmpty(log)
  await singleFactsOf(log, sent)
  expect(await predictor.stop()).toBe(0)
})
