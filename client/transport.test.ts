// Retries, deadlines and errors against servers that answer as each test says.
import { afterEach, describe, expect, test } from "bun:test"
import { InferenceClient, type ClientOptions, type InferenceError, tensor } from "./client.ts"
import { failing } from "./test-system.ts"

type Reply = (request: Request, tries: number) => Response | Promise<Response>

let stop: (() => Promise<void>) | undefined
afterEach(async () => {
  await stop?.()
  stop = undefined
})

const ANSWER = { model_name: "m", outputs: [] }
const REQUEST = { inputs: [tensor("x", "FP32", [1], [1])] }
const QUICK = { waitFirstMillis: 1, waitMaxMillis: 2 }

/** A client of a server, and the requests for inference that the server has seen. */
const serve = (reply: Reply, options: Partial<ClientOptions> = {}) => {
  const seen: Array<{ readonly headers: Headers }> = []
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      if (request.url.endsWith("/v2")) return Response.json({ name: "s", extensions: [] })
      // Those of a request are gone with it.
      seen.push({ headers: new Headers(request.headers) })
      return reply(request, seen.length)
    },
  })
  stop = () => server.stop(true)
  const url = `http://127.0.0.1:${server.port ?? 0}`
  return { seen, client: new InferenceClient({ url, retry: QUICK, ...options }) }
}

const refusal = (status: number, more: object = {}, headers: Record<string, string> = {}) =>
  Response.json({ error: "a sentence", code: "a_word", ...more }, { status, headers })

describe("a try is made again", () => {
  test.each([429, 502, 503, 504])("after %d, under one key", async (status) => {
    const { seen, client } = serve((_, tries) =>
      tries < 3 ? refusal(status) : Response.json(ANSWER),
    )
    expect((await client.infer("m", REQUEST)).model).toBe("m")
    const keys = seen.map(({ headers }) => headers.get("idempotency-key"))
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
  })
  test("as often as is allowed, and the last error is told", async () => {
    const retry = { ...QUICK, triesMax: 3 }
    const { seen, client } = serve((_, tries) => refusal(503, { code: `no_${tries}` }), { retry })
    expect((await failing(client.infer("m", REQUEST))).code).toBe("no_3")
    expect(seen).toHaveLength(3)
  })
  test("no sooner than the server asks for, and random is asked for the rest", async () => {
    const drawn: Array<number> = []
    const random = () => {
      drawn.push(1)
      return 0
    }
    const reply: Reply = (_, tries) =>
      tries === 1 ? refusal(429, {}, { "retry-after": "1" }) : Response.json(ANSWER)
    const { client } = serve(reply, { random })
    const started = performance.now()
    await client.infer("m", REQUEST)
    expect(performance.now() - started).toBeGreaterThanOrEqual(990)
    expect(drawn).toHaveLength(1)
  })
  test("with less time left for the server", async () => {
    const { seen, client } = serve((_, tries) =>
      tries === 1 ? refusal(429, {}, { "retry-after": "1" }) : Response.json(ANSWER),
    )
    await client.infer("m", REQUEST, { timeoutMillis: 5_000 })
    const [first = 0, second = 0] = seen.map(({ headers }) =>
      Number(headers.get("weir-timeout-ms")),
    )
    expect(first).toBeGreaterThan(4_000)
    expect(second).toBeLessThanOrEqual(first - 990)
  })
})

describe("a try is not made again", () => {
  test.each([400, 401, 404, 413, 422, 500, 501])("after %d", async (status) => {
    const { seen, client } = serve(() => refusal(status))
    const error = await failing(client.infer("m", REQUEST))
    expect([error.status, error.code, error.message]).toEqual([status, "a_word", "a sentence"])
    expect(seen).toHaveLength(1)
  })
  test("without a key", async () => {
    const { seen, client } = serve(() => refusal(503))
    await failing(client.infer("m", REQUEST, { idempotencyKey: null }))
    expect(seen.map(({ headers }) => headers.get("idempotency-key"))).toEqual([null])
  })
  test("where the server asks for more time than there is", async () => {
    const { seen, client } = serve(() => refusal(503, {}, { "retry-after": "20" }))
    const error = await failing(client.infer("m", REQUEST, { timeoutMillis: 5_000 }))
    expect([error.retryAfterMillis, seen.length]).toEqual([20_000, 1])
  })
  test("where it asks for more than the limit", async () => {
    const { client } = serve(() => refusal(503, {}, { "retry-after": "86400" }))
    const error = await failing(client.infer("m", REQUEST, { timeoutMillis: 1e9 }))
    expect(error.retryAfterMillis).toBe(86_400_000)
  })
})

describe("a call ends", () => {
  const never: Reply = () => new Promise<Response>(() => undefined)
  test("with its time, even where the server is silent", async () => {
    const { client } = serve(never)
    const error = await failing(client.infer("m", REQUEST, { timeoutMillis: 20 }))
    expect([error.status, error.code]).toEqual([0, "timed_out"])
  })
  test("with the caller's signal, before and while it is on its way", async () => {
    const controller = new AbortController()
    const { client } = serve(() => {
      controller.abort()
      return new Promise<Response>(() => undefined)
    })
    const { signal } = controller
    expect((await failing(client.infer("m", REQUEST, { signal }))).code).toBe("aborted")
    expect((await failing(client.infer("m", REQUEST, { signal }))).code).toBe("aborted")
  })
  test("with the server's own word where that comes in time", async () => {
    const { client } = serve(() => refusal(504, { code: "timed_out", id: "abc" }))
    await failing(client.infer("m", REQUEST))
    const error = await failing(client.infer("m", REQUEST, { timeoutMillis: 1 }))
    expect([error.status, error.id]).toEqual([504, "abc"])
  })
})

describe("what a server says wrong is told:", () => {
  const told = async (
    reply: Reply,
    options: Partial<ClientOptions> = {},
  ): Promise<InferenceError> => {
    const { client } = serve(reply, options)
    return failing(client.infer("m", REQUEST))
  }
  test("an error page", async () => {
    const error = await told(() => new Response("<html>", { status: 500 }))
    expect([error.status, error.code]).toEqual([500, "http_500"])
  })
  test("an answer that is no JSON, or none of the protocol", async () => {
    expect((await told(() => new Response("<html>"))).code).toBe("bad_answer")
    await stop?.()
    expect((await told(() => Response.json({ outputs: [{}] }))).code).toBe("bad_answer")
  })
  test("an answer without end", async () => {
    const error = await told(() => new Response("x".repeat(2_000)), { answerBytesMax: 1_000 })
    expect(error.code).toBe("bad_answer")
  })
  test("a place on another server, which gets no key", async () => {
    const { client } = serve(() => Response.json({}), { apiKey: "secret" })
    const ticket = { model: "m", location: "http://127.0.0.1:9/v2" }
    expect((await failing(client.poll(ticket))).code).toBe("invalid_argument")
    const other = { model: "m", location: "//127.0.0.1:9/v2" }
    expect((await failing(client.poll(other))).code).toBe("invalid_argument")
  })
})

test("a key that no header can hold is the caller's fault, and is not tried again", async () => {
  const { seen, client } = serve(() => Response.json(ANSWER), { apiKey: "weir…" })
  expect((await failing(client.infer("m", REQUEST))).code).toBe("invalid_argument")
  expect(seen).toHaveLength(0)
})

test("a key and headers go with every request", async () => {
  const headers = { "x-tenant": "a" }
  const { seen, client } = serve(() => Response.json(ANSWER), {
    apiKey: () => Promise.resolve("secret"),
    headers,
  })
  await client.infer("m", REQUEST)
  expect(seen[0]?.headers.get("authorization")).toBe("Bearer secret")
  expect(seen[0]?.headers.get("x-tenant")).toBe("a")
})
