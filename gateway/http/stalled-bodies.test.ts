// Callers who begin large bodies and never end them: what they cost, and how they are got rid of.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { InFlight } from "../inference/in-flight.ts"
import { ask, post, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)

const SOCKETS = 100
const BODY_BYTES = 3_499_999
const SENT_BYTES = 3_400_000
const IN_FLIGHT_BYTES = 32 * 1024 * 1024
/** As many bodies of known length as have room. */
const FITTING = Math.floor(IN_FLIGHT_BYTES / BODY_BYTES)
const MEGABYTE = 1_000_000

let system: TestSystem

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

interface Stalled {
  readonly status: Promise<number>
  readonly end: () => void
}

const body = new Uint8Array(SENT_BYTES).fill(0x20)
const ways = {
  "of a known length": `Content-Length: ${BODY_BYTES}\r\n\r\n`,
  "in chunks": `Transfer-Encoding: chunked\r\n\r\n${BODY_BYTES.toString(16)}\r\n`,
} as const

/** Sends a head and most of a body, then nothing more; `status` is that of what comes back. */
const stall = async (url: string, rest: string): Promise<Stalled> => {
  const { hostname, port } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<number>()
  let sent = 0
  const more = (socket: Bun.Socket) => {
    while (sent < body.length) {
      const taken = socket.write(body, sent)
      if (taken <= 0) return
      sent += taken
    }
  }
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (open) => {
        const head = "POST /predict HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\n"
        open.write(head + rest)
        more(open)
      },
      drain: more,
      data: (_, data) => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString())?.[1])),
      close: () => resolve(0),
      error: () => resolve(0),
    },
  })
  return { status: promise, end: () => socket.end() }
}

const residentMegabytes = async (url: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  const bytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1])
  return Math.round(bytes / MEGABYTE)
}

for (const [name, rest] of Object.entries(ways))
  test(`bodies ${name} that stall take what is configured, and end as 408 or 429`, async () => {
    const gateway = await system.spawnGateway({
      WEIR_IN_FLIGHT_MAX_BYTES: String(IN_FLIGHT_BYTES),
      WEIR_BODY_WAIT_MS: "4000",
    })
    const before = await residentMegabytes(gateway.url)
    const stalled = await Promise.all(
      Array.from({ length: SOCKETS }, () => stall(gateway.url, rest)),
    )
    let answered = 0
    const { promise: refused, resolve } = Promise.withResolvers<void>()
    const statuses = stalled.map(async ({ status }) => {
      const got = await status
      if (++answered === SOCKETS - FITTING) resolve()
      return got
    })
    await refused
    const during = await residentMegabytes(gateway.url)
    const all = await Promise.all(statuses)
    const after = await residentMegabytes(gateway.url)
    console.log(`${SOCKETS} stalled bodies ${name}: RSS ${before}, ${during}, then ${after} MB`)
    const count = (wanted: number) => all.filter((status) => status === wanted).length
    expect(count(429) + count(408)).toBe(SOCKETS)
    expect(count(408)).toBeLessThanOrEqual(FITTING)
    if (name === "of a known length") expect(count(408)).toBe(FITTING)
    expect(during - before).toBeLessThan((SOCKETS * SENT_BYTES) / MEGABYTE / 2)
    expect((await post(`${gateway.url}/predict`, ROWS)).status).toBe(200)
    for (const { end } of stalled) end()
    gateway.signal("SIGTERM")
    expect(await gateway.exited).toBe(0)
  })

test("a request counts from its head on, and what it held is free when it ends", async () => {
  const { url, stop } = await system.startGateway({
    WEIR_IN_FLIGHT_MAX: "1",
    WEIR_BODY_WAIT_MS: "300",
  })
  const first = await stall(url, ways["of a known length"])
  // The head of the first may still be on its way.
  let status = 200
  while (status === 200) ({ status } = await post(`${url}/predict`, ROWS))
  expect(status).toBe(429)
  expect(await first.status).toBe(408)
  first.end()
  const again = await post(`${url}/predict`, ROWS)
  expect(again.status).toBe(200)
  expect((await ask(`${url}/health/live`)).status).toBe(200)
  await stop()
})

test("a share moves within the limit alone, and gives back once", () => {
  const inFlight = new InFlight({ requestsMax: 2, bytesMax: 10, retryAfterSeconds: () => 7 })
  const [one, two, three] = [inFlight.begin(), inFlight.begin(), inFlight.begin()]
  expect(three).toMatchObject({ error: "tooManyInFlight", retryAfterSeconds: 7 })
  if (one.kind !== "share" || two.kind !== "share") throw new Error("expected two shares")
  expect([one.resize(6), two.resize(5), two.resize(4), one.resize(7)]).toEqual([
    true,
    false,
    true,
    false,
  ])
  one.end()
  one.end()
  expect([inFlight.requests, inFlight.bytes, one.resize(1)]).toEqual([1, 4, false])
  expect(two.resize(10)).toBe(true)
  two.end()
  expect([inFlight.requests, inFlight.bytes]).toEqual([0, 0])
})
