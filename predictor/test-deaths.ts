// Deaths of predictors, for tests: requests whose last delivery was taken by a process that said no
// word about it.
import { expect } from "bun:test"
import { Pull } from "../core/log/pull.ts"
import type { Log } from "../core/log/log.ts"
import { PREDICTOR, REQUESTS } from "../proto/subjects.ts"
import { until } from "../test/support/eventually.ts"
import {
  deadLettersOf,
  queueOf,
  send,
  singleFactsOf,
  type Replies,
  type Sent,
} from "./test-traffic.ts"

/**
 * A predictor that dies with each request in its hands, as often as it is given one; resolves when
 * `isEnough`.
 */
export const dieWith = async (
  log: Log,
  isEnough: (deliveries: ReadonlyArray<number>) => boolean | Promise<boolean>,
): Promise<void> => {
  const deliveries: Array<number> = []
  const pull = new Pull(log, {
    stream: REQUESTS,
    consumer: PREDICTOR,
    unfinishedMax: 1_000,
    onDelivery: (delivery) => {
      deliveries.push(delivery.deliveries)
      delivery.done()
    },
    onLoss: () => undefined,
  })
  await until("all died often enough", () => isEnough(deliveries))
  await pull.stop()
}

/** Queues these and resolves when they are parked: in the queue, delivered to nobody any more. */
export const park = async (
  log: Log,
  sent: ReadonlyArray<Sent>,
  deliveriesMax: number,
): Promise<void> => {
  await send(log, sent)
  await dieWith(log, async (deliveries) => {
    if (deliveries.length < sent.length * deliveriesMax) return false
    const { messages, pending, ackPending } = await queueOf(log)
    return messages === sent.length && pending + ackPending === 0
  })
}

/** Expects the one end that each of these can have: dead letter, failure fact, answer. */
export const expectExhausted = async (
  log: Log,
  sent: ReadonlyArray<Sent>,
  replies: Replies,
  deliveriesMax: number,
): Promise<void> => {
  const letters = await deadLettersOf(log)
  for (const [at, { fact, bytes }] of (await singleFactsOf(log, sent)).entries()) {
    expect(fact.failure?.reason).toBe("exhausted")
    expect(letters.get(fact.id)).toMatchObject({ reason: "exhausted", deliveries: deliveriesMax })
    const payload = sent[at]?.payload ?? new Uint8Array()
    const kept = letters.get(fact.id)?.payload ?? new Uint8Array()
    expect(Buffer.compare(kept, payload)).toBe(0)
    await until("it is answered", () => replies.of(fact.id).length > 0)
    expect(Buffer.compare(replies.of(fact.id)[0]?.data ?? new Uint8Array(), bytes)).toBe(0)
  }
}
