// Predictors that end under load, by request and by force: nothing is lost, nothing is done twice.
import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { ELEMENT, floats, model, node, value } from "../core/inference/onnx-test-models.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import type { RunningService } from "../test/support/service.ts"
import { until } from "../test/support/eventually.ts"
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

const WIDTH = 256
/**
 * Half a millisecond of a run or so, one by one: there is always something begun, and something
 * that is not.
 */
const MATRICES = 20
/** Long enough for a machine that stands still for a while. */
const REDELIVERY_MILLIS = 3_000
const REQUESTS_SENT = 1_500

const system = await startSystem({
  limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [REDELIVERY_MILLIS] },
})
const { log } = system
afterAll(() => system.stop())
const file = join(system.nats.directory, "multiplied.onnx")
await Bun.write(
  file,
  model(
    ...Array.from({ length: MATRICES }, (_, at) =>
      node("MatMul", [at === 0 ? "x" : `x${at}`, "w"], [at + 1 === MATRICES ? "y" : `x${at + 1}`]),
    ),
    floats("w", [WIDTH, WIDTH], new Float32Array(WIDTH * WIDTH).fill(1 / WIDTH)),
    value(11, "x", ELEMENT.FP32, [1, WIDTH]),
    value(12, "y", ELEMENT.FP32, [1, WIDTH]),
  ),
)
await system.release("slow", "1", file)

const replies = listen(log)
const requests = (count: number): ReadonlyArray<Sent> =>
  Array.from({ length: count }, (_, at) => {
    const sent = messagePack("slow", { inputs: [fp32("x", [1, WIDTH], Array(WIDTH).fill(at))] })
    return { ...sent, headers: [replies.header(sent.id)] }
  })

/**
 * Sends all, and resolves when some are done, most are not, and this one holds some that it has not
 * begun.
 */
const underWay = async (sent: ReadonlyArray<Sent>, holder: RunningService): Promise<void> => {
  await send(log, sent)
  await until(
    "it is under way",
    () => sent.filter(({ id }) => replies.of(id).length > 0).length >= 50,
  )
  await until(
    "it holds some",
    async () => (await metricOf(holder, "weir_predictor_held_requests")) > 5,
  )
  expect((await queueOf(log)).messages).toBeGreaterThan(100)
}

const expectAllPredicted = async (sent: ReadonlyArray<Sent>): Promise<void> => {
  await queueEmpty(log, 60_000)
  for (const [at, { fact }] of (await singleFactsOf(log, sent)).entries()) {
    expect(fact.failure).toBeUndefined()
    // Each value is the mean of equal values.
    for (const value of floatsOf(fact.outputs?.[0]))
      expect(Math.abs(value - at)).toBeLessThan(0.01 * at + 1e-6)
  }
  expect((await deadLettersOf(log)).size).toBe(0)
}

const pair = (): Promise<readonly [RunningService, RunningService]> =>
  Promise.all([system.predictor(), system.predictor()])

test("told to stop, it finishes what it began and hands the rest to the other", async () => {
  const [stopped, other] = await pair()
  const sent = requests(REQUESTS_SENT)
  await underWay(sent, stopped)
  expect(await stopped.stop()).toBe(0)
  await expectAllPredicted(sent)
  // Had anything finished been delivered again, it would have met its own fact.
  expect(await metricOf(other, "weir_predictor_facts_existed_total")).toBe(0)
  const facts = await singleFactsOf(log, sent)
  const handedBack = facts.filter(({ fact }) => fact.deliveries > 1)
  expect(handedBack.length).toBeGreaterThan(0)
  expect(Math.max(...handedBack.map(({ fact }) => fact.deliveries))).toBe(2)
  expect(await metricOf(other, "weir_predictor_redeliveries_total")).toBe(handedBack.length)
  for (const { id } of sent) expect(replies.of(id).length).toBe(1)
  expect(await other.stop()).toBe(0)
}, 90_000)

test("a predictor that is killed leaves exactly one fact of each request", async () => {
  const [killed, other] = await pair()
  const sent = requests(REQUESTS_SENT)
  await underWay(sent, killed)
  await killed.kill()
  await expectAllPredicted(sent)
  expect(await metricOf(other, "weir_predictor_redeliveries_total")).toBeGreaterThan(0)
  const again = sent.slice(0, 20)
  const before = await singleFactsOf(log, again)
  const counts = again.map(({ id }) => replies.of(id).length)
  await send(log, again)
  await until("all are answered once more", () =>
    again.every(({ id }, at) => replies.of(id).length > (counts[at] ?? 0)),
  )
  await queueEmpty(log)
  const after = await singleFactsOf(log, again)
  expect(after.map(({ position }) => position)).toEqual(before.map(({ position }) => position))
  for (const [at, { id }] of again.entries())
    for (const reply of replies.of(id))
      expect(Buffer.compare(reply.data, before[at]?.bytes ?? new Uint8Array())).toBe(0)
  expect(await metricOf(other, "weir_predictor_facts_existed_total")).toBeGreaterThanOrEqual(20)
  expect(await other.stop()).toBe(0)
}, 90_000)

test("a server that is killed under load costs no request its one fact", async () => {
  const [one, other] = await pair()
  const sent = requests(REQUESTS_SENT)
  await underWay(sent, one)
  await system.nats.restart("kill")
  await expectAllPredicted(sent)
  expect(await Promise.all([one.stop(), other.stop()])).toEqual([0, 0])
}, 90_000)
