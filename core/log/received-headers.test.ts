// Headers as we read them, against the client that wrote them.
import { expect, test } from "bun:test"
import { headers as natsHeaders } from "nats"
import { openTestLog } from "../../test/support/open-log.ts"
import { until } from "../../test/support/eventually.ts"
import {
  lastHeader,
  parseHeaders,
  receivedHeaders,
  type ReceivedHeaders,
} from "./received-headers.ts"

const block = (...lines: ReadonlyArray<string>) =>
  parseHeaders(`NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`)

test("what the client sends is read as it reads it, from the message itself", async () => {
  const one = await openTestLog()
  const sent = natsHeaders()
  const pairs = [
    ["Weir-Digest", "ab".repeat(32)],
    ["lower-case", "kept as it is"],
    ["Weir-Grüße".replace("Grüße", "X"), "grüße, 世界"],
    ["Empty", ""],
  ] as const
  for (const [name, value] of pairs) sent.append(name, value)
  const got: Array<readonly [ReceivedHeaders | undefined, string]> = []
  const { connection } = one.log
  connection.subscribe("headers.*", {
    callback: (_, message) =>
      got.push([receivedHeaders(message), Buffer.from(message.data).toString()]),
  })
  connection.publish("headers.with", "payload", { headers: sent })
  connection.publish("headers.without", "bare")
  const [[withHeaders, payload], [without, bare]] = await until("both came", () =>
    got[0] !== undefined && got[1] !== undefined ? ([got[0], got[1]] as const) : undefined,
  )
  expect([payload, bare, without]).toEqual(["payload", "bare", undefined])
  expect(withHeaders?.keys()).toEqual(sent.keys())
  for (const [name, value] of pairs) expect(withHeaders?.get(name)).toBe(value)
  await one.stop()
})

test("a name that comes twice has a first and a last value, and an absent one is empty", () => {
  const found = block("A: 1", "A: 2", "B:3", "C: x:y ")
  expect(found.keys()).toEqual(["A", "B", "C"])
  expect(["A", "B", "D"].map((name) => found.last(name))).toEqual(["2", "3", ""])
  expect(["A", "B", "C", "D", "a"].map((name) => found.get(name))).toEqual([
    "1",
    "3",
    "x:y",
    "",
    "",
  ])
})

test("a line that has no colon is passed over, and a name that is none is refused", () => {
  expect(block("just words", "A: 1").keys()).toEqual(["A"])
  expect(() => block("A b: 1")).toThrow('not the name of a header: "A b"')
  expect(() => block("ü: 1")).toThrow("not the name of a header")
  expect(() => block(": 1")).toThrow("not the name of a header")
})

test("a block that is cut anywhere is never read past its end", () => {
  const whole = "NATS/1.0\r\nA: 1\r\nB: 2\r\n\r\n"
  for (let length = 0; length <= whole.length; length++)
    expect(parseHeaders(whole.slice(0, length)).keys().length).toBeLessThanOrEqual(2)
})

test("the last value of one header is read without the others", async () => {
  const one = await openTestLog()
  const { connection } = one.log
  const got = Promise.withResolvers<ReadonlyArray<string>>()
  const names = ["Twice", "Once", "Empty", "Absent", "wice"]
  connection.subscribe("headers", {
    callback: (_, message) => got.resolve(names.map((name) => lastHeader(message, name))),
  })
  const bare = Promise.withResolvers<string>()
  connection.subscribe("bare", {
    callback: (_, message) => bare.resolve(lastHeader(message, "Once")),
  })
  const sent = natsHeaders()
  for (const [name, value] of [
    ["Twice", "first"],
    ["Once", "1: 2"],
    ["Empty", ""],
    ["Twice", "second"],
  ] as const)
    sent.append(name, value)
  connection.publish("headers", "payload", { headers: sent })
  connection.publish("bare", "payload")
  expect(await got.promise).toEqual(["second", "1: 2", "", "", ""])
  expect(await bare.promise).toBe("")
  await one.stop()
})
