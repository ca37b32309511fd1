// What is read from the addresses of servers, and that no password is shown.
import { expect, test } from "bun:test"
import { readServers, ServersInvalid, shownServers } from "./servers.ts"

test("addresses are read with and without scheme, port and credentials", () => {
  expect(readServers("nats://127.0.0.1:4333")).toEqual({
    addresses: ["127.0.0.1:4333"],
    isTlsRequired: false,
    login: {},
  })
  expect(readServers("a, b:1,tls://[::1]:2/")).toMatchObject({
    addresses: ["a:4222", "b:1", "[::1]:2"],
    isTlsRequired: true,
  })
  expect(readServers("nats://u:p%40w@a:1,nats://b:2")).toMatchObject({
    addresses: ["a:1", "b:2"],
    login: { user: "u", password: "p@w" },
  })
  expect(readServers("nats://s3cret@a").login).toEqual({ token: "s3cret" })
})

test.each(["http://x", "http://u:p@x", "ws://x:80", "", "a,", "a:99999", "a:x", "a b"])(
  "%p is refused with what is expected",
  (text) => {
    expect(() => readServers(text)).toThrow(ServersInvalid)
    expect(() => readServers(text)).toThrow("expected nats://host:port")
  },
)

test.each([
  ["nats://127.0.0.1:4222", "nats://127.0.0.1:4222"],
  ["a:1, b:2", "a:1, b:2"],
  ["nats://u:secretpw@a:1,nats://v:secretpw@b:2", "nats://***@a:1,nats://***@b:2"],
  ["secretpw@a:1", "***@a:1"],
  ["nats://u:x@secretpw@a:1", "nats://***@a:1"],
  ["nats://u:secretpw,secretpw@a:1", "nats://***@a:1"],
  ["http://u:secretpw@a:1", "http://***@a:1"],
  ["nats://u:secretpw@a b,c", "nats://***@a b,c"],
])("%p is shown as %p", (text, shown) => expect(shownServers(text)).toBe(shown))
