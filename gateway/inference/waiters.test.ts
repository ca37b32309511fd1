// Replies are hints: what they do not bring, the log does.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { parsePredictRequest } from "#core/inference/rows"
import { BadRequest } from "#core/inference/bad-request"
import { openReleases, type Releases } from "#core/registry/releases"
import { REPLY } from "#proto/headers"
import { isLogId } from "#proto/names"
import { predictionCodec } from "#proto/prediction"
import { requestCodec } from "#proto/request"
import { requestSubject } from "#proto/subjects"
import { newId } from "../http/ids.ts"
import { MODEL, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"
import { Waiters, type StoredFact, type WaitEnd } from "./waiters.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let releases: Releases
let payload: Uint8Array

const now = () => performance.now()

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
  releases = await openReleases(system.log)
  const found = releases.resolve(MODEL)
  if (found.kind !== "version") throw new Error("the model is not there")
  const request = parsePredictRequest(found.signature, ROWS)
  if (request instanceof BadRequest) throw new Error(request.message)
  payload = requestCodec.encode(request)
}, START_MILLIS)
afterAll(async () => {
  await releases.close()
  await system.stop()
}, START_MILLIS)

interface Waited {
  readonly fact: Promise<StoredFact>
  readonly end: Promise<WaitEnd>
}

const waitFor = (waiters: Waiters, id: string, millis: number) => {
  const fact = Promise.withResolvers<StoredFact>()
  const end = Promise.withResolvers<WaitEnd>()
  const waiter = waiters.add({
    model: MODEL,
    id,
    deadline: now() + millis,
    onFact: (found, settled) => {
      if (waiters.settle(settled)) fact.resolve(found)
    },
    onEnd: (how, settled) => {
      if (waiters.settle(settled)) end.resolve(how)
    },
  })
  const waited: Waited = { fact: fact.promise, end: end.promise }
  return { waiter, ...waited }
}

test("a reply brings the bytes that are stored, with their position", async () => {
  const waiters = new Waiters(system.log, 1, now)
  const id = newId(Date.now())
  const { waiter, fact } = waitFor(waiters, id, 10_000)
  const reply = waiters.replySubject(waiter)
  await system.log.publisher.publish(requestSubject(MODEL, id), payload, [[REPLY, reply]])
  const brought = await fact
  const stored = await waiters.read(MODEL, id)
  expect(stored?.sequence).toBe(brought.position)
  expect(Buffer.compare(stored?.data ?? new Uint8Array(), brought.bytes)).toBe(0)
  waiters.close()
})

test("a fact whose reply never comes is found in the log", async () => {
  const waiters = new Waiters(system.log, 1, now)
  const id = newId(Date.now())
  const { fact } = waitFor(waiters, id, 10_000)
  await system.log.publisher.publish(requestSubject(MODEL, id), payload)
  const found = await fact
  expect(predictionCodec.decode(found.bytes).id).toBe(id)
  waiters.close()
})

test("a wait that is too short for the second look has one just before its end", async () => {
  const waiters = new Waiters(system.log, 1, now)
  const id = newId(Date.now())
  const { fact } = waitFor(waiters, id, 600)
  // Stored when the look after 200 ms has been in vain.
  await waitFor(waiters, newId(Date.now()), 300).end
  await system.log.publisher.publish(requestSubject(MODEL, id), payload)
  expect(predictionCodec.decode((await fact).bytes).id).toBe(id)
  waiters.close()
})

test("waits end in time, and all of them when the gateway closes", async () => {
  const waiters = new Waiters(system.log, 1, now)
  const begun = now()
  expect(await waitFor(waiters, newId(Date.now()), 100).end).toBe("late")
  expect(now() - begun).toBeGreaterThanOrEqual(100)
  const open = [1, 2, 3].map(() => waitFor(waiters, newId(Date.now()), 60_000).end)
  waiters.close()
  expect(await Promise.all(open)).toEqual(["closed", "closed", "closed"])
  expect(waiters.size).toBe(0)
})

test("the fact of an id of its own is heard of as it is stored, without a reply", async () => {
  const [waiters, others] = [new Waiters(system.log, 1, now), new Waiters(system.log, 1, now)]
  const id = waiters.heardId(Date.now())
  expect([waiters.hears(id), others.hears(id), others.hears(others.heardId(0))]).toEqual([
    true,
    false,
    true,
  ])
  const found = Promise.withResolvers<StoredFact>()
  const waiter = waiters.add({
    model: MODEL,
    id,
    isHeard: true,
    deadline: now() + 10_000,
    onFact: (fact) => found.resolve(fact),
    onEnd: () => found.reject(new Error("nothing was heard")),
  })
  // No look into the log: what comes was heard.
  waiter.lookAt = Number.POSITIVE_INFINITY
  await system.log.publisher.publish(requestSubject(MODEL, id), payload)
  const heard = await found.promise
  const stored = await waiters.read(MODEL, id)
  expect(heard.position).toBe(stored?.sequence ?? -1)
  expect(Buffer.compare(stored?.data ?? new Uint8Array(), heard.bytes)).toBe(0)
  expect(waiters.settle(waiter)).toBe(true)
  waiters.close()
  others.close()
})

test("ids that are heard of are new each time, and ids of requests", () => {
  const waiters = new Waiters(system.log, 1, now)
  const ids = Array.from({ length: 1_000 }, () => waiters.heardId(1_700_000_000_000))
  expect(new Set(ids).size).toBe(ids.length)
  const plain = newId(1_700_000_000_000)
  for (const id of ids) {
    expect(isLogId(id)).toBe(true)
    expect(id).toHaveLength(plain.length)
    expect(id.slice(0, 9)).toBe(plain.slice(0, 9))
  }
  waiters.close()
})

test("a late reply reaches the next wait, whose owner sees that the id is another", async () => {
  const waiters = new Waiters(system.log, 1, now)
  const [first, second] = [newId(Date.now()), newId(Date.now())]
  const early = waitFor(waiters, first, 10_000)
  const reply = waiters.replySubject(early.waiter)
  expect(waiters.settle(early.waiter)).toBe(true)
  const late = waitFor(waiters, second, 10_000)
  expect(waiters.replySubject(late.waiter)).toBe(reply)
  await system.log.publisher.publish(requestSubject(MODEL, first), payload, [[REPLY, reply]])
  expect(predictionCodec.decode((await late.fact).bytes).id).toBe(first)
  waiters.close()
})
