// A sweep at its highest rate under load: the parked requests get their end, and no live one is
// touched.
import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { ELEMENT, identity } from "../core/inference/onnx-test-models.ts"
import { ADVISORIES } from "../proto/subjects.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import { expectExhausted, park } from "./test-deaths.ts"
import {
  deadLettersOf,
  floatsOf,
  fp32,
  listen,
  messagePack,
  metricOf,
  queueEmpty,
  queueOf,
  send,
  singleFactsOf,
  type Sent,
} from "./test-traffic.ts"

const DELIVERIES_MAX = 5
const WAVE = 300
const WAVES_MIN = 10
const WAVES_MAX = 200

const system = await startSystem({
  limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [500], deliveriesMax: DELIVERIES_MAX },
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

test("with a sweep every 100 ms under load, no live request is touched", async () => {
  const parked = requests(5)
  await park(log, parked, DELIVERIES_MAX)
  await log.manager.streams.purge(ADVISORIES)
  const before = (await deadLettersOf(log)).size
  const predictors = [await system.predictor(), await system.predictor()]
  const live: Array<Sent> = []
  const reaped = async () => {
    const counts = predictors.map((one) => metricOf(one, "weir_predictor_reaped_total"))
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
  }
  // Load goes on until the sweep has found its time, and no longer than this.
  for (let wave = 0; wave < WAVES_MAX; wave++) {
    const more = requests(WAVE)
    live.push(...more)
    await send(log, more)
    await until("most of it is done", async () => (await queueOf(log)).messages < 2 * WAVE)
    if (wave >= WAVES_MIN && (await reaped()) >= parked.length) break
  }
  await queueEmpty(log)
  await expectExhausted(log, parked, replies, DELIVERIES_MAX)
  expect((await deadLettersOf(log)).size - before).toBe(parked.length)
  for (const [at, { fact }] of (await singleFactsOf(log, live)).entries()) {
    expect(fact.failure).toBeUndefined()
    expect(floatsOf(fact.outputs?.[0])).toEqual([at % WAVE, 1])
  }
  // Two predictors may find the same one at the same moment; its dead letter and its fact are one.
  const found = await reaped()
  expect(found).toBeGreaterThanOrEqual(parked.length)
  expect(found).toBeLessThanOrEqual(parked.length * predictors.length)
}, 90_000)
