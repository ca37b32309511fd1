// Which addresses count as public, and 200 URLs that want to reach something else.
import { describe, expect, test } from "bun:test"
import { isPublicAddress } from "./address.ts"
import { forgedUrls, notPublic } from "./test-forged-urls.ts"
import { makeSend } from "./send.ts"
import { checkApiUrl, operatorTarget, shownUrl, TargetRefused } from "./target.ts"

test("ordinary addresses of the Internet are public", () => {
  for (const address of [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:829::200e",
    "2001:4860:4860::8888",
    "2001:200::1",
    "2003::1",
  ])
    expect({ address, public: isPublicAddress(address) }).toEqual({ address, public: true })
})

test("special addresses, and what only leads to them, are not", () => {
  for (const address of notPublic)
    expect({ address, public: isPublicAddress(address) }).toEqual({ address, public: false })
})

test("what is no address is not public", () => {
  for (const text of ["", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g", "1:2", "8.8.8.8 "])
    expect(isPublicAddress(text)).toBe(false)
})

describe("forged URLs", () => {
  const target = (url: string) => ({
    name: "forged",
    kind: "standard" as const,
    url,
    secrets: [],
    trusted: false,
    since: 0,
  })
  const message = { headers: {}, body: new Uint8Array() }

  test("there are at least 200, each another one", () => {
    expect(new Set(forgedUrls.map(({ url }) => url)).size).toBe(forgedUrls.length)
    expect(forgedUrls.length).toBeGreaterThanOrEqual(200)
  })

  test("all are refused before anything is connected to", async () => {
    for (const { url, addresses } of forgedUrls) {
      const send = makeSend({ resolve: async () => addresses ?? [] })
      const reply = await send(target(url), message)
      if (reply.kind === "answered") throw new Error(`${url} was answered`)
      const refused = /public|https|credentials|cannot be read|no address|no host|longer/
      expect({ url, reason: reply.reason }).toEqual({
        url,
        reason: expect.stringMatching(refused),
      })
    }
  })

  test("those that need no resolver are refused when they are added", () => {
    const late = forgedUrls.filter(({ url }) => {
      try {
        checkApiUrl("forged", url)
        return true
      } catch (error) {
        expect(error).toBeInstanceOf(TargetRefused)
        return false
      }
    })
    expect(late.filter(({ addresses }) => addresses === undefined)).toEqual([])
  })

  test("a name that cannot be resolved, or not in time, is refused", async () => {
    const down = makeSend({ resolve: () => Promise.reject(new Error("SERVFAIL")) })
    expect(await down(target("https://hooks.weir.dev/"), message)).toEqual({
      kind: "failed",
      reason: "SERVFAIL",
    })
    const silent = makeSend({ resolve: () => new Promise(() => undefined), resolveLimitMillis: 5 })
    expect(await silent(target("https://hooks.weir.dev/"), message)).toEqual({
      kind: "failed",
      reason: "resolving hooks.weir.dev took longer than 5 ms",
    })
  })
})

describe("targets of the operator", () => {
  const target = (url: string) =>
    operatorTarget({ name: "own", kind: "standard", url, secrets: [] })

  test("may be private and plain http", () => {
    for (const url of ["http://127.0.0.1:9/x", "http://alertmanager:9093", "https://10.0.0.7/"])
      expect(target(url).trusted).toBe(true)
  })
  test("must be URLs of http or https", () => {
    for (const url of ["", "file:///etc/passwd", "ftp://a.b/", "nats://x", "not a url"])
      expect(() => target(url)).toThrow(TargetRefused)
  })
})

test("a URL is shown without its path and credentials, which can be secrets", () => {
  expect(shownUrl("https://u:p@hooks.slack.com/services/T0/B0/hidden?y=1")).toBe(
    "https://hooks.slack.com/…",
  )
  expect(shownUrl("https://a.dev")).toBe("https://a.dev")
  expect(shownUrl("nonsense")).toBe("?")
})
