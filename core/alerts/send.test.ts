// Sending to real servers on this machine: what arrives, where it goes, and what is not followed.
import { afterAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { operatorTarget, type Target } from "./target.ts"
import { ANSWER_MAX_BYTES, makeSend, resolveTarget, type SendOptions } from "./send.ts"
import { TEST_CERTIFICATE, TEST_HOST, TEST_KEY } from "./test-certificate.ts"

interface Seen {
  readonly method: string
  readonly path: string
  readonly host: string | null
  readonly authorization: string | null
  readonly type: string | null
  readonly body: string
}

const ends: Array<() => Promise<unknown>> = []
afterAll(() => Promise.all(ends.map((end) => end())))

const serve = (
  answer: (request: Request) => Response | Promise<Response>,
  options: { readonly hostname?: string; readonly port?: number; readonly secure?: boolean } = {},
) => {
  const seen: Array<Seen> = []
  const server = Bun.serve({
    hostname: options.hostname ?? "127.0.0.1",
    port: options.port ?? 0,
    ...(options.secure === true ? { tls: { key: TEST_KEY, cert: TEST_CERTIFICATE } } : {}),
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url)
      seen.push({
        method: request.method,
        path: pathname + search,
        host: request.headers.get("host"),
        authorization: request.headers.get("authorization"),
        type: request.headers.get("content-type"),
        body: await request.text(),
      })
      return answer(request)
    },
  })
  ends.push(() => server.stop(true))
  return { port: server.port ?? 0, seen }
}

const ok = () => new Response("thanks")
const message = {
  headers: { "content-type": "application/json" },
  body: new TextEncoder().encode('{"city":"Zürich"}'),
}
const own = (url: string): Target =>
  operatorTarget({ name: "own", kind: "standard", url, secrets: [] })
const foreign = (port: number, host = TEST_HOST): Target => ({
  name: "foreign",
  kind: "standard",
  url: `https://${host}:${port}/hook`,
  secrets: [],
  trusted: false,
  since: 0,
})
/** Loopback stands for the public Internet. */
const asPublic = (options: SendOptions = {}): SendOptions => ({
  resolve: async () => ["127.0.0.1"],
  isAllowed: (address) => address === "127.0.0.1",
  authorities: TEST_CERTIFICATE,
  ...options,
})

describe("a target of the operator", () => {
  test("gets one POST with body, path, query and credentials", async () => {
    const { port, seen } = serve(ok)
    const reply = await makeSend()(own(`http://me:p%40ss@127.0.0.1:${port}/a/b?c=1`), message)
    expect(reply).toEqual({ kind: "answered", status: 200 })
    expect(seen).toEqual([
      {
        method: "POST",
        path: "/a/b?c=1",
        host: `127.0.0.1:${port}`,
        authorization: `Basic ${btoa("me:p@ss")}`,
        type: "application/json",
        body: '{"city":"Zürich"}',
      },
    ])
  })

  test("may be a name with a private address", async () => {
    const { port, seen } = serve(ok)
    const send = makeSend({ resolve: async () => ["127.0.0.1"] })
    expect((await send(own(`http://receiver.internal:${port}/`), message)).kind).toBe("answered")
    expect(seen[0]?.host).toBe(`receiver.internal:${port}`)
  })

  test("is reached at its next address when the first does not listen", async () => {
    const { port, seen } = serve(ok, { hostname: "127.0.0.3" })
    const send = makeSend({ resolve: async () => ["127.0.0.2", "127.0.0.3"] })
    expect((await send(own(`http://two.internal:${port}/`), message)).kind).toBe("answered")
    expect(seen.length).toBe(1)
  })

  test("that does not listen is a failure with its reason", async () => {
    const { port } = serve(ok, { hostname: "127.0.0.4" })
    const reply = await makeSend()(own(`http://127.0.0.5:${port}/`), message)
    expect(reply.kind).toBe("failed")
  })
})

describe("a target from the API", () => {
  test("is reached at the address that was judged, under its own name", async () => {
    const { port, seen } = serve(ok, { secure: true })
    const reply = await makeSend(asPublic())(foreign(port), message)
    expect(reply).toEqual({ kind: "answered", status: 200 })
    expect(seen[0]?.host).toBe(`${TEST_HOST}:${port}`)
  })

  test("is not reached when its certificate is another name's, or nobody's", async () => {
    const { port, seen } = serve(ok, { secure: true })
    const other = await makeSend(asPublic())(foreign(port, "other.weir-receiver.dev"), message)
    expect(other).toMatchObject({ kind: "failed", reason: expect.stringContaining("ALTNAME") })
    const { authorities: _, ...unknown } = asPublic()
    expect((await makeSend(unknown)(foreign(port), message)).kind).toBe("failed")
    expect(seen).toEqual([])
  })

  test("cannot move between the judgement and the connection, in 50 tries", async () => {
    const good = serve(ok, { secure: true })
    const inside = serve(ok, { secure: true, hostname: "127.0.0.9", port: good.port })
    for (let round = 0; round < 50; round++) {
      let asked = 0
      const resolve = async () => (asked++ === 0 ? ["127.0.0.1"] : ["127.0.0.9"])
      const reply = await makeSend(asPublic({ resolve }))(foreign(good.port), message)
      expect(reply).toEqual({ kind: "answered", status: 200 })
      expect(asked).toBe(1)
    }
    expect(good.seen.length).toBe(50)
    expect(inside.seen).toEqual([])
  })

  test("that answers with a good and a bad address is not reached at either", async () => {
    const { port, seen } = serve(ok, { secure: true })
    for (const addresses of [
      ["127.0.0.1", "127.0.0.9"],
      ["127.0.0.9", "127.0.0.1"],
      ["127.0.0.1", "::1"],
    ]) {
      const send = makeSend(asPublic({ resolve: async () => addresses }))
      expect((await send(foreign(port), message)).kind).toBe("failed")
    }
    expect(seen).toEqual([])
  })
})

describe("an answer", () => {
  test("that redirects is not followed, whoever the target is", async () => {
    const inside = serve(ok)
    for (const status of [301, 302, 303, 307, 308]) {
      const headers = { location: `http://127.0.0.1:${inside.port}/secret` }
      const outside = serve(() => new Response(null, { status, headers }))
      const reply = await makeSend()(own(`http://127.0.0.1:${outside.port}/`), message)
      expect(reply).toEqual({ kind: "answered", status })
      const secure = serve(() => new Response(null, { status, headers }), { secure: true })
      const other = await makeSend(asPublic())(foreign(secure.port), message)
      expect(other).toEqual({ kind: "answered", status })
    }
    expect(inside.seen).toEqual([])
  })

  test("says when to come again", async () => {
    const { port } = serve(() => new Response("", { status: 503, headers: { "retry-after": "7" } }))
    expect(await makeSend()(own(`http://127.0.0.1:${port}/`), message)).toEqual({
      kind: "answered",
      status: 503,
      retryAfter: "7",
    })
  })

  test("without an end is cut after 64 kB, and its status counts", async () => {
    const chunk = new Uint8Array(16 * 1024)
    const { promise: cut, resolve: onCut } = Promise.withResolvers<number>()
    let sent = 0
    const endless = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            sent += chunk.byteLength
            controller.enqueue(chunk.slice())
          },
          cancel: () => onCut(sent),
        }),
      )
    const { port } = serve(endless)
    const reply = await makeSend()(own(`http://127.0.0.1:${port}/`), message)
    expect(reply).toEqual({ kind: "answered", status: 200 })
    // The sockets' buffers hold some more.
    expect(await cut).toBeLessThan(ANSWER_MAX_BYTES + 16 * 1024 * 1024)
  })

  test("that never comes is a failure; one whose body never ends is not", async () => {
    const silent = serve(() => new Promise<Response>(() => undefined))
    const send = makeSend({ answerLimitMillis: 50 })
    expect(await send(own(`http://127.0.0.1:${silent.port}/`), message)).toEqual({
      kind: "failed",
      reason: "no answer within 50 ms",
    })
    const slow = serve(
      () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(1)) })),
    )
    expect(await send(own(`http://127.0.0.1:${slow.port}/`), message)).toEqual({
      kind: "answered",
      status: 200,
    })
  })
})

test("no proxy of the environment comes between, which would resolve the name again", async () => {
  const proxy = serve(() => new Response("", { status: 299 }))
  const { port, seen } = serve(ok)
  const script = `
    const { makeSend } = await import(${JSON.stringify(join(import.meta.dir, "send.ts"))})
    const url = "http://127.0.0.1:${port}/"
    const target = { name: "own", kind: "standard", url, secrets: [], trusted: true, since: 0 }
    const reply = await makeSend()(target, { headers: {}, body: new Uint8Array(1) })
    console.log(reply.status, (await fetch(url)).status)
  `
  const proxied = `http://127.0.0.1:${proxy.port}`
  const env = { ...process.env, HTTP_PROXY: proxied, http_proxy: proxied, NO_PROXY: "" }
  const run = Bun.spawn([process.execPath, "-e", script], { env, stdout: "pipe" })
  // The second figure shows that the environment is heeded by what does not take care.
  expect(await new Response(run.stdout).text()).toBe("200 299\n")
  expect(seen.length).toBe(1)
  expect(proxy.seen.length).toBe(1)
})

test("where a name leads is told before anything is sent", async () => {
  const target = foreign(443)
  const led = (...addresses: ReadonlyArray<string>) =>
    resolveTarget(target, { resolve: async () => addresses })
  expect(await led("93.184.216.34")).toBeUndefined()
  expect(await led()).toContain("has no address")
  await expect(led("93.184.216.34", "10.0.0.1")).rejects.toThrow("10.0.0.1, which is not a public")
})
