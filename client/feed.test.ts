import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { freePorts } from "../test/support/nats-server.ts"
import { type FeedEvent, type FeedOptions, InferenceClient, LOCAL_CODES } from "./client.ts"
import {
  type ClientSystem,
  failing,
  FLIGHT,
  flights,
  START_MILLIS,
  startClientSystem,
} from "./test-system.ts"

setDefaultTimeout(START_MILLIS)
const QUICK = { waitFirstMillis: 5, waitMaxMillis: 50, triesMax: 1_000 }

describe("of a real Weir:", () => {
  let system: ClientSystem
  let client: InferenceClient
  beforeAll(async () => {
    system = await startClientSystem()
    client = new InferenceClient({ url: system.url })
  }, START_MILLIS)
  afterAll(() => system.stop(), START_MILLIS)

  const infer = async (count: number): Promise<ReadonlyArray<string | undefined>> => {
    const asked = Array.from({ length: count }, () => client.infer("flights", flights(FLIGHT)))
    return (await Promise.all(asked)).map(({ logId }) => logId)
  }

  test("each answer is told once, though the gateway is killed and comes back", async () => {
    const [port = 0] = freePorts(1)
    const environment = { WEIR_PORT: `${port}` }
    const gateway = await system.gateway(environment)
    const before = await infer(20)
    const read: Array<FeedEvent & { readonly kind: "prediction" }> = []
    let after: ReadonlyArray<string | undefined> = []
    const reader = new InferenceClient({ url: gateway.url })
    for await (const event of reader.feed("flights", { from: 1, retry: QUICK })) {
      if (event.kind !== "prediction") continue
      read.push(event)
      if (read.length === 10) {
        await gateway.kill()
        await system.gateway(environment)
        after = await infer(20)
      }
      if (read.length === 40) break
    }
    const positions = read.map(({ position }) => position)
    expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => a - b))
    expect(new Set(read.map(({ id }) => id))).toEqual(
      new Set([...before, ...after].map((id) => id ?? "")),
    )
    expect(read[0]?.outputs.map(({ name, data }) => [name, data.length])).toEqual([
      ["label", 1],
      ["probabilities", 2],
    ])
  })

  test("a reader goes on where another has stopped", async () => {
    await infer(3)
    let last = ""
    const first: Array<number> = []
    const onPosition = (id: string) => {
      last = id
    }
    for await (const event of client.feed("flights", { from: 1, onPosition })) {
      if (event.kind !== "prediction") continue
      first.push(event.position)
      if (first.length === 2) break
    }
    // The second was not taken to its end.
    expect(last).toBe(`${first[0] ?? 0}`)
    for await (const event of client.feed("flights", { lastEventId: last })) {
      expect(event.kind === "prediction" && event.position).toBe(first[1] ?? 0)
      break
    }
  })

  test("failures are told, and can be asked for alone", async () => {
    await failing(client.infer("table", { inputs: [] }))
    const spoilt = { inputs: [{ ...ids(99) }] }
    const error = await failing(client.infer("table", spoilt))
    for await (const event of client.feed("table", { from: 1, outcome: "failed" })) {
      if (event.kind !== "failure") continue
      expect([event.id, event.failure.reason]).toEqual([error.id ?? "", "model_error"])
      break
    }
  })

  test("a model that is not known is refused", async () => {
    const error = await failing(client.feed("nobody").next())
    expect([error.status, error.code]).toEqual([404, "unknown_model"])
  })

  test("a signal ends a reader that waits", async () => {
    const controller = new AbortController()
    const { signal } = controller
    const next = failing(client.feed("FP32", { signal }).next())
    controller.abort()
    expect((await next).code).toBe("aborted")
  })
})

const ids = (value: number) =>
  ({
    name: "ids",
    datatype: "INT64",
    shape: [1],
    data: new BigInt64Array([BigInt(value)]),
  }) as const

describe("of any server:", () => {
  let stop: (() => Promise<void>) | undefined
  afterEach(async () => {
    await stop?.()
    stop = undefined
  })

  type Body = (connection: number) => BodyInit | null | Response
  /** What readers came back with, and the reader. */
  const serve = (body: Body, options: FeedOptions = {}) => {
    const resumed: Array<string | null> = []
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => {
        resumed.push(request.headers.get("last-event-id"))
        const answer = body(resumed.length)
        return answer instanceof Response ? answer : new Response(answer)
      },
    })
    stop = () => server.stop(true)
    const client = new InferenceClient({ url: `http://127.0.0.1:${server.port ?? 0}` })
    return { resumed, feed: client.feed("m", { retry: QUICK, ...options }) }
  }

  test("a connection that breaks in an event is made again from the event before", async () => {
    const { resumed, feed } = serve((connection) =>
      connection === 1
        ? "retry: 1\nid: 4\n: from\n\nevent: a\nid: 5\ndata: 1\n\nevent: a\nid: 6\ndata: 2\n"
        : "event: a\nid: 6\ndata: 3\n\n",
    )
    const first = await feed.next()
    const second = await feed.next()
    await feed.return(undefined)
    expect([first.value, second.value]).toEqual([
      { kind: "other", name: "a", data: "1" },
      { kind: "other", name: "a", data: "3" },
    ])
    expect(resumed).toEqual([null, "5"])
  })
  test("a stream that is silent is left and begun anew", async () => {
    const silent = () => new ReadableStream({ pull: () => new Promise<void>(() => undefined) })
    const body: Body = (connection) =>
      connection === 1 ? silent() : "event: a\nid: 1\ndata: 1\n\n"
    const { resumed, feed } = serve(body, { silenceMaxMillis: 20 })
    expect((await feed.next()).value).toEqual({ kind: "other", name: "a", data: "1" })
    expect(resumed.length).toBeGreaterThanOrEqual(2)
    await feed.return(undefined)
  })
  test("as many breaks in a row as are allowed, and not more", async () => {
    const retry = { ...QUICK, triesMax: 3 }
    const { resumed, feed } = serve(() => new Response("", { status: 503 }), { retry })
    expect((await failing(feed.next())).status).toBe(503)
    expect(resumed).toHaveLength(3)
  })
  test("what is too long or no fact is told as a bad answer", async () => {
    const long = serve(() => `data: ${"a".repeat(2_000)}\n\n`, { eventCharactersMax: 1_000 })
    expect((await failing(long.feed.next())).code).toBe(LOCAL_CODES.badAnswer)
    await stop?.()
    const wrong = serve(() => "event: prediction\ndata: {}\n\n")
    expect((await failing(wrong.feed.next())).code).toBe(LOCAL_CODES.badAnswer)
  })
})
