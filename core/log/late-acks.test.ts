// Acknowledgements that never arrived, sent again: to the message that they were for, and to no
// other.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { until } from "../../test/support/eventually.ts"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { PREDICTOR, REQUESTS, requestSubject } from "../../proto/subjects.ts"
import { ACK, type Delivery } from "./delivery.ts"
import { LateAcks } from "./late-acks.ts"
import { Pull } from "./pull.ts"

let one: TestLog
beforeAll(async () => {
  one = await openTestLog()
})
afterAll(() => one.stop())

const now = () => performance.now()
const sentFor = ({ subject, sequence }: Delivery, ackSubject: string) => ({
  subject,
  sequence,
  ackSubject,
  word: ACK,
})
const ackPending = async () =>
  (await one.log.manager.consumers.info(REQUESTS, PREDICTOR)).num_ack_pending

/** Requests that were delivered and whose acks were lost on the way. */
const unheard = async (name: string, count: number) => {
  const acks = new Map<string, string>()
  const taken: Array<Delivery> = []
  const { log } = one
  // Words to the server are kept instead of sent.
  const outbox = Object.assign(Object.create(log.outbox), {
    publish: (subject: string, payload: string, options?: { readonly reply?: string }) => {
      if (payload === ACK) acks.set(subject, subject)
      else log.outbox.publish(subject, payload, options)
    },
  })
  const pull = new Pull(
    { ...log, outbox },
    {
      stream: REQUESTS,
      consumer: PREDICTOR,
      unfinishedMax: count,
      onDelivery: (delivery) => {
        taken.push(delivery)
        delivery.ack()
      },
      onLoss: () => undefined,
    },
  )
  for (let index = 0; index < count; index++)
    await log.publisher.publish(requestSubject(name, `${index}`), new Uint8Array(1))
  await until("all were delivered", () => taken.length === count)
  await pull.stop()
  const subjects = [...acks.keys()]
  return taken.map((delivery, index) => sentFor(delivery, subjects[index] ?? ""))
}

test("what the server never heard of is acknowledged, once", async () => {
  const late = new LateAcks()
  for (const sent of await unheard("lost", 150)) late.remember(sent, now())
  expect(await ackPending()).toBe(150)
  expect(await late.repeat(one.log, REQUESTS, now())).toBe(150)
  await until("the server knows", async () => (await ackPending()) === 0)
  expect(await late.repeat(one.log, REQUESTS, now())).toBe(0)
})

test("a sequence that now holds another message, or none, is left alone", async () => {
  const late = new LateAcks()
  const [first, second] = await unheard("other", 2)
  if (first === undefined || second === undefined) throw new Error("two were delivered")
  late.remember({ ...first, subject: requestSubject("other", "another") }, now())
  late.remember({ ...second, sequence: 1_000_000 }, now())
  expect(await late.repeat(one.log, REQUESTS, now())).toBe(0)
  expect(await ackPending()).toBe(2)
  late.remember(first, now())
  late.remember(second, now())
  expect(await late.repeat(one.log, REQUESTS, now())).toBe(2)
  await until("the server knows", async () => (await ackPending()) === 0)
})

test("what was sent long ago is not sent again", async () => {
  const late = new LateAcks()
  for (const sent of await unheard("old", 3)) late.remember(sent, now() - 6_000)
  expect(await late.repeat(one.log, REQUESTS, now())).toBe(0)
  expect(await ackPending()).toBe(3)
})
