// Erasing against a real server: what its files hold afterwards, and that no waiting request is
// ever lost to it.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { openTestLog } from "../../test/support/open-log.ts"
import { until } from "../../test/support/eventually.ts"
import {
  DEAD_LETTERS,
  deadSubject,
  PREDICTOR,
  REQUESTS,
  requestSubject,
} from "../../proto/subjects.ts"
import { eraseMessage, sweepQueueFiles } from "./erase.ts"
import { Pull } from "./pull.ts"

setDefaultTimeout(60_000)
const MESSAGES = 3_000

const opened = await openTestLog()
const { log, nats } = opened
afterAll(() => opened.stop())

const bytes = (text: string) => new TextEncoder().encode(text)
/** The server writes some files under another name first: those may be gone by now. */
const holds = (path: string, text: string): boolean => {
  try {
    return readFileSync(path).includes(text)
  } catch {
    return false
  }
}
const filesWith = (text: string): number =>
  readdirSync(nats.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .filter((entry) => holds(join(entry.parentPath, entry.name), text)).length

const publish = async (subject: string, text: string): Promise<number> => {
  const published = await log.publisher.publish(subject, bytes(text))
  if (published.kind !== "stored") throw new Error(published.kind)
  return published.sequence
}

test("an erased message is gone from the server's files, its neighbours are not", async () => {
  await publish(deadSubject("m", "a"), "before-it")
  const sequence = await publish(deadSubject("m", "b"), "what-shall-go")
  await publish(deadSubject("m", "c"), "after-it")
  await until("it is in a file", () => filesWith("what-shall-go") > 0)
  expect(await eraseMessage(log, DEAD_LETTERS, sequence)).toBe(true)
  expect(filesWith("what-shall-go")).toBe(0)
  expect([filesWith("before-it"), filesWith("after-it")]).toEqual([1, 1])
  expect(await eraseMessage(log, DEAD_LETTERS, sequence)).toBe(false)
  expect(await eraseMessage(log, DEAD_LETTERS, 999)).toBe(false)
})

test("a queue with a waiting request is left alone, answered bytes stay on disk", async () => {
  const answered = await publish(requestSubject("m", "answered"), "bytes-of-answered")
  const waiting = await publish(requestSubject("m", "waiting"), "bytes-of-waiting")
  await until("both are in a file", () => filesWith("bytes-of-waiting") > 0)
  // As an acknowledgement does it: removed, not overwritten.
  await log.manager.streams.deleteMessage(REQUESTS, answered, false)
  expect(await sweepQueueFiles(log)).toBe(false)
  expect(filesWith("bytes-of-answered")).toBe(1)
  const kept = await log.manager.streams.getMessage(REQUESTS, { seq: waiting })
  expect(kept.seq).toBe(waiting)
  await log.manager.streams.deleteMessage(REQUESTS, waiting, false)
  expect(await sweepQueueFiles(log)).toBe(true)
  expect([filesWith("bytes-of-answered"), filesWith("bytes-of-waiting")]).toEqual([0, 0])
})

test("sweeping while requests come and go loses none and delivers none twice", async () => {
  const delivered: Array<string> = []
  const pull = new Pull(log, {
    stream: REQUESTS,
    consumer: PREDICTOR,
    unfinishedMax: 100,
    onDelivery: (delivery) => {
      delivered.push(delivery.subject)
      delivery.ack()
    },
    onLoss: () => undefined,
  })
  const sent: Array<string> = []
  let swept = 0
  const sending = (async () => {
    for (let at = 0; at < MESSAGES; at++) {
      const subject = requestSubject("m", `id${at}`)
      await publish(subject, `request ${at}`)
      sent.push(subject)
    }
  })()
  let isSending = true
  void sending.then(() => (isSending = false))
  while (isSending) if (await sweepQueueFiles(log)) swept++
  await sending
  await until("all are delivered", () => new Set(delivered).size === MESSAGES)
  await pull.stop()
  expect(swept).toBeGreaterThan(10)
  expect(delivered.toSorted()).toEqual(sent.toSorted())
})
