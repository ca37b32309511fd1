// One reader for many followers: each gets what it asked for, once and in order, however it joins,
// falls behind or leaves, and whatever happens to the server meanwhile.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { until } from "../../test/support/eventually.ts"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { SharedTail } from "./shared-tail.ts"
import type { Batch } from "./tail-seat.ts"

setDefaultTimeout(30_000)
const one: TestLog = await openTestLog()
afterAll(() => one.stop())

interface Row {
  readonly sequence: number
}

/** Odd sequences are `a`, even ones `b`. */
const extend = async (stream: string, first: number, last: number): Promise<void> => {
  for (let at = first; at <= last; at += 100) {
    const chunk = Array.from({ length: Math.min(100, last - at + 1) }, (_, index) => {
      const sequence = at + index
      const subject = `${stream}.${sequence % 2 === 1 ? "a" : "b"}`
      return one.log.publisher.publish(subject, Buffer.from(String(sequence)))
    })
    for (const published of await Promise.all(chunk)) expect(published.kind).toBe("stored")
  }
}

const open = async (stream: string, rows: number, waitingMax?: number) => {
  await one.log.manager.streams.add({ name: stream, subjects: [`${stream}.*`] })
  await extend(stream, 1, rows)
  const decoded: Array<number> = []
  const tail = new SharedTail<Row>(one.log, {
    stream,
    filter: `${stream}.*`,
    paceMillis: 20,
    ...(waitingMax === undefined ? {} : { waitingMax }),
    decode: ({ sequence, data }) => {
      expect(Number(Buffer.from(data))).toBe(sequence)
      decoded.push(sequence)
      return { sequence }
    },
  })
  return { tail, decoded }
}

/** A follower that keeps what it gets; held up before each batch while `gate` is not resolved. */
class Reading {
  readonly rows: Array<Row> = []
  readonly #stop = new AbortController()
  readonly ended: Promise<void>
  gate: Promise<void> = Promise.resolve()
  isHeld = false
  behind = () => 0

  constructor(tail: SharedTail<Row>, from: number, subject?: string) {
    this.ended = this.#read(tail.follow({ from, subject, signal: this.#stop.signal }))
    this.ended.catch(() => undefined)
  }

  get sequences(): ReadonlyArray<number> {
    return this.rows.map(({ sequence }) => sequence)
  }

  async #read(batches: AsyncIterable<Batch<Row>>): Promise<void> {
    for await (const { messages, behind } of batches) {
      this.behind = behind
      this.isHeld = true
      await this.gate
      this.isHeld = false
      this.rows.push(...messages)
    }
  }

  has(sequence: number): Promise<boolean> {
    const last = () => this.rows.at(-1)?.sequence ?? 0
    return until(`${sequence} is read`, () => last() >= sequence)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.ended
  }
}

const range = (first: number, last: number, step = 1) =>
  Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => first + at * step)
const consumers = async (stream: string): Promise<number> =>
  (await one.log.manager.streams.info(stream)).state.consumer_count
const oneConsumer = (stream: string) =>
  until("one consumer is left", async () => (await consumers(stream)) === 1)

test("followers join from anywhere and get each message once while more keep coming", async () => {
  const { tail } = await open("JOIN", 3_000)
  const extending = extend("JOIN", 3_001, 6_000)
  const early = new Reading(tail, 1)
  const later = new Reading(tail, 2_900, "JOIN.a")
  const last = new Reading(tail, 1_000, "JOIN.b")
  const latest = new Reading(tail, 3_001)
  await extending
  await Promise.all([early, last, latest].map((reading) => reading.has(6_000)))
  await later.has(5_999)
  expect(early.sequences).toEqual(range(1, 6_000))
  expect(later.sequences).toEqual(range(2_901, 5_999, 2))
  expect(last.sequences).toEqual(range(1_000, 6_000, 2))
  expect(latest.sequences).toEqual(range(3_001, 6_000))
  await oneConsumer("JOIN")
  await Promise.all([early, later, last, latest].map((reading) => reading.stop()))
  expect(await consumers("JOIN")).toBe(0)
})

test("what is read at the end is decoded once, and the same for all", async () => {
  const { tail, decoded } = await open("SAME", 10)
  const [all, own] = [new Reading(tail, 1), new Reading(tail, 11, "SAME.a")]
  await all.has(10)
  await oneConsumer("SAME")
  await extend("SAME", 11, 300)
  await Promise.all([all.has(300), own.has(299)])
  expect(decoded).toEqual(range(1, 300))
  expect(all.rows.filter((row) => own.rows.includes(row)).length).toBe(own.rows.length)
  await Promise.all([all.stop(), own.stop()])
})

test("a slow follower leaves, holds up nobody, and catches up by itself", async () => {
  const { tail } = await open("SLOW", 10, 50)
  const [quick, slow] = [new Reading(tail, 1), new Reading(tail, 1, "SLOW.a")]
  await Promise.all([quick.has(10), slow.has(9)])
  await oneConsumer("SLOW")
  const { promise, resolve } = Promise.withResolvers<void>()
  slow.gate = promise
  for (let at = 11; at <= 991; at += 20) {
    await extend("SLOW", at, at + 19)
    await quick.has(at + 19)
  }
  expect(quick.sequences).toEqual(range(1, 1_010))
  expect(slow.isHeld).toBe(true)
  expect(slow.rows.length).toBe(5)
  expect(slow.behind()).toBeGreaterThan(450)
  resolve()
  await slow.has(1_009)
  expect(slow.sequences).toEqual(range(1, 1_009, 2))
  await oneConsumer("SLOW")
  await extend("SLOW", 1_011, 1_020)
  await Promise.all([quick.has(1_020), slow.has(1_019)])
  expect(quick.sequences).toEqual(range(1, 1_020))
  expect(slow.sequences).toEqual(range(1, 1_019, 2))
  expect([quick.behind(), slow.behind()]).toEqual([0, 0])
  await Promise.all([quick.stop(), slow.stop()])
})

test("the only follower that is too slow is read for by nobody until it goes on", async () => {
  const { tail } = await open("ALONE", 10, 50)
  const slow = new Reading(tail, 1)
  await slow.has(10)
  const { promise, resolve } = Promise.withResolvers<void>()
  slow.gate = promise
  await extend("ALONE", 11, 300)
  await until("nobody reads", async () => (await consumers("ALONE")) === 0)
  resolve()
  await slow.has(300)
  expect(slow.sequences).toEqual(range(1, 300))
  await oneConsumer("ALONE")
  await slow.stop()
  expect(await consumers("ALONE")).toBe(0)
})

test("who leaves ends nothing for others, and who comes back begins where it says", async () => {
  const { tail } = await open("LEAVE", 20)
  const [first, second] = [new Reading(tail, 1), new Reading(tail, 1, "LEAVE.b")]
  await Promise.all([first.has(20), second.has(20)])
  await first.stop()
  await extend("LEAVE", 21, 40)
  await second.has(40)
  const third = new Reading(tail, 15)
  await third.has(40)
  expect(first.sequences).toEqual(range(1, 20))
  expect(second.sequences).toEqual(range(2, 40, 2))
  expect(third.sequences).toEqual(range(15, 40))
  await oneConsumer("LEAVE")
  await Promise.all([second.stop(), third.stop()])
  expect(await consumers("LEAVE")).toBe(0)
  const fourth = new Reading(tail, 30)
  await fourth.has(40)
  await fourth.stop()
  expect(fourth.sequences).toEqual(range(30, 40))
})

test("each message comes once and in order while the server is killed", async () => {
  const { tail } = await open("KILLED", 2_500)
  const [all, own] = [new Reading(tail, 1), new Reading(tail, 2_400, "KILLED.b")]
  await all.has(100)
  await one.restart()
  await extend("KILLED", 2_501, 2_600)
  await Promise.all([all.has(2_600), own.has(2_600)])
  await oneConsumer("KILLED")
  await one.restart()
  await extend("KILLED", 2_601, 2_700)
  await Promise.all([all.has(2_700), own.has(2_700)])
  expect(all.sequences).toEqual(range(1, 2_700))
  expect(own.sequences).toEqual(range(2_400, 2_700, 2))
  await Promise.all([all.stop(), own.stop()])
})

test("who begins before what the stream still holds gets what is there", async () => {
  const { tail } = await open("DROPPED", 3_000)
  await one.log.manager.streams.purge("DROPPED", { seq: 1_501 })
  const reading = new Reading(tail, 1, "DROPPED.a")
  await reading.has(2_999)
  expect(reading.sequences).toEqual(range(1_501, 2_999, 2))
  await reading.stop()
})

test("what nothing helps against ends every follower", async () => {
  const { tail } = await open("GONE", 10)
  const [first, second] = [new Reading(tail, 1), new Reading(tail, 1, "GONE.b")]
  await Promise.all([first.has(10), second.has(10)])
  await oneConsumer("GONE")
  await one.log.manager.streams.delete("GONE")
  expect(first.ended).rejects.toThrow("stream not found")
  expect(second.ended).rejects.toThrow("stream not found")
  await Promise.allSettled([first.ended, second.ended])
})
