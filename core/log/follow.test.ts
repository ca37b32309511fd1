// Reading the log from a position on: all of it, in order, each once, at the pace of the reader,
// whatever happens to the server meanwhile.
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { until } from "../../test/support/eventually.ts"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { follow, RangeGone, readRange, type Entry, type ReadOptions } from "./follow.ts"

setDefaultTimeout(30_000)
const one: TestLog = await openTestLog()
afterAll(() => one.stop())

const ROWS = 3_000
/** Two kinds alternate: odd sequences are `a`, even ones `b`. */
const fill = async (stream: string, count: number, test: TestLog = one) => {
  await test.log.manager.streams.add({ name: stream, subjects: [`${stream}.*`] })
  await extend(stream, 1, count, test)
}
const extend = async (stream: string, from: number, to: number, test: TestLog = one) => {
  for (let at = from; at <= to; at += 500) {
    const chunk = Array.from({ length: Math.min(500, to - at + 1) }, (_, index) =>
      test.log.publisher.publish(
        `${stream}.${(at + index) % 2 === 1 ? "a" : "b"}`,
        Buffer.from(String(at + index)),
      ),
    )
    for (const published of await Promise.all(chunk)) expect(published.kind).toBe("stored")
  }
}
await fill("ROWS", ROWS)

const sequences = async (entries: AsyncIterable<Entry>): Promise<ReadonlyArray<number>> => {
  const found: Array<number> = []
  for await (const entry of entries) {
    if (entry.subject !== "ROWS.gone") expect(Number(Buffer.from(entry.data))).toBe(entry.sequence)
    found.push(entry.sequence)
  }
  return found
}
const from = (first: number, last: number, step = 1) =>
  Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => first + at * step)

describe("a range", () => {
  const range = (first: number, to: number, more: Partial<ReadOptions> = {}) =>
    sequences(readRange(one.log, { stream: "ROWS", from: first, to, ...more }))

  test("begins and ends exactly where it should", async () => {
    expect(await range(1, ROWS)).toEqual(from(1, ROWS))
    expect(await range(700, 1_300)).toEqual(from(700, 1_300))
    expect(await range(5, 5)).toEqual([5])
    expect(await range(0, 2)).toEqual([1, 2])
    expect(await range(ROWS, ROWS)).toEqual([ROWS])
  })

  test("is cut to what there is, and empty where there is nothing", async () => {
    expect(await range(ROWS - 1, ROWS + 1_000)).toEqual([ROWS - 1, ROWS])
    expect(await range(ROWS + 1, ROWS + 9)).toEqual([])
    expect(await range(9, 8)).toEqual([])
  })

  test("behind a filter ends although no message has its last sequence", async () => {
    expect(await range(10, 100, { filter: "ROWS.a" })).toEqual(from(11, 99, 2))
    expect(await range(ROWS - 3, ROWS, { filter: "ROWS.a" })).toEqual([ROWS - 3, ROWS - 1])
  })

  test("behind a filter that nothing matches is empty, at once", async () => {
    const began = performance.now()
    expect(await range(1, ROWS, { filter: "ROWS.nothing" })).toEqual([])
    expect(performance.now() - began).toBeLessThan(900)
  })

  test("does not include what is stored while it is read", async () => {
    await fill("GROWING", 2_000)
    const read: Array<number> = []
    for await (const entry of readRange(one.log, { stream: "GROWING", from: 1, to: 9_999 })) {
      if (read.length === 0) await extend("GROWING", 2_001, 2_200)
      read.push(entry.sequence)
    }
    expect(read).toEqual(from(1, 2_000))
  })

  test("ends when its last messages are dropped while it is read", async () => {
    await fill("SHRINKING", 2_000)
    const read: Array<number> = []
    for await (const entry of readRange(one.log, { stream: "SHRINKING", from: 1, to: 2_000 })) {
      if (read.length === 0)
        await one.log.manager.streams.purge("SHRINKING", { filter: "SHRINKING.b" })
      read.push(entry.sequence)
    }
    expect(read.filter((sequence) => sequence % 2 === 1)).toEqual(from(1, 1_999, 2))
  })

  test("that begins before what the stream still holds is refused", async () => {
    await fill("DROPPED", 100)
    await one.log.manager.streams.purge("DROPPED", { seq: 51 })
    const gone = sequences(readRange(one.log, { stream: "DROPPED", from: 50, to: 60 }))
    expect(await gone.catch((error: unknown) => error)).toEqual(
      new RangeGone({ stream: "DROPPED", from: 50, first: 51 }),
    )
    expect(await sequences(readRange(one.log, { stream: "DROPPED", from: 51, to: 53 }))).toEqual([
      51, 52, 53,
    ])
    await one.log.manager.streams.purge("DROPPED")
    const all = sequences(readRange(one.log, { stream: "DROPPED", from: 60, to: 100 }))
    expect(await all.catch((error: unknown) => error)).toBeInstanceOf(RangeGone)
  })

  test("whose messages are dropped while it is read fails", async () => {
    await fill("HURRIED", 5_000)
    const read: Array<number> = []
    const reading = async () => {
      for await (const entry of readRange(one.log, { stream: "HURRIED", from: 1, to: 5_000 })) {
        if (read.push(entry.sequence) === 10)
          await one.log.manager.streams.purge("HURRIED", { seq: 4_001 })
      }
    }
    expect(await reading().catch((error: unknown) => error)).toBeInstanceOf(RangeGone)
    expect(read).toEqual(from(1, read.length))
    expect(read.length).toBeLessThan(4_000)
  })

  test("can be read without the bytes of its messages", async () => {
    const entries: Array<Entry> = []
    const options = { stream: "ROWS", from: 1, to: 10, headersOnly: true }
    for await (const entry of readRange(one.log, options)) entries.push(entry)
    expect(entries.map(({ data }) => data.byteLength)).toEqual(from(1, 10).map(() => 0))
  })

  test("of a stream that is not there is an error", async () => {
    const read = sequences(readRange(one.log, { stream: "NOWHERE", from: 1, to: 2 }))
    expect(read).rejects.toThrow("stream not found")
  })

  test("leaves no consumer behind, also when its reader stops half way", async () => {
    for await (const entry of readRange(one.log, { stream: "ROWS", from: 1, to: ROWS }))
      if (entry.sequence === 10) break
    await until("no consumer is left", async () => {
      const { state } = await one.log.manager.streams.info("ROWS")
      return state.consumer_count === 0
    })
  })
})

describe("a follower", () => {
  test("reads what there is, then what comes, and ends when it is told", async () => {
    await fill("LIVE", 100)
    const stop = new AbortController()
    const read: Array<number> = []
    for await (const entry of follow(one.log, { stream: "LIVE", from: 1, signal: stop.signal })) {
      read.push(entry.sequence)
      if (read.length === 100) await extend("LIVE", 101, 150)
      if (read.length === 150) stop.abort()
    }
    expect(read).toEqual(from(1, 150))
  })

  test("that waits for the next message ends when it is told", async () => {
    const stop = new AbortController()
    const options = { stream: "ROWS", from: ROWS + 1, signal: stop.signal }
    const reading = sequences(follow(one.log, options))
    await until("it waits", async () => {
      const { state } = await one.log.manager.streams.info("ROWS")
      return state.consumer_count === 1
    })
    stop.abort()
    expect(await reading).toEqual([])
  })

  test("that reads slowly is not given more than a thousand ahead", async () => {
    await fill("SLOW", 6_000)
    const stop = new AbortController()
    let read = 0
    let most = 0
    for await (const entry of follow(one.log, { stream: "SLOW", from: 1, signal: stop.signal })) {
      read = entry.sequence
      if (read % 1_500 === 1) {
        // Everything that the server would send ahead has been sent when it says so.
        await one.log.connection.flush()
        const [consumer] = await one.log.manager.consumers.list("SLOW").next()
        most = Math.max(most, (consumer?.delivered.stream_seq ?? 0) - read)
      }
      if (read === 6_000) stop.abort()
    }
    expect(read).toBe(6_000)
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(1_000)
  })
})

const PACES = [
  ["told of each message", {}, "TOLD"],
  ["that looks now and then", { paceMillis: 20 }, "PACED"],
] as const

describe.each(PACES)("a follower %s", (_, pace, prefix) => {
  const stream = (name: string) => `${prefix}_${name}`

  test("reads what there is, then what comes, in pieces or more than it may hold", async () => {
    await fill(stream("MUCH"), 2_500)
    const stop = new AbortController()
    const options = { ...pace, stream: stream("MUCH"), from: 1, signal: stop.signal }
    const read: Array<number> = []
    for await (const { sequence } of follow(one.log, options)) {
      read.push(sequence)
      if (read.length >= 2_500 && read.length < 2_503)
        await extend(stream("MUCH"), read.length + 1, read.length + 1)
      if (read.length === 2_503) stop.abort()
    }
    expect(read).toEqual(from(1, 2_503))
  })

  test("reads each message once and in order while its server is killed twice", async () => {
    await fill(stream("KILLED"), 3_000)
    const stop = new AbortController()
    const read: Array<number> = []
    let restarts = Promise.resolve()
    for await (const entry of follow(one.log, {
      ...pace,
      stream: stream("KILLED"),
      from: 1,
      signal: stop.signal,
    })) {
      read.push(entry.sequence)
      if (read.length === 700) restarts = one.restart()
      if (read.length === 2_900) restarts = restarts.then(one.restart)
      if (read.length === 3_000)
        void restarts.then(() => extend(stream("KILLED"), 3_001, 3_100)).catch(() => stop.abort())
      if (read.length === 3_100) stop.abort()
    }
    expect(read).toEqual(from(1, 3_100))
  })

  test("goes on when its consumer is deleted", async () => {
    await fill(stream("DELETED"), 10)
    const stop = new AbortController()
    const read: Array<number> = []
    for await (const entry of follow(one.log, {
      ...pace,
      stream: stream("DELETED"),
      from: 4,
      signal: stop.signal,
    })) {
      read.push(entry.sequence)
      if (entry.sequence === 10) {
        const [consumer] = await one.log.manager.consumers.list(stream("DELETED")).next()
        await one.log.manager.consumers.delete(stream("DELETED"), consumer?.name ?? "")
        await extend(stream("DELETED"), 11, 20)
      }
      if (entry.sequence === 20) stop.abort()
    }
    expect(read).toEqual(from(4, 20))
  })
})
