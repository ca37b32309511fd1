// The long log: what was copied, what was not yet, and what was lost on the way, told apart by
// positions.
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { until } from "../../test/support/eventually.ts"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import {
  HISTORY,
  historySubject,
  outcomeSubject,
  PREDICTIONS,
  predictionSubject,
} from "../../proto/subjects.ts"
import { readRange } from "./follow.ts"
import { entryAt, historyGaps, HistoryMeter, historyStatus, readSource, seek } from "./history.ts"
import type { Log } from "./log.ts"
import { readFromLeader, readLast } from "./read.ts"

setDefaultTimeout(60_000)
const CAPACITY = 1_000
const opened: Array<TestLog> = []
const openHistory = async () => {
  const opening = await openTestLog({ predictionsMessagesMax: CAPACITY })
  opened.push(opening)
  return opening
}
const one = await openHistory()
afterAll(async () => {
  for (const each of opened) await each.stop()
})

/** Publishes facts `id<from>` … `id<to>` of two models in turn, in order. */
const publish = async (log: Log, from: number, to: number): Promise<void> => {
  for (let at = from; at <= to; at += 500) {
    const count = Math.min(500, to - at + 1)
    const published = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        log.publisher.publish(
          predictionSubject((at + index) % 2 === 0 ? "even" : "odd", `id${at + index}`),
          Buffer.from(String(at + index)),
        ),
      ),
    )
    expect(published.filter(({ kind }) => kind !== "stored")).toEqual([])
  }
}
const copied = (log: Log) =>
  until("all is copied", async () => (await historyStatus(log, CAPACITY)).lag === 0, 30_000)

test("an empty log lags by nothing and has no gaps", async () => {
  expect(await historyStatus(one.log, CAPACITY)).toEqual({
    lastPosition: 0,
    copiedPosition: 0,
    lag: 0,
    headroomUsed: 0,
  })
  expect(await historyGaps(one.log)).toEqual([])
  expect(await seek(one.log, 1)).toBeUndefined()
})

test("each fact is copied in order, with its position, and its outcome too", async () => {
  await publish(one.log, 1, 300)
  const outcome = [["Weir-Digest", "abc"]] as const
  await one.log.publisher.publish(outcomeSubject("even", "id2"), Buffer.from("truth"), outcome)
  await copied(one.log)
  const found: Array<string> = []
  for await (const entry of readRange(one.log, { stream: HISTORY, from: 1, to: 400 })) {
    const source = readSource(entry.headers)
    found.push(source?.subject ?? "")
    expect(source?.position).toBe(found.length)
    if (found.length === 301) expect(entry.headers?.get("Weir-Digest")).toBe("abc")
  }
  expect(found).toHaveLength(301)
  expect(found[0]).toBe(predictionSubject("odd", "id1"))
  expect(found[299]).toBe(predictionSubject("even", "id300"))
  expect(found[300]).toBe(outcomeSubject("even", "id2"))
  const { state } = await one.log.manager.streams.info(HISTORY, { subjects_filter: ">" })
  expect(Object.keys(state.subjects ?? {}).toSorted()).toEqual([
    historySubject("even"),
    `${historySubject("even")}.outcome`,
    historySubject("odd"),
  ])
})

test("the copy that the server repeats arrives when the fact can be read", async () => {
  const listener = one.log.connection.subscribe("weir.stored.>")
  await one.log.connection.flush()
  const subject = predictionSubject("odd", "repeated")
  const published = await one.log.publisher.publish(subject, Buffer.from("fact"))
  for await (const copy of listener) {
    expect(copy.subject).toBe("weir.stored.prediction.odd.repeated.ated")
    expect(Number(copy.headers?.get("Nats-Sequence"))).toBe(
      published.kind === "stored" ? published.sequence : -1,
    )
    const found = await readLast(one.log, PREDICTIONS, subject, 1)
    expect(found?.data).toEqual(new Uint8Array(copy.data))
    break
  }
})

describe("a position", () => {
  test("is found by search, also where messages were erased", async () => {
    await copied(one.log)
    expect(await seek(one.log, 1)).toBe(1)
    expect(await seek(one.log, 150)).toBe(150)
    expect(await seek(one.log, 301)).toBe(301)
    expect(await seek(one.log, 9_999)).toBeUndefined()
    for (const erased of [150, 151, 152])
      await one.log.manager.streams.deleteMessage(HISTORY, erased)
    const from = (await seek(one.log, 150)) ?? -1
    expect((await entryAt(one.log)(from))?.position).toBe(153)
    expect(await historyGaps(one.log)).toEqual([])
  })

  test("of a copy that was erased at the end still counts as copied", async () => {
    const { state } = await one.log.manager.streams.info(HISTORY)
    await one.log.manager.streams.deleteMessage(HISTORY, state.last_seq)
    const status = await historyStatus(one.log, CAPACITY)
    expect(status).toMatchObject({ lag: 0, copiedPosition: status.lastPosition })
  })
})

test("facts dropped before they were copied show as lag, then as a gap", async () => {
  const { log } = await openHistory()
  const { manager } = log
  await publish(log, 1, 400)
  await copied(log)
  const { config } = await manager.streams.info(HISTORY)
  // The copying stands still, as it does for some seconds after a restart of the server.
  await manager.streams.update(HISTORY, { ...config, sources: [] })
  await publish(log, 401, 3_400)
  expect(await historyStatus(log, CAPACITY)).toEqual({
    lastPosition: 3_400,
    copiedPosition: 400,
    lag: 3_000,
    headroomUsed: 3,
  })
  // Nothing was copied after the gap yet: only the lag can tell.
  expect(await historyGaps(log)).toEqual([])
  await manager.streams.update(HISTORY, config)
  await copied(log)
  expect(await historyGaps(log)).toEqual([{ fromPosition: 401, toPosition: 2_400 }])
  expect(await seek(log, 400)).toBe(400)
  expect(await seek(log, 1_000)).toBe(401)
  expect(await seek(log, 2_401)).toBe(401)
  expect(await seek(log, 3_400)).toBe(1_400)
  const last = await readFromLeader(log, HISTORY, { seq: 1_400 })
  expect(readSource(last?.headers)?.subject).toBe(predictionSubject("even", "id3400"))
})

describe("whoever asks all the time how far the copying is", () => {
  test("has the last copy read once a minute, and is told the same", async () => {
    const { log } = await openHistory()
    await publish(log, 1, 5)
    await copied(log)
    let now = 0
    const meter = new HistoryMeter(log, () => now)
    const reads = log.connection.subscribe("$JS.API.STREAM.MSG.GET.HISTORY")
    const readsSoFar = async () => {
      await log.connection.flush()
      return reads.getReceived()
    }
    expect(await meter.status(CAPACITY)).toMatchObject({ copiedPosition: 5, lag: 0 })
    expect(await readsSoFar()).toBe(1)
    await publish(log, 6, 10)
    await until("all is copied", async () => {
      return (await log.manager.streams.info(HISTORY)).state.last_seq === 10
    })
    now = 59_000
    expect(await meter.status(CAPACITY)).toMatchObject({ copiedPosition: 10, lag: 0 })
    expect(await readsSoFar()).toBe(1)
    now = 61_000
    expect(await meter.status(CAPACITY)).toMatchObject({ copiedPosition: 10, lag: 0 })
    expect(await readsSoFar()).toBe(2)
  })

  test("is told of a small gap as a lag for a minute, and of a large one at once", async () => {
    const { log } = await openHistory()
    const { manager } = log
    await publish(log, 1, 5)
    await copied(log)
    let now = 0
    const meter = new HistoryMeter(log, () => now)
    await meter.status(CAPACITY)
    const { config } = await manager.streams.info(HISTORY)
    await manager.streams.update(HISTORY, { ...config, sources: [] })
    await publish(log, 6, 1_008)
    expect(await meter.status(CAPACITY)).toMatchObject({ copiedPosition: 5, lag: 1_003 })
    await manager.streams.update(HISTORY, config)
    await until("what is left is copied", async () => {
      return (await manager.streams.info(HISTORY)).state.last_seq === 1_005
    })
    // Three facts were dropped uncopied: too few to be looked up before the minute is over.
    expect(await meter.status(CAPACITY)).toMatchObject({ lag: 3 })
    now = 61_000
    expect(await meter.status(CAPACITY)).toMatchObject({ copiedPosition: 1_008, lag: 0 })
  })
})

test("across kills of the server every position is copied once or named as lost", async () => {
  const kills = await openHistory()
  const { log } = kills
  for (let kill = 0; kill < 3; kill++) {
    await publish(log, kill * 2_500 + 1, kill * 2_500 + 500)
    await kills.restart()
    await publish(log, kill * 2_500 + 501, (kill + 1) * 2_500)
  }
  await copied(log)
  const positions: Array<number> = []
  for await (const entry of readRange(log, { stream: HISTORY, from: 1, to: 10_000 }))
    positions.push(readSource(entry.headers)?.position ?? -1)
  const lost = (await historyGaps(log)).flatMap(({ fromPosition, toPosition }) =>
    Array.from({ length: toPosition - fromPosition + 1 }, (_, index) => fromPosition + index),
  )
  expect([...positions, ...lost].toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 7_500 }, (_, index) => index + 1),
  )
  expect(positions).toEqual(positions.toSorted((a, b) => a - b))
})

test("a long log that grew old and empty does not count as lagging", async () => {
  const { log } = one
  await log.manager.streams.purge(HISTORY)
  await log.manager.streams.purge(PREDICTIONS)
  expect((await historyStatus(log, CAPACITY)).lag).toBe(0)
})
