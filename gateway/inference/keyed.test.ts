// The same key and body give the same bytes; another body is refused; whoever comes while the first
// is in flight joins it.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { PREDICTIONS } from "#proto/subjects"
import {
  ask,
  MODEL,
  OTHER_ROWS,
  post,
  ROWS,
  startTestSystem,
  TENSORS,
  type Answer,
  type TestGateway,
  type TestPredictor,
  type TestSystem,
} from "../test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let predictor: TestPredictor
let first: TestGateway
let second: TestGateway

beforeAll(async () => {
  system = await startTestSystem()
  predictor = await system.startPredictor()
  first = await system.startGateway()
  second = await system.startGateway()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const send = (key: string, body = ROWS, gateway = first, timeoutMillis = 10_000) =>
  post(`${gateway.url}/predict`, body, {
    "idempotency-key": key,
    "weir-timeout-ms": `${timeoutMillis}`,
  })

const stateOf = (answer: Answer) => [answer.status, answer.json["code"]]
const facts = async () => (await system.log.manager.streams.info(PREDICTIONS)).state.messages
const replayed = (answer: Answer) => answer.headers.get("idempotent-replayed")

test("a second call gets the same bytes from any gateway, and no second fact", async () => {
  const before = await facts()
  const one = await send("same")
  const again = await send("same")
  const elsewhere = await send("same", ROWS, second)
  expect([one.status, replayed(one)]).toEqual([200, null])
  expect([replayed(again), replayed(elsewhere)]).toEqual(["true", "true"])
  expect([again.text, elsewhere.text]).toEqual([one.text, one.text])
  expect(again.headers.get("weir-position")).toBe(one.headers.get("weir-position"))
  expect(await facts()).toBe(before + 1)
})

test("the same request in another form is the same request", async () => {
  await send("forms")
  const tensors = await post(`${first.url}/v2/models/${MODEL}/infer`, TENSORS, {
    "idempotency-key": "forms",
  })
  expect([tensors.status, replayed(tensors)]).toEqual([200, "true"])
})

test("the key of another body is 422, stored or still queued", async () => {
  await send("stored")
  expect(stateOf(await send("stored", OTHER_ROWS))).toEqual([422, "key_reused"])
  predictor.pause()
  expect(stateOf(await send("queued", ROWS, first, 200))).toEqual([504, "timed_out"])
  expect(stateOf(await send("queued", OTHER_ROWS, second))).toEqual([422, "key_reused"])
  predictor.resume()
})

test("a pinned version is part of what a key asks", async () => {
  const one = await send("shared")
  const pinned = await post(`${first.url}/predict?version=1`, ROWS, { "idempotency-key": "shared" })
  // A pinned version is part of what is asked.
  expect(stateOf(pinned)).toEqual([422, "key_reused"])
  expect(one.status).toBe(200)
})

test("calls that come while the first is in flight join it", async () => {
  predictor.pause()
  const before = await facts()
  const calls = Array.from({ length: 12 }, (_, index) =>
    send("joined", ROWS, index % 2 === 0 ? first : second),
  )
  // A call of its own tells that the others had their time: it ends when its deadline has passed.
  await send("another", ROWS, second, 300)
  predictor.resume()
  const answers = await Promise.all(calls)
  expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
  expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200))
  await send("another")
  expect(await facts()).toBe(before + 2)
})

test("after a 504 the same key waits for the same work, and its id finds the answer", async () => {
  predictor.pause()
  const late = await send("late", ROWS, first, 150)
  expect(stateOf(late)).toEqual([504, "timed_out"])
  expect(late.json["error"]).toBe(
    "no answer within 150 ms: the work goes on; ask again with the same key, " +
      "or fetch the answer by its id",
  )
  const waiting = send("late")
  predictor.resume()
  const answer = await waiting
  expect(answer.status).toBe(200)
  const id = late.headers.get("weir-id") ?? ""
  const fetched = await ask(`${first.url}/v2/models/${MODEL}/predictions/${id}?form=rows`)
  expect([fetched.status, fetched.text]).toEqual([200, answer.text])
  expect(answer.headers.get("weir-id")).toBe(late.headers.get("weir-id"))
})
