// The connection that a process lives by: there or not, lost and made again, closed for good.
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { until } from "../../test/support/eventually.ts"
import { freePorts } from "../../test/support/nats-server.ts"
import { openTestLog, reconnected } from "../../test/support/open-log.ts"
import { PREDICTIONS, predictionSubject } from "../../proto/subjects.ts"
import { NatsUnreachable } from "./connection.ts"
import { closeLog, LogService, openLog } from "./log.ts"
import { LookupFailed, readLast } from "./read.ts"

test("no server at the first attempt is an error that names the address", async () => {
  const [port] = freePorts(1)
  const servers = `nats://127.0.0.1:${port}`
  const failed = await openLog({ servers, name: "test" }).catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(NatsUnreachable)
  expect(String(failed)).toContain(`no NATS server answers at ${servers}`)
})

test("a server that goes away is noticed at once, and used again when it is back", async () => {
  const one = await openTestLog()
  const changes: Array<boolean> = []
  one.log.link.onChange((up) => changes.push(up))
  const subject = predictionSubject("m", "id")
  await one.log.publisher.publish(subject, Uint8Array.of(1))
  expect(await readLast(one.log, PREDICTIONS, subject, 1)).toBeDefined()
  const back = reconnected(one.log)
  await one.nats.server().kill()
  await until("it is noticed", () => !one.log.link.up)
  const failed = await readLast(one.log, PREDICTIONS, subject, 1).catch((error: unknown) => error)
  expect(failed).toEqual(new LookupFailed({ stream: PREDICTIONS, reason: "not connected" }))
  await one.nats.restart("kill")
  await back
  expect(changes).toEqual([false, true])
  expect((await readLast(one.log, PREDICTIONS, subject, 1))?.data).toEqual(Uint8Array.of(1))
  await one.stop()
})

test("a missing stream is told from a missing message", async () => {
  const one = await openTestLog()
  const read = (stream: string) => readLast(one.log, stream, predictionSubject("m", "none"), 1)
  expect(await read(PREDICTIONS)).toBeUndefined()
  expect(await read("NOWHERE").catch((error: unknown) => error)).toBeInstanceOf(LookupFailed)
  await one.stop()
})

test("closing flushes what was published, and ends with the server gone too", async () => {
  const one = await openTestLog()
  const other = await one.open()
  other.outbox.publish(predictionSubject("m", "last"), Uint8Array.of(7))
  await closeLog(other)
  await other.closed
  expect(await readLast(one.log, PREDICTIONS, predictionSubject("m", "last"), 1)).toBeDefined()
  expect(await other.publisher.publish("x", Uint8Array.of(1))).toMatchObject({
    kind: "unavailable",
  })
  await one.nats.server().kill()
  await until("it is noticed", () => !one.log.link.up)
  await closeLog(one.log)
  await one.log.closed
  await one.stop()
})

test("as a layer it is closed with its scope", async () => {
  const one = await openTestLog()
  const program = Effect.gen(function* () {
    const log = yield* LogService
    return log
  }).pipe(Effect.provide(LogService.layer({ servers: one.nats.url, name: "layer" })))
  const log = await Effect.runPromise(program)
  expect(log.connection.isClosed()).toBe(true)
  await one.stop()
})
