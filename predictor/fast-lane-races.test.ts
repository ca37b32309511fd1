// Two predictors with the same request: the first has it from beside the queue and is slow, so its
// sender queued it, and the second has it from there. Whoever ends it first, and however, it ends
// once.
import { afterAll, afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { looping } from "../core/inference/onnx-test-models.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import type { RunningService } from "../test/support/service.ts"
import { until } from "../test/support/eventually.ts"
import {
  deadLettersOf,
  factsOf,
  int64,
  listen,
  messagePack,
  metricOf,
  queueEmpty,
  queueOf,
  send,
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

/** Most of a second: as long as it takes to see that it is held. */
const LONG_ROWS = 200
/** Of a predictor that gives a run of so many turns up, which take seconds. */
const RUN_MAX_MILLIS = 1_500
const TURNS = 5_000_000
setDefaultTimeout(90_000)

// What is not acknowledged stays in the queue for the whole test.
const system = await startSystem({
  limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [60_000] },
  environment: { WEIR_WORKERS: "1", WEIR_INLINE_MAX_US: "0" },
})
const { log } = system
afterAll(() => system.stop())
await releaseSlow(system)
await releaseSlowLookup(system)
const loop = join(system.nats.directory, "loop.onnx")
await Bun.write(loop, looping)
await system.release("loop", "1", loop)
const replies = listen(log)

const answered = (sent: Sent): Sent => ({ ...sent, headers: [replies.header(sent.id)] })
const slow = (rows = LONG_ROWS): Sent => answered(messagePack(SLOW, slowRows(rows, 1)))
const tooLong = (): Sent => answered(messagePack("loop", { inputs: [int64("n", [1], [TURNS])] }))

const frozen = new Set<RunningService>()
const freeze = (service: RunningService): void => {
  process.kill(service.pid, "SIGSTOP")
  frozen.add(service)
}
const thaw = (service: RunningService): void => {
  if (frozen.delete(service)) process.kill(service.pid, "SIGCONT")
}

let first: RunningService
let second: RunningService

/**
 * The first predictor stands still in the run of a request that came beside the queue, and with all
 * that it may take of the queue, so that the same request goes from there to the second.
 */
const race = async (raced: Sent, own: Readonly<Record<string, string>> = {}): Promise<void> => {
  first = await system.predictor({ WEIR_PREFETCH_MAX: "1", ...own })
  await takeFast(log, first, [raced])
  await send(log, [slow(1)])
  await until("it has its share", async () => (await queueOf(log)).ackPending === 1)
  freeze(first)
  expect((await factsOf(log, [raced])).get(raced.id)).toEqual([])
  second = await system.predictor()
  await send(log, [raced])
}

const inBothHands = () =>
  until("the second has it", async () => (await queueOf(log)).ackPending === 2)
const factOf = (sent: Sent) => until("it has a fact", () => singleFactsOf(log, [sent]))

/** However often it was answered: with the same bytes. */
const expectOneEnd = async (raced: Sent, repliesMin: number) => {
  await until("it is answered", () => replies.of(raced.id).length >= repliesMin)
  await queueEmpty(log)
  const [stored] = await singleFactsOf(log, [raced])
  for (const { data } of replies.of(raced.id))
    expect(Buffer.compare(data, stored?.bytes ?? new Uint8Array())).toBe(0)
  return stored?.fact
}

const existed = (service: RunningService) => metricOf(service, "weir_predictor_facts_existed_total")

beforeEach(async () => void (await queueEmpty(log)))
afterEach(async () => {
  for (const service of frozen) thaw(service)
  await Promise.all([first.stop(), second.stop()])
})

test("the first to end it, beside the queue, decides what both answer", async () => {
  const raced = slow()
  await race(raced)
  await inBothHands()
  freeze(second)
  thaw(first)
  await factOf(raced)
  thaw(second)
  expect((await expectOneEnd(raced, 2))?.failure).toBeUndefined()
  expect([await existed(first), await existed(second)]).toEqual([0, 1])
  expect((await deadLettersOf(log)).size).toBe(0)
})

test("the first to end it, from the queue, decides what both answer", async () => {
  const raced = slow()
  await race(raced)
  await factOf(raced)
  thaw(first)
  expect((await expectOneEnd(raced, 2))?.failure).toBeUndefined()
  expect([await existed(first), await existed(second)]).toEqual([1, 0])
  expect((await deadLettersOf(log)).size).toBe(0)
})

test("what fails in the hands of both has one failure and one dead letter", async () => {
  const raced = answered(messagePack(SLOW_LOOKUP, failingRows(LONG_ROWS)))
  await race(raced)
  await inBothHands()
  thaw(first)
  const fact = await expectOneEnd(raced, 2)
  expect(fact?.failure?.reason).toBe("model_error")
  expect([...(await deadLettersOf(log)).keys()]).toEqual([raced.id])
})

test("a failure of the first is the answer, although the second could have run it", async () => {
  const raced = tooLong()
  await race(raced, { WEIR_RUN_MAX_MS: String(RUN_MAX_MILLIS) })
  await inBothHands()
  freeze(second)
  thaw(first)
  await factOf(raced)
  thaw(second)
  const fact = await expectOneEnd(raced, 2)
  expect(fact?.failure?.message).toBe(`the run did not end within ${RUN_MAX_MILLIS} ms`)
  expect((await deadLettersOf(log)).has(raced.id)).toBe(true)
})

test("a failure of the first after the second's answer is no failure at all", async () => {
  const raced = tooLong()
  await race(raced, { WEIR_RUN_MAX_MS: String(RUN_MAX_MILLIS) })
  await factOf(raced)
  thaw(first)
  expect((await expectOneEnd(raced, 2))?.failure).toBeUndefined()
  expect((await deadLettersOf(log)).has(raced.id)).toBe(false)
})

test("what the first takes along when it dies is answered by the second", async () => {
  const raced = slow()
  first = await system.predictor()
  await takeFast(log, first, [raced])
  await first.kill()
  second = await system.predictor()
  await send(log, [raced])
  expect((await expectOneEnd(raced, 1))?.deliveries).toBe(1)
  expect(replies.of(raced.id).length).toBe(1)
})
