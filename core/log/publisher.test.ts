// What the server answers to a publish, and what it does not answer, each told apart from the
// others.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { DiscardPolicy, RetentionPolicy } from "nats"
import { until } from "../../test/support/eventually.ts"
import { startNats } from "../../test/support/nats-server.ts"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_SEQUENCE } from "../../proto/headers.ts"
import { PREDICTIONS, predictionSubject, REQUESTS, requestSubject } from "../../proto/subjects.ts"
import { closeLog, openLog } from "./log.ts"
import type { HeaderList } from "./header-list.ts"
import { readPublished } from "./publisher.ts"
import { readFromLeader, readLast } from "./read.ts"

const KIB = 1024
const MIB = 1024 * KIB
const payload = (bytes: number) => new Uint8Array(bytes)
const answered = (text: string) => readPublished({ data: Buffer.from(text) })
const once: HeaderList = [[EXPECTED_LAST_SUBJECT_SEQUENCE, "0"]]

let one: TestLog
beforeAll(async () => {
  one = await openTestLog({ requestsMessagesMax: 3, requestsBytesMax: 40 * KIB })
})
afterAll(() => one.stop())

describe("a fact", () => {
  test("is stored once, and refused as existing the second time", async () => {
    const { publisher } = one.log
    const subject = predictionSubject("m", "first")
    expect(await publisher.publish(subject, payload(3), once)).toMatchObject({ kind: "stored" })
    expect(await publisher.publish(subject, payload(3), once)).toEqual({ kind: "exists" })
  })

  test("is stored again when the server ignores a header in other case", async () => {
    const { publisher } = one.log
    const subject = predictionSubject("m", "case")
    const lower: HeaderList = [[EXPECTED_LAST_SUBJECT_SEQUENCE.toLowerCase(), "0"]]
    expect(await publisher.publish(subject, payload(1), lower)).toMatchObject({ kind: "stored" })
    expect(await publisher.publish(subject, payload(1), lower)).toMatchObject({ kind: "stored" })
    expect(await publisher.publish(subject, payload(1), once)).toEqual({ kind: "exists" })
  })

  test("carries the header on the wire exactly as the server reads it", async () => {
    const subject = predictionSubject("m", "wire")
    await one.log.publisher.publish(subject, payload(1), [...once, ["Weir-Digest", "abc"]])
    const stored = await one.log.manager.streams.getMessage(PREDICTIONS, { last_by_subj: subject })
    const names = [...stored.header.keys()]
    expect(names).toEqual(["Nats-Expected-Last-Subject-Sequence", "Weir-Digest"])
    expect(stored.header.get("Nats-Expected-Last-Subject-Sequence")).toBe("0")
  })

  test("shares its list of headers with others without losing any", async () => {
    const list: HeaderList = [["Weir-Caller", "alice"]]
    const subjects = ["h1", "h2", "h3"].map((id) => predictionSubject("m", id))
    await Promise.all(subjects.map((to) => one.log.publisher.publish(to, payload(1), list)))
    for (const subject of subjects)
      expect((await readLast(one.log, PREDICTIONS, subject, 1))?.headers?.get("Weir-Caller")).toBe(
        "alice",
      )
  })
})

describe("a request", () => {
  test("is refused as queued, full of messages or full of bytes, and queued wins", async () => {
    const { publisher, manager } = one.log
    const request = (id: string, bytes: number) =>
      publisher.publish(requestSubject("m", id), payload(bytes))
    expect(await request("a", 10)).toMatchObject({ kind: "stored" })
    expect(await request("a", 10)).toEqual({ kind: "queued" })
    expect(await request("b", 30 * KIB)).toMatchObject({ kind: "stored" })
    expect(await request("c", 30 * KIB)).toEqual({ kind: "full", limit: "bytes" })
    expect(await request("b", 30 * KIB)).toEqual({ kind: "queued" })
    // A small one still fits where a large one did not.
    expect(await request("c", 10)).toMatchObject({ kind: "stored" })
    expect(await request("d", 10)).toEqual({ kind: "full", limit: "messages" })
    expect(await request("a", 10)).toEqual({ kind: "queued" })
    await manager.streams.purge(REQUESTS)
    expect(await request("a", 10)).toMatchObject({ kind: "stored" })
    await manager.streams.purge(REQUESTS)
  })
})

describe("what cannot be stored", () => {
  test("is too large for the server", async () => {
    const { publisher } = one.log
    expect(publisher.maxPayloadBytes).toBe(8 * MIB)
    const subject = predictionSubject("m", "large")
    expect(await publisher.publish(subject, payload(8 * MIB + 1))).toEqual({ kind: "tooLarge" })
    expect(await publisher.publish(subject, payload(8 * MIB), once)).toEqual({ kind: "tooLarge" })
    expect(await publisher.publish(subject, payload(8 * MIB - KIB), once)).toMatchObject({
      kind: "stored",
    })
  })

  test("is too large for its stream", async () => {
    await one.log.manager.streams.add({ name: "SMALL", subjects: ["small"], max_msg_size: 100 })
    expect(await one.log.publisher.publish("small", payload(200))).toEqual({ kind: "tooLarge" })
  })

  test("has no stream that listens", async () => {
    expect(await one.log.publisher.publish("nobody.here", payload(1))).toEqual({
      kind: "unavailable",
      reason: "no responders",
    })
  })

  test("meets silence: the wait ends by itself", async () => {
    const other = await one.open()
    other.connection.subscribe("silent.subject")
    await other.connection.flush()
    expect(await one.log.publisher.publish("silent.subject", payload(1))).toEqual({
      kind: "unavailable",
      reason: "no ack within 2000 ms",
    })
    expect(one.log.publisher.inFlight).toBe(0)
  })

  test("meets a full store, which refuses every stream", async () => {
    const small = await startNats({ maxFileStoreBytes: 3 * MIB })
    const log = await openLog({ servers: small.url, name: "test" })
    await log.manager.streams.add({ name: "A", subjects: ["a.*"] })
    await log.manager.streams.add({
      name: "B",
      subjects: ["b.*"],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
    })
    const fill = async () => {
      for (let at = 0; at < 100; at++) {
        const published = await log.publisher.publish(`a.${at}`, payload(64 * KIB))
        if (published.kind !== "stored") return published
      }
      return undefined
    }
    expect(await fill()).toEqual({ kind: "storeFull" })
    expect(await log.publisher.publish("b.1", payload(64 * KIB))).toEqual({ kind: "storeFull" })
    await log.manager.streams.purge("A")
    expect(await log.publisher.publish("b.1", payload(64 * KIB))).toMatchObject({ kind: "stored" })
    await closeLog(log)
    await small.stop()
  })
})

test("a connection that is lost ends the wait of what was in flight at once", async () => {
  const two = await openTestLog()
  const listener = await two.open()
  listener.connection.subscribe("silent.subject")
  await listener.connection.flush()
  const inFlight = [1, 2, 3].map(() => two.log.publisher.publish("silent.subject", payload(1)))
  expect(two.log.publisher.inFlight).toBe(3)
  await two.nats.server().kill()
  for (const published of await Promise.all(inFlight))
    expect(published).toEqual({ kind: "unavailable", reason: "disconnected" })
  expect(await two.log.publisher.publish("x", payload(1))).toEqual({
    kind: "unavailable",
    reason: "not connected",
  })
  await two.stop()
})

test("an ack that comes too late is nobody's, whatever was published meanwhile", async () => {
  const other = await one.open()
  const replies: Array<string> = []
  other.connection.subscribe("late.*", {
    callback: (_, message) => void replies.push(message.reply ?? ""),
  })
  await other.connection.flush()
  const { publisher } = one.log
  expect(await publisher.publish("late.first", payload(1))).toMatchObject({ kind: "unavailable" })
  const second = publisher.publish("late.second", payload(1))
  await until("both came", () => replies.length === 2)
  const [first = "", next = ""] = replies
  expect(next).not.toBe(first)
  other.connection.publish(first, '{"stream":"S","seq":1}')
  other.connection.publish(next, '{"stream":"S","seq":2}')
  expect(await second).toEqual({ kind: "stored", sequence: 2, duplicate: false })
  const third = publisher.publish("late.third", payload(1))
  await until("it came", () => replies.length === 3)
  expect(replies[2]).toBe(next)
  other.connection.publish(next, '{"stream":"S","seq":3}')
  expect(await third).toMatchObject({ sequence: 3 })
})

describe("an answer is read", () => {
  const answer = (body: unknown) => answered(JSON.stringify(body))
  const refused = (err_code: number, description: string) =>
    answer({ error: { code: 503, err_code, description } })

  test("by its code, and in its three forms where the code is the same", () => {
    expect(answer({ stream: "S", seq: 7 })).toEqual({
      kind: "stored",
      sequence: 7,
      duplicate: false,
    })
    expect(answer({ stream: "S", seq: 7, duplicate: true })).toMatchObject({ duplicate: true })
    expect(refused(10071, "wrong last sequence: 1")).toEqual({ kind: "exists" })
    expect(refused(10164, "wrong last sequence")).toEqual({ kind: "undecided" })
    expect(refused(10077, "maximum messages per subject exceeded")).toEqual({ kind: "queued" })
    expect(refused(10077, "maximum messages exceeded")).toEqual({ kind: "full", limit: "messages" })
    expect(refused(10077, "maximum bytes exceeded")).toEqual({ kind: "full", limit: "bytes" })
    expect(refused(10023, "insufficient resources")).toEqual({ kind: "storeFull" })
    expect(refused(10054, "message size exceeds maximum allowed")).toEqual({ kind: "tooLarge" })
    expect(refused(10052, "bad")).toEqual({ kind: "refused", code: 10052, description: "bad" })
  })

  test("as no answer when it is none", () => {
    for (const text of ["", "{", "[]", "null", "7", '{"seq":"7"}', "{}"])
      expect(answered(text).kind).toBe("unavailable")
  })
})

test("a stored message cannot pose as another one by headers of its own", async () => {
  const subject = predictionSubject("m", "posing")
  await one.log.publisher.publish(subject, payload(2), [
    [NATS_SEQUENCE, "999999"],
    ["Nats-Subject", "weir.prediction.other.id"],
    ["Nats-Time-Stamp", "1999-01-01T00:00:00Z"],
  ])
  const found = await readLast(one.log, PREDICTIONS, subject, 1)
  const leader = await readFromLeader(one.log, PREDICTIONS, { last_by_subj: subject })
  expect(found?.subject).toBe(subject)
  expect(found?.sequence).toBe(leader?.sequence ?? -1)
  expect(found?.storedAt).toBe(leader?.storedAt ?? -1)
  expect(found?.data).toEqual(payload(2))
})
