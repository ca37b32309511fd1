// Exactly one fact for each id: with many who try, and with a server that is killed while they do.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { until } from "../../test/support/eventually.ts"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { deadSubject, eventSubject, PREDICTIONS, predictionSubject } from "../../proto/subjects.ts"
import { append, LogUnavailable, type Appended } from "./append.ts"
import type { Log } from "./log.ts"
import { readDirect, readFromLeader } from "./read.ts"

/** Publishes that one writer has in flight. */
const IN_FLIGHT = 64

let one: TestLog
beforeAll(async () => {
  one = await openTestLog()
})
afterAll(() => one.stop())

const payloadOf = (writer: number) => Uint8Array.of(writer)

/** Appends a fact for each id, some at a time, and says what became of each. */
const appendAll = async (
  log: Log,
  model: string,
  ids: ReadonlyArray<string>,
  writer: number,
): Promise<ReadonlyMap<string, Appended>> => {
  const outcomes = new Map<string, Appended>()
  const left = ids.values()
  const work = async () => {
    for (const id of left)
      outcomes.set(
        id,
        await append(log.publisher, predictionSubject(model, id), payloadOf(writer), 0),
      )
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
  return outcomes
}

const idsOf = (count: number) => Array.from({ length: count }, (_, at) => `id${at}`)

test("of four writers of each id one stores it, and the others learn that", async () => {
  const ids = idsOf(2_000)
  const logs = await Promise.all([one.log, one.open(), one.open(), one.open()])
  const outcomes = await Promise.all(logs.map((log, writer) => appendAll(log, "four", ids, writer)))
  for (const id of ids) {
    const winners = [...outcomes.keys()].filter((at) => outcomes[at]?.get(id)?.kind === "stored")
    expect(winners).toHaveLength(1)
    const others = outcomes.filter((outcome) => outcome.get(id)?.kind === "exists")
    expect(others).toHaveLength(3)
  }
  const { state } = await one.log.manager.streams.info(PREDICTIONS)
  expect(state.messages).toBe(ids.length)
})

test("across three kills of the server no id is lost and none is stored twice", async () => {
  const two = await openTestLog()
  const ids = idsOf(6_000)
  const logs = await Promise.all([two.log, two.open()])
  const writing = Promise.all(logs.map((log, writer) => appendAll(log, "kill", ids, writer)))
  let killsInFlight = 0
  for (let kill = 1; kill <= 3; kill++) {
    const enough = (ids.length / 4) * kill
    await until("a part is written", async () => {
      const { state } = await two.log.manager.streams.info(PREDICTIONS)
      return state.messages >= enough
    })
    if (two.log.publisher.inFlight > 0) killsInFlight++
    await two.restart()
  }
  const outcomes = await writing
  expect(killsInFlight).toBeGreaterThan(0)
  const { state } = await two.log.manager.streams.info(PREDICTIONS)
  expect(state.messages).toBe(ids.length)
  for (const id of ids) {
    const kinds = outcomes.map((outcome) => outcome.get(id))
    const stored = kinds.filter((outcome) => outcome?.kind === "stored")
    // None when the ack of the first try was lost: both then learn that it exists.
    expect(stored.length).toBeLessThanOrEqual(1)
    for (const outcome of stored) {
      if (outcome?.kind !== "stored") continue
      const found = await readDirect(two.log, PREDICTIONS, { seq: outcome.sequence })
      expect(found?.subject).toBe(predictionSubject("kill", id))
    }
  }
  await two.stop()
}, 40_000)

test("a writer whose expectation has passed is told so, and stores nothing", async () => {
  const subject = eventSubject("release", "m")
  const { publisher } = one.log
  const first = await append(publisher, subject, payloadOf(1), 0)
  if (first.kind !== "stored") throw new Error("the first event was not stored")
  expect(await append(publisher, subject, payloadOf(2), 0)).toEqual({ kind: "exists" })
  expect(await append(publisher, subject, payloadOf(2), first.sequence)).toMatchObject({
    kind: "stored",
  })
  expect(await append(publisher, subject, payloadOf(3), first.sequence)).toEqual({ kind: "exists" })
})

test("writers that read, expect and try again lose no event", async () => {
  const subject = eventSubject("release", "busy")
  const logs = await Promise.all([one.log, one.open(), one.open()])
  const appendOne = async (log: Log): Promise<void> => {
    const last = await readFromLeader(log, "EVENTS", { last_by_subj: subject })
    const outcome = await append(log.publisher, subject, payloadOf(1), last?.sequence ?? 0)
    if (outcome.kind === "exists") return appendOne(log)
  }
  const twenty = async (log: Log) => {
    for (let at = 0; at < 20; at++) await appendOne(log)
  }
  await Promise.all(logs.map(twenty))
  const info = await one.log.manager.streams.info("EVENTS", { subjects_filter: subject })
  expect(info.state.subjects?.[subject]).toBe(60)
})

test("what is too large is said at once, an unknown stream after the deadline", async () => {
  const large = new Uint8Array(9 * 1024 * 1024)
  const { publisher } = one.log
  expect(await append(publisher, deadSubject("m", "large"), large, 0)).toEqual({ kind: "tooLarge" })
  const failed = await append(publisher, "nobody.here", payloadOf(1), 0, [], 100).catch(
    (error: unknown) => error,
  )
  expect(failed).toBeInstanceOf(LogUnavailable)
  expect(String(failed)).toContain("no responders")
})

test("a refusal that trying again cannot mend is thrown at once", async () => {
  const elsewhere = [["Nats-Expected-Stream", "OTHER"]] as const
  const failed = append(one.log.publisher, deadSubject("m", "x"), payloadOf(1), 0, elsewhere)
  expect(failed).rejects.toThrow("refused with")
})
