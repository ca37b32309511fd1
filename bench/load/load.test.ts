import { describe, expect, test } from "bun:test"
import { seededRandom } from "../../cli/laboratory/random.ts"
import type { Caller } from "./caller.ts"
import { Histogram, latencyOf } from "./histogram.ts"
import { AnswerReader } from "./http-answer.ts"
import { closedLoop, openLoop, type Recorded } from "./loops.ts"
import { readWrk } from "./wrk.ts"

const THREE_DIGITS = 0.001

describe("a histogram", () => {
  test("gives quantiles with three significant digits, over all sizes of latencies", () => {
    const random = seededRandom(7)
    const values = Array.from({ length: 20_000 }, () => 10 ** (random() * 6 - 1))
    const histogram = new Histogram()
    for (const value of values) histogram.record(value)
    const sorted = values.toSorted((a, b) => a - b)
    for (const part of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999]) {
      const exact = sorted[Math.ceil(part * sorted.length) - 1] ?? 0
      const error = Math.abs(histogram.quantile(part) - exact)
      expect(error).toBeLessThanOrEqual(Math.max(exact * THREE_DIGITS, 0.000_1))
    }
    expect(histogram.latency().max).toBe(sorted.at(-1) ?? 0)
  })

  test("is the same after it went through JSON, and adds up", () => {
    const [one, other] = [new Histogram(), new Histogram()]
    for (const value of [0, 0.02, 1, 900_000]) one.record(value)
    other.add(JSON.parse(JSON.stringify(one.data())))
    expect(other.latency()).toEqual(one.latency())
    other.add(one.data())
    expect(other.latency().count).toBe(8)
    expect(latencyOf(new Histogram().data()).max).toBe(0)
  })
})

/** A clock that only timers move, and a server that is busy until a certain time. */
const scene = () => {
  let now = 0
  const timers: Array<{ readonly at: number; readonly call: () => void }> = []
  const after = (millis: number, call: () => void) => {
    timers.push({ at: now + Math.max(millis, 0.1), call })
    timers.sort((a, b) => a.at - b.at)
  }
  const run = (): void => {
    for (let timer = timers.shift(); timer !== undefined; timer = timers.shift()) {
      now = Math.max(now, timer.at)
      timer.call()
    }
  }
  return { after, run, now: () => now, jump: (millis: number) => (now += millis) }
}

const SERVICE_MILLIS = 1

describe("an open loop", () => {
  test("counts from the time at which a request should have been sent", async () => {
    const { after, run, now } = scene()
    const stallUntil = 500
    const caller: Caller = {
      send: (_, ended) =>
        after(Math.max(SERVICE_MILLIS, stallUntil - now()), () => ended(undefined)),
      close: async () => undefined,
    }
    const recorded: Array<Recorded> = []
    const record = (one: Recorded) => void recorded.push(one)
    const loop = openLoop({ caller, seconds: 1, perSecond: 100, now, after, record })
    run()
    await loop
    expect(recorded).toHaveLength(100)
    // All that were due while the server stood still waited for it: 500, 490, … 10 ms.
    const waited = recorded.filter(({ latencyMillis }) => latencyMillis > 5)
    expect(waited).toHaveLength(50)
    const sum = waited.reduce((all, { latencyMillis }) => all + latencyMillis, 0)
    expect(sum / waited.length).toBeCloseTo(255, 0)
  })

  test("counts its own lateness into the latency", async () => {
    const { after, run, now, jump } = scene()
    let calls = 0
    const caller: Caller = {
      send: (_, ended) => {
        // The generator itself stands still, as in a pause of its garbage collection.
        if (++calls === 10) jump(200)
        after(SERVICE_MILLIS, () => ended(undefined))
      },
      close: async () => undefined,
    }
    const recorded: Array<Recorded> = []
    const record = (one: Recorded) => void recorded.push(one)
    const loop = openLoop({ caller, seconds: 1, perSecond: 100, now, after, record })
    run()
    await loop
    expect(recorded).toHaveLength(100)
    const late = recorded.filter(({ latenessMillis }) => latenessMillis > 5)
    expect(late.length).toBeGreaterThanOrEqual(18)
    for (const { latencyMillis, latenessMillis } of late)
      expect(latencyMillis).toBeGreaterThanOrEqual(latenessMillis + SERVICE_MILLIS)
  })
})

test("a closed loop has a request under way for each caller, and ends with the last", async () => {
  const { after, run, now } = scene()
  let underWay = 0
  let most = 0
  const caller: Caller = {
    send: (index, ended) => {
      most = Math.max(most, ++underWay)
      after(SERVICE_MILLIS, () => {
        underWay--
        ended(index === 5 ? "status 503" : undefined)
      })
    },
    close: async () => undefined,
  }
  const recorded: Array<Recorded> = []
  const record = (one: Recorded) => void recorded.push(one)
  // An error is followed by a turn of the real event loop, so that the clock runs beside it.
  const loop = closedLoop({ caller, callers: 4, seconds: 0.05, now, record })
  let over = false
  void loop.then(() => (over = true))
  while (!over) {
    run()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(most).toBe(4)
  expect(recorded.filter(({ error }) => error === "status 503")).toHaveLength(1)
  expect(recorded.length).toBeGreaterThan(3 * 45)
})

describe("an answer over HTTP", () => {
  const whole =
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
  const chunked =
    "HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\nConnection: close\r\n\r\n" +
    '3\r\n{"a\r\n4;x=y\r\n":1}\r\n0\r\n\r\n'

  test("is read whole, in pieces of any size, one after another", () => {
    for (const size of [1, 3, 50, 1_000]) {
      const reader = new AnswerReader(true)
      const answers = [whole, chunked, whole].flatMap((text) => {
        const found = []
        for (let at = 0; at < text.length; at += size)
          found.push(reader.read(Buffer.from(text.slice(at, at + size))))
        return found.filter((answer) => answer !== undefined)
      })
      const good = { status: 200, body: '{"a":1}', closes: false }
      expect(answers).toEqual([good, { status: 503, body: '{"a":1}', closes: true }, good])
    }
  })

  test("that is none is refused", () => {
    const reader = new AnswerReader(false)
    expect(() => reader.read(Buffer.alloc(70_000, "x"))).toThrow("not an HTTP answer")
  })
})

test("what wrk prints is read, with its units and its errors", () => {
  const output = [
    "  Latency Distribution",
    "     50%  812.00us",
    "     99%    1.02s",
    "  4000 requests in 1.00s, 1.00MB read",
    "  Socket errors: connect 1, read 2, write 0, timeout 3",
    "  Non-2xx or 3xx responses: 4",
    "Requests/sec:   3999.50",
  ].join("\n")
  const figures = { perSecond: 3_999.5, p50Millis: 0.812, p99Millis: 1_020, errors: 10 }
  expect(readWrk(output)).toEqual(figures)
  expect(readWrk("unable to connect")).toBeUndefined()
})
