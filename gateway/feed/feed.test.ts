// The feed of a model: every fact once and in order, wherever it lies and however often the reader
// has to come back.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { findHot } from "#core/log/find"
import { historyStatus } from "#core/log/history"
import { PREDICTIONS } from "#proto/subjects"
import { eraseFact } from "../test-erasure.ts"
import { until } from "../../test/support/eventually.ts"
import { ask, MODEL, post, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)
const CAPACITY = 100
const READERS_MAX = 3

let system: TestSystem
let url: string

beforeAll(async () => {
  system = await startTestSystem({
    WEIR_PREDICTIONS_MAX_MESSAGES: `${CAPACITY}`,
    WEIR_FEED_READERS_MAX: `${READERS_MAX}`,
  })
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

interface Event {
  readonly name: string
  readonly id: string
  readonly data: Readonly<Record<string, unknown>>
}

const fieldOf = (block: string, field: string): string =>
  block
    .split("\n")
    .find((line) => line.startsWith(`${field}: `))
    ?.slice(field.length + 2) ?? ""

/** Events as they come; comments are left out. Ends the connection when the loop ends. */
async function* events(
  query: string,
  headers: Record<string, string> = {},
  base = url,
): AsyncGenerator<Event> {
  const end = new AbortController()
  const response = await fetch(`${base}/v2/models/${MODEL}/feed${query}`, {
    headers,
    signal: end.signal,
  })
  expect(response.status).toBe(200)
  expect(response.headers.get("content-type")).toBe("text/event-stream")
  const decoder = new TextDecoder()
  let text = ""
  try {
    for await (const part of response.body ?? []) {
      text += decoder.decode(part, { stream: true })
      const blocks = text.split("\n\n")
      text = blocks.pop() ?? ""
      for (const block of blocks) {
        const name = fieldOf(block, "event")
        // Boundary: what is no object fails what is expected of it.
        if (name !== "")
          yield {
            name,
            id: fieldOf(block, "id"),
            data: JSON.parse(fieldOf(block, "data")) as Event["data"],
          }
      }
    }
  } finally {
    end.abort()
  }
}

const take = async (
  source: AsyncGenerator<Event>,
  count: number,
): Promise<ReadonlyArray<Event>> => {
  const taken: Array<Event> = []
  for await (const event of source) {
    taken.push(event)
    if (taken.length === count) break
  }
  return taken
}

const predict = async (count: number): Promise<ReadonlyArray<string>> => {
  const ids: Array<string> = []
  for (let index = 0; index < count; index++)
    ids.push((await post(`${url}/predict`, ROWS)).headers.get("weir-id") ?? "")
  return ids
}

const idsOf = (all: ReadonlyArray<Event>) => all.map(({ data }) => String(data["id"]))

test("what comes from now on is told, each fact once", async () => {
  const feed = events("")
  const first = feed.next()
  // The reader is there when the gateway counts it.
  await until("the reader is counted", async () =>
    (await (await fetch(`${url}/metrics`)).text()).includes("weir_gateway_feed_readers 1"),
  )
  await predict(1)
  const { value } = await first
  expect(value).toMatchObject({ name: "prediction", data: { model: MODEL, version: "1" } })
  await feed.return(undefined)
})

test("facts are told from a position on, and after the last event that was seen", async () => {
  const ids = await predict(10)
  const told = await ask(`${url}/v2/models/${MODEL}/predictions/${ids[0]}`)
  const position = told.headers.get("weir-position") ?? ""
  const mine = await take(events("", { "last-event-id": position }), 5)
  const all = await take(events(`?from=${position}`), 6)
  expect(idsOf(all)).toEqual(ids.slice(0, 6))
  const positions = mine.map(({ id }) => Number(id))
  expect(positions).toEqual(positions.toSorted((a, b) => a - b))
  expect(mine[0]?.data["id"]).toBe(ids[1] ?? "")
  const single = await ask(`${url}/v2/models/${MODEL}/predictions/${ids[1]}`)
  expect(mine[0]?.data["outputs"]).toEqual(single.json["outputs"] ?? [])
})

test("failures are told as such, and a filter passes over the rest", async () => {
  const id = "wrong-from-a-producer"
  const headers = [["Content-Type", "application/json"]] as const
  const subject = `weir.request.${MODEL}.${id}`
  const { seen } = await system.listenFor(id)
  await system.log.publisher.publish(subject, Buffer.from("{}"), headers)
  await seen
  const [failure] = await take(events("?from=1&outcome=failed"), 1)
  expect(failure).toMatchObject({ name: "failure", data: { id, failure: { reason: "invalid" } } })
  const [prediction] = await take(events("?from=1&outcome=predicted&version=1"), 1)
  expect(prediction?.name).toBe("prediction")
})

test("what the hot log dropped comes from the long log, the rest from the hot one", async () => {
  const ids = [...(await predict(2 * CAPACITY))]
  await until("all is copied", async () => (await historyStatus(system.log, CAPACITY)).lag === 0)
  const { state } = await system.log.manager.streams.info("PREDICTIONS")
  expect(state.first_seq).toBeGreaterThan(CAPACITY)
  const seen: Array<Event> = []
  let last = "0"
  // Comes back after every 37 events.
  while (seen.length < state.last_seq) {
    const more = await take(
      events("", { "last-event-id": last }),
      Math.min(37, state.last_seq - seen.length),
    )
    seen.push(...more)
    last = more.at(-1)?.id ?? last
  }
  expect(seen.map(({ id }) => Number(id))).toEqual(
    Array.from({ length: state.last_seq }, (_, index) => index + 1),
  )
  expect(idsOf(seen).slice(-ids.length)).toEqual(ids)
})

test("what no log holds any more is told as a gap", async () => {
  const { state } = await system.log.manager.streams.info("PREDICTIONS")
  await system.log.manager.streams.purge("HISTORY", { seq: 51 })
  const [gap, next] = await take(events("?from=11"), 2)
  expect(gap).toMatchObject({ name: "gap", id: "50", data: { from: 11, to: 50 } })
  expect(next?.id).toBe("51")
  expect(state.first_seq).toBeGreaterThan(51)
})

test("what was erased is told as a gap, from the hot log and from the long one", async () => {
  const ids = await predict(6)
  const [hot] = await findHot(system.log, ids[0] ?? "", MODEL)
  const first = hot?.position ?? 0
  for (const at of [1, 2, 4])
    expect(await eraseFact(system.log, MODEL, ids[at] ?? "")).toBe(first + at)
  const told = async () =>
    (await take(events(`?from=${first}`), 5)).map(({ name, id, data }) => [
      name,
      Number(id) - first,
      data["id"] ?? `${Number(data["from"]) - first} to ${Number(data["to"]) - first}`,
    ])
  const expected = [
    ["prediction", 0, ids[0] ?? ""],
    ["gap", 2, "1 to 2"],
    ["prediction", 3, ids[3] ?? ""],
    ["gap", 4, "4 to 4"],
    ["prediction", 5, ids[5] ?? ""],
  ]
  await until("the gateway knows", async () => {
    const { status } = await ask(`${url}/v2/models/${MODEL}/predictions/${ids[4]}`)
    return status === 410
  })
  expect(await told()).toEqual(expected)
  await predict(CAPACITY + 1)
  await until("all is copied", async () => (await historyStatus(system.log, CAPACITY)).lag === 0)
  const { state } = await system.log.manager.streams.info(PREDICTIONS)
  expect(state.first_seq).toBeGreaterThan(first + 5)
  expect(await told()).toEqual(expected)
})

test("more readers than may are refused, and those who leave make room", async () => {
  const opened = Array.from({ length: READERS_MAX }, () => events("?from=1"))
  for (const feed of opened) await feed.next()
  const refused = await ask(`${url}/v2/models/${MODEL}/feed`)
  expect(refused.status).toBe(429)
  expect(refused.json["code"]).toBe("too_many_readers")
  expect(refused.headers.get("retry-after")).not.toBeNull()
  for (const feed of opened) await feed.return(undefined)
  await until("there is room", async () => {
    const end = new AbortController()
    const again = await fetch(`${url}/v2/models/${MODEL}/feed`, { signal: end.signal })
    end.abort()
    return again.status === 200
  })
})

test("wrong wishes are refused by name", async () => {
  const feed = `${url}/v2/models/${MODEL}/feed`
  expect((await ask(`${url}/v2/models/none/feed`)).status).toBe(404)
  expect((await ask(`${feed}?outcome=good`)).status).toBe(400)
  expect((await ask(`${feed}?version=a%20b`)).status).toBe(400)
  expect((await ask(`${feed}?from=x`)).status).toBe(400)
  expect((await ask(feed, { headers: { "last-event-id": "x" } })).status).toBe(400)
  const head = await fetch(feed, { method: "HEAD" })
  expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"])
})

test("every id that a feed gives can be come back with, from position 0 too", async () => {
  const end = new AbortController()
  const { body } = await fetch(`${url}/v2/models/${MODEL}/feed?from=0`, { signal: end.signal })
  const { value } = (await body?.getReader().read()) ?? {}
  const id = fieldOf(new TextDecoder().decode(value), "id")
  end.abort()
  expect(id).toBe("0")
  const feed = events("", { "last-event-id": id })
  expect((await feed.next()).done).toBe(false)
  await feed.return(undefined)
})

test("a position that this log has not come to is refused, the next one is not", async () => {
  const feed = `${url}/v2/models/${MODEL}/feed`
  const last = (await system.log.manager.streams.info(PREDICTIONS)).state.last_seq
  for (const headers of [{ "last-event-id": `${last + 1}` }, { "last-event-id": "999999" }]) {
    const refused = await ask(feed, { headers })
    expect([refused.status, refused.json["code"]]).toEqual([410, "gone"])
    expect(refused.text).toContain(`expected at most ${last + 1}`)
  }
  expect((await ask(`${feed}?from=${last + 2}`)).status).toBe(410)
  const end = new AbortController()
  const headers = { "last-event-id": `${last}` }
  expect((await fetch(feed, { headers, signal: end.signal })).status).toBe(200)
  end.abort()
})

test("a gateway that is told to stop ends its feeds", async () => {
  const other = await system.startGateway()
  const feed = events("?from=1", {}, other.url)
  await feed.next()
  const stopped = other.stop()
  for await (const event of feed) expect(event.id).not.toBe("")
  await stopped
})
