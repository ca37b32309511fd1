// A paced reader: how soon it asks again, by what it found.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { openTestLog } from "../../test/support/open-log.ts"
import { PREDICTOR, REQUESTS, requestSubject } from "../../proto/subjects.ts"
import { Pull } from "./pull.ts"

setDefaultTimeout(30_000)
const PACE_MILLIS = 1_000
/** A timer may fire this early. */
const EARLY_MILLIS = 2
const one = await openTestLog()

afterAll(() => one.stop())

test("it asks again soon while messages come, and waits its whole pace when none did", async () => {
  const asks = one.log.connection.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${REQUESTS}.${PREDICTOR}`)
  const asked = asks[Symbol.asyncIterator]()
  const publish = (id: string) =>
    one.log.publisher.publish(requestSubject("paced", id), Uint8Array.of(1))
  await publish("first")
  const pull = new Pull(one.log, {
    stream: REQUESTS,
    consumer: PREDICTOR,
    unfinishedMax: 10,
    paceMillis: PACE_MILLIS,
    onDelivery: (delivery) => delivery.ack(),
    onLoss: () => undefined,
  })
  const times: Array<number> = []
  for (let look = 0; look < 4; look++) {
    await asked.next()
    times.push(performance.now())
    if (look === 0) await publish("second")
  }
  await pull.stop()
  asks.unsubscribe()
  const [foundFirst = 0, foundSecond = 0, foundNone = 0] = times
    .slice(1)
    .map((time, at) => time - (times[at] ?? 0))
  expect(foundFirst).toBeLessThan(PACE_MILLIS - EARLY_MILLIS)
  expect(foundSecond).toBeLessThan(PACE_MILLIS - EARLY_MILLIS)
  expect(foundNone).toBeGreaterThanOrEqual(PACE_MILLIS - EARLY_MILLIS)
})
