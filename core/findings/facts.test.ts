// Facts of models from the long log, as the watches of one process follow them.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { predictionCodec, type Prediction } from "#proto/prediction"
import { outcomeSubject, predictionSubject } from "#proto/subjects"
import { until } from "../../test/support/eventually.ts"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { historyTail } from "../outcomes/history-messages.ts"
import { seek } from "../log/history.ts"
import { lastFactPosition, readFacts, type PositionedFact } from "./facts.ts"
import { predictionSource } from "./sources.ts"

setDefaultTimeout(30_000)
let one: TestLog
beforeAll(async () => {
  one = await openTestLog()
})
afterAll(() => one.stop())

const fact = (model: string, id: string): Prediction => ({
  id,
  model,
  version: "1",
  failure: { reason: "model_error", message: "no" },
  times: { stored: 1, taken: 2 },
  deliveries: 1,
})

const publish = async (subject: string, bytes: Uint8Array): Promise<void> => {
  const published = await one.log.publisher.publish(subject, bytes)
  if (published.kind !== "stored") throw new Error(published.kind)
}
const store = (model: string, id: string) =>
  publish(predictionSubject(model, id), predictionCodec.encode(fact(model, id)))
const copied = (position: number) =>
  until("it is copied", async () => (await seek(one.log, position)) !== undefined)

const ids = (facts: ReadonlyArray<PositionedFact>) =>
  facts.map(({ position, fact: { id, model } }) => `${position} ${id} of ${model}`)

test("a watch gets the facts of its model, unreadable ones without rows, no outcomes", async () => {
  await store("first", "a")
  await store("second.x", "b")
  await copied(2)
  const tail = historyTail(one.log)
  const stop = new AbortController()
  const follow = async (model: string, from: number, kept: Array<PositionedFact>) => {
    const source = predictionSource(one.log, model, tail)
    for await (const { messages } of source.follow(from, stop.signal)) kept.push(...messages)
  }
  const [first, second]: [Array<PositionedFact>, Array<PositionedFact>] = [[], []]
  const following = [follow("first", 1, first), follow("second.x", 3, second)]
  await until("the first is read", () => first.length === 1)
  await publish(predictionSubject("first", "c"), Buffer.from("no fact"))
  await publish(outcomeSubject("first", "a"), Buffer.from("{}"))
  await store("second.x", "d")
  await store("first", "e")
  await until("all are read", () => first.length === 3 && second.length === 1)
  stop.abort()
  await Promise.all(following)
  expect(ids(first)).toEqual(["1 a of first", "3 c of first", "6 e of first"])
  expect(first[1]?.fact).toMatchObject({
    failure: { reason: "invalid", message: "the stored fact cannot be read" },
    deliveries: 0,
  })
  expect(ids(second)).toEqual(["5 d of second.x"])
})

test("a range has both its ends and only its model", async () => {
  await copied(6)
  const read: Array<PositionedFact> = []
  for await (const found of readFacts(one.log, "first", 2, 6)) read.push(found)
  expect(ids(read)).toEqual(["3 c of first", "6 e of first"])
  expect(await lastFactPosition(one.log, "first")).toBe(6)
  expect(await lastFactPosition(one.log, "third")).toBe(0)
})
