// A run that never ends: its request ends as a failure, and everything else is answered, by a
// process that is started again as whoever supervises it would.
import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { ELEMENT, identity, looping } from "../core/inference/onnx-test-models.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import type { RunningService } from "../test/support/service.ts"
import {
  deadLettersOf,
  floatsOf,
  fp32,
  int64,
  messagePack,
  queueEmpty,
  send,
  singleFactsOf,
} from "./test-traffic.ts"

const RUN_MAX_MILLIS = 1_500
const FOR_EVER = 9e12

const system = await startSystem({
  limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [1_000, 5_000] },
  environment: { WEIR_RUN_MAX_MS: String(RUN_MAX_MILLIS) },
})
const { log } = system
afterAll(() => system.stop())
for (const [name, bytes] of [
  ["loop", looping],
  ["same", identity(ELEMENT.FP32, ["N", 2])],
] as const) {
  const file = join(system.nats.directory, `${name}.onnx`)
  await Bun.write(file, bytes)
  await system.release(name, "1", file)
}

/** Keeps a predictor running, as a supervisor does, until told; resolves with how each ended. */
const supervise = (environment: Readonly<Record<string, string>>) => {
  const ended: Array<number> = []
  let wanted = true
  let current: RunningService | undefined
  const over = (async () => {
    while (wanted) {
      current = await system.predictor(environment)
      ended.push(await current.exited)
    }
  })()
  return async (): Promise<ReadonlyArray<number>> => {
    wanted = false
    await current?.stop()
    await over
    return ended
  }
}

const turns = (count: number) => messagePack("loop", { inputs: [int64("n", [1], [count])] })
const plain = (at: number) => messagePack("same", { inputs: [fp32("x", [1, 2], [at, 1])] })

const expectOnlyPoisonFails = async () => {
  const poison = turns(FOR_EVER)
  const good = Array.from({ length: 40 }, (_, at) => plain(at))
  const counted = [turns(3), turns(5)]
  await send(log, [...good.slice(0, 20), ...counted, poison, ...good.slice(20)])
  await queueEmpty(log, 45_000)
  const [failed] = await singleFactsOf(log, [poison])
  const message = `the run did not end within ${RUN_MAX_MILLIS} ms`
  expect(failed?.fact.failure).toMatchObject({ reason: "model_error", message })
  const letters = await deadLettersOf(log)
  expect(letters.get(poison.id)).toMatchObject({ reason: "model_error", message })
  for (const { id } of [...good, ...counted]) expect(letters.has(id)).toBe(false)
  for (const [at, { fact }] of (await singleFactsOf(log, good)).entries())
    expect(floatsOf(fact.outputs?.[0])).toEqual([at, 1])
  const sums = (await singleFactsOf(log, counted)).map(({ fact }) => floatsOf(fact.outputs?.[0]))
  expect(sums).toEqual([[3], [5]])
  const after = [plain(100), turns(7)]
  await send(log, after)
  await queueEmpty(log, 45_000)
  for (const { fact } of await singleFactsOf(log, after)) expect(fact.failure).toBeUndefined()
  return failed?.fact.deliveries
}

test("a run on the main thread that never ends costs its request alone", async () => {
  const finish = supervise({ WEIR_INLINE_MAX_US: "1000000" })
  expect(await expectOnlyPoisonFails()).toBeGreaterThan(1)
  // The watchdog ended the first; the second ran it apart, said so, and ended itself.
  expect(await finish()).toEqual([137, 137, 0])
}, 120_000)

test("a run in a worker thread that never ends costs its request alone", async () => {
  const finish = supervise({ WEIR_INLINE_MAX_US: "0" })
  await expectOnlyPoisonFails()
  const ended = await finish()
  expect(ended[0]).toBe(137)
  expect(ended.at(-1)).toBe(0)
}, 120_000)
