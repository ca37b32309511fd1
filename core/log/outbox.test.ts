// What a process publishes in one turn, as a stock client of the same server receives it.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { connect } from "nats"
import { startNats } from "../../test/support/nats-server.ts"
import { headerBlock } from "./header-list.ts"
import { Outbox } from "./outbox.ts"

setDefaultTimeout(30_000)
const PAYLOAD_BYTES_MAX = 64 * 1024
const nats = await startNats({ maxPayloadBytes: PAYLOAD_BYTES_MAX })
const sending = await connect({ servers: nats.url })
const receiving = await connect({ servers: nats.url })
afterAll(async () => {
  await Promise.all([sending.close(), receiving.close()])
  await nats.stop()
})

/** The next messages of a subject, as text: subject, reply, headers, payload. */
const hear = async (subject: string, count: number) => {
  const subscription = receiving.subscribe(subject, { max: count })
  await receiving.flush()
  return async () => {
    const heard: Array<string> = []
    for await (const { subject: to, reply, headers, data } of subscription) {
      const names = [...(headers ?? [])].map(([name, values]) => `${name}=${values.join()}`)
      heard.push([to, reply, names.join(";"), Buffer.from(data).toString("utf8")].join("|"))
    }
    return heard
  }
}

test("messages arrive in order with what was given: reply, headers, text or bytes", async () => {
  const heard = await hear("one.>", 6)
  const outbox = new Outbox(sending)
  const headers = headerBlock([
    ["Weir-Caller", "Zoë"],
    ["Weir-Keyed", "1"],
  ])
  outbox.publish("one.a", "+ACK")
  outbox.publish("one.b", Buffer.from("bytes"), { reply: "back.b" })
  outbox.publish("one.c", Buffer.from("ü"), { headers })
  outbox.publish("one.d", "täxt", { reply: "back.d", headers })
  outbox.publish("one.e", new Uint8Array())
  outbox.publish("one.f", "", { headers: "" })
  expect(await heard()).toEqual([
    "one.a|||+ACK",
    "one.b|back.b||bytes",
    "one.c||Weir-Caller=Zoë;Weir-Keyed=1|ü",
    "one.d|back.d|Weir-Caller=Zoë;Weir-Keyed=1|täxt",
    "one.e|||",
    "one.f|||",
  ])
})

test("what the client itself sends in between keeps its place", async () => {
  const heard = await hear("two.*", 3)
  const outbox = new Outbox(sending)
  sending.publish("two.a")
  outbox.publish("two.b", "b")
  outbox.flush()
  sending.publish("two.c")
  expect(await heard()).toEqual(["two.a|||", "two.b|||b", "two.c|||"])
})

test("a message that the server would cut us off for is left out of the others", async () => {
  const heard = await hear("three.*", 2)
  const outbox = new Outbox(sending)
  outbox.publish("three.a", "a")
  outbox.publish("three.b", new Uint8Array(PAYLOAD_BYTES_MAX + 1))
  outbox.publish("three.c", "c")
  expect(await heard()).toEqual(["three.a|||a", "three.c|||c"])
})

test("what lies in it when the connection is closed is dropped without an error", async () => {
  const closed = await connect({ servers: nats.url })
  const outbox = new Outbox(closed)
  await closed.close()
  outbox.publish("four.a", "a")
  expect(() => outbox.flush()).not.toThrow()
})
