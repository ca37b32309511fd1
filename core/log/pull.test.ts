// Taking messages: never more than was asked for, none lost, and each fate of a message as the
// server understands it.
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test"
import { setDefaultTimeout } from "bun:test"
import { headers as natsHeaders } from "nats"
import { until } from "../../test/support/eventually.ts"
import { openTestLog, reconnected, type TestLog } from "../../test/support/open-log.ts"
import { PREDICTOR, REQUESTS, requestSubject } from "../../proto/subjects.ts"
import { readAckSubject } from "./ack-subject.ts"
import type { Delivery } from "./delivery.ts"
import { Pull, type PullLoss } from "./pull.ts"

setDefaultTimeout(30_000)
const WAITS_MILLIS = [300, 600]
const limits = { redeliveryWaitsMillis: WAITS_MILLIS, deliveriesMax: 3 }
const one: TestLog = await openTestLog(limits)

afterAll(() => one.stop())
beforeEach(async () => {
  await one.log.manager.streams.purge(REQUESTS)
})
afterEach(async () => {
  for (const { pull, taken } of takings.splice(0)) {
    let stopped = false
    void pull.stop().then(() => (stopped = true))
    await until("it stopped", () => {
      for (const delivery of taken) delivery.term()
      return stopped
    })
  }
})

const publish = async (prefix: string, count: number): Promise<ReadonlyArray<string>> => {
  const subjects = Array.from({ length: count }, (_, at) => requestSubject(prefix, `id${at}`))
  const published = await Promise.all(
    subjects.map((subject) => one.log.publisher.publish(subject, Uint8Array.of(1))),
  )
  expect(published.filter(({ kind }) => kind !== "stored")).toEqual([])
  return subjects
}

interface Taking {
  readonly pull: Pull
  readonly taken: Array<Delivery>
  readonly losses: Array<PullLoss>
  readonly most: () => number
}

const takings: Array<Taking> = []
const take = (unfinishedMax: number, onDelivery: (delivery: Delivery) => void): Taking => {
  const taken: Array<Delivery> = []
  const losses: Array<PullLoss> = []
  let most = 0
  const pull: Pull = new Pull(one.log, {
    stream: REQUESTS,
    consumer: PREDICTOR,
    unfinishedMax,
    onDelivery: (delivery) => {
      taken.push(delivery)
      most = Math.max(most, pull.unfinished)
      onDelivery(delivery)
    },
    onLoss: (loss) => losses.push(loss),
  })
  const taking = { pull, taken, losses, most: () => most }
  takings.push(taking)
  return taking
}

const hold = () => undefined
const requests = async () => {
  const { state } = await one.log.manager.streams.info(REQUESTS)
  const info = await one.log.manager.consumers.info(REQUESTS, PREDICTOR)
  const parked = state.messages - info.num_pending - info.num_ack_pending
  return {
    messages: state.messages,
    pending: info.num_pending,
    ackPending: info.num_ack_pending,
    parked,
  }
}
const isEmpty = () => until("all is acknowledged", async () => (await requests()).messages === 0)

test("never more are unfinished than it was told, and each comes once", async () => {
  const subjects = await publish("bounded", 500)
  const { pull, taken, most } = take(10, (delivery) => queueMicrotask(() => delivery.ack()))
  await isEmpty()
  expect(taken.map(({ subject }) => subject)).toEqual([...subjects])
  expect(taken.every(({ deliveries }) => deliveries === 1)).toBe(true)
  expect(most()).toBeLessThanOrEqual(10)
  await pull.stop()
})

test("what is finished one by one makes room one by one", async () => {
  await publish("room", 100)
  const { pull, taken, most } = take(8, hold)
  for (let finished = 0; finished < 40; finished++) {
    const next = await until("the next one is there", () => taken[finished])
    expect(pull.unfinished).toBeLessThanOrEqual(8)
    next.ack()
  }
  expect(most()).toBeLessThanOrEqual(8)
})

describe("a message", () => {
  test("that is put back comes again after the delay, and is counted", async () => {
    await publish("nak", 1)
    const { taken } = take(4, hold)
    const first = await until("it came", () => taken[0])
    const putBackAt = performance.now()
    first.nak(150)
    first.ack()
    const second = await until("it came again", () => taken[1])
    expect(performance.now() - putBackAt).toBeGreaterThanOrEqual(140)
    expect([first.deliveries, second.deliveries]).toEqual([1, 2])
    expect(second.sequence).toBe(first.sequence)
    second.ack()
    await isEmpty()
  })

  test("that is put back without delay comes at once", async () => {
    await publish("nak-now", 1)
    const { taken } = take(4, (delivery) =>
      delivery.deliveries === 1 ? delivery.nak(0) : delivery.ack(),
    )
    await isEmpty()
    expect(taken).toHaveLength(2)
  })

  test("that is terminated is gone, and its subject is free", async () => {
    await publish("term", 1)
    const { taken } = take(4, (delivery) => delivery.term())
    await isEmpty()
    expect(taken).toHaveLength(1)
    await publish("term", 1)
    await until("the next one came", () => taken[1])
  })

  test("that is being worked on is not given out again", async () => {
    await publish("working", 1)
    const { taken } = take(4, hold)
    const only = await until("it came", () => taken[0])
    const heldUntil = performance.now() + 3 * (WAITS_MILLIS[0] ?? 0)
    await until("it was held for three waits", () => {
      only.working()
      return performance.now() > heldUntil
    })
    only.ack()
    await isEmpty()
    expect(taken).toHaveLength(1)
  })

  test("that nobody finishes comes again after each wait, then is parked and counted", async () => {
    await publish("parked", 1)
    const { taken } = take(10, hold)
    const third = await until("its last delivery", () => taken[2])
    expect(taken.map(({ deliveries }) => deliveries)).toEqual([1, 2, 3])
    await until("it is parked", async () => (await requests()).parked === 1)
    expect(await requests()).toEqual({ messages: 1, pending: 0, ackPending: 0, parked: 1 })
    // It blocks its id until somebody deletes it.
    const again = await one.log.publisher.publish(third.subject, Uint8Array.of(1))
    expect(again).toEqual({ kind: "queued" })
    await publish("beside", 3)
    await until("others still come", () => taken.length === 6)
    expect((await requests()).parked).toBe(1)
    await one.log.manager.streams.deleteMessage(REQUESTS, third.sequence)
    expect((await requests()).parked).toBe(0)
  })

  test("with a status line of its own and no data is delivered like any other", async () => {
    const subject = requestSubject("status", "id")
    for (const code of [100, 404, 408, 409, 503]) {
      const reply = natsHeaders(code, "Consumer Deleted")
      reply.append("x", "y")
      one.log.connection.publish(subject, new Uint8Array(0), { headers: reply })
      const { pull, taken, losses } = take(4, (delivery) => delivery.ack())
      await until(`${code} came`, () => taken[0])
      await isEmpty()
      expect(losses).toEqual([])
      await pull.stop()
    }
  })
})

describe("stopping", () => {
  test("hands out what was on its way and waits for what is unfinished", async () => {
    await publish("stop", 1_000)
    const { pull, taken } = take(200, hold)
    await until("some came", () => taken.length > 0)
    const stopped = [pull.stop(), pull.stop()]
    const drained = taken.length
    // Each is finished as it comes; what came after `stop` too.
    await until("all that came are finished", () => {
      for (const delivery of taken) delivery.ack()
      return pull.unfinished === 0
    })
    await Promise.all(stopped)
    expect(taken.length).toBeGreaterThanOrEqual(drained)
    await until("the server waits for no ack", async () => (await requests()).ackPending === 0)
    expect((await requests()).messages).toBe(1_000 - taken.length)
  })

  test("resolves at once when nothing is held, and again when it is stopped twice", async () => {
    const { pull } = take(10, hold)
    await pull.stop()
    await pull.stop()
    expect(pull.unfinished).toBe(0)
  })

  test("does not wait for a server that is not there", async () => {
    await publish("dead", 1)
    const { pull, taken } = take(10, hold)
    const held = await until("it came", () => taken[0])
    const restarted = one.restart()
    await until("the link is down", () => !one.log.link.up)
    const stopped = pull.stop()
    held.ack()
    await stopped
    await restarted
  })
})

describe("the connection", () => {
  test("may lose its server: what it held comes again, and the rest comes", async () => {
    const subjects = await publish("killed", 600)
    // Some are taken and never finished, as by a process that forgets them.
    const { taken, most } = take(50, (delivery) => {
      if (delivery.deliveries > 1 || taken.length % 7 !== 0 || taken.length > 140) delivery.ack()
    })
    await until("some are done", () => taken.length > 100)
    await one.restart()
    await isEmpty()
    expect(new Set(taken.map(({ subject }) => subject))).toEqual(new Set(subjects))
    expect(most()).toBeLessThanOrEqual(50)
  })

  test("may be made anew: pulls of the old one are not answered beside the new", async () => {
    const { pull, taken, most } = take(16, hold)
    for (let at = 0; at < 3; at++) {
      await one.log.connection.flush()
      const back = reconnected(one.log)
      await one.log.connection.reconnect()
      await back
    }
    await publish("anew", 200)
    await until("as many as may be held came", () => taken.length >= 16)
    await one.log.connection.flush()
    expect(pull.unfinished).toBe(16)
    expect(most()).toBeLessThanOrEqual(16)
  })

  test("may be quiet while all is held: one pull stands afterwards, not two", async () => {
    await publish("quiet", 4)
    const { pull, taken, most } = take(4, hold)
    await until("all that may be held came", () => taken.length === 4)
    const passed = (millis: number) => {
      const end = performance.now() + millis
      return until(`${millis} ms passed`, () => {
        for (const delivery of taken) delivery.working()
        return performance.now() > end
      })
    }
    // As long as a pull that stands may be silent: the next look comes just after what follows.
    await passed(5_700)
    for (const delivery of taken) delivery.ack()
    await passed(700)
    await publish("after", 100)
    await until("as many as may be held came", () => pull.unfinished >= 4)
    await one.log.connection.flush()
    expect(most()).toBe(4)
  })
})

describe("a consumer", () => {
  test("that is deleted is reported, and so is one that is not there", async () => {
    const { manager } = one.log
    const config = (await manager.consumers.info(REQUESTS, PREDICTOR)).config
    const { pull, losses } = take(10, hold)
    // The pull itself leaves with the next turn.
    one.log.outbox.flush()
    await one.log.connection.flush()
    await manager.consumers.delete(REQUESTS, PREDICTOR)
    expect(await until("it is reported", () => losses[0])).toBe("consumerGone")
    await until("it is still reported", () => losses.includes("streamGone"))
    await manager.consumers.add(REQUESTS, config)
    await publish("back", 1)
    await until("messages come again", () => pull.unfinished === 1)
  })

  test("is named with its figures in the subject of each answer, in both forms", () => {
    const expected = { deliveries: 2, sequence: 7, storedAt: 1_760_000_000_123, pending: 9 }
    const figures = "2.7.5.1760000000123456789.9"
    expect(readAckSubject(`$JS.ACK.S.C.${figures}`)).toEqual(expected)
    expect(readAckSubject(`$JS.ACK._.ABC.S.C.${figures}`)).toEqual(expected)
    expect(readAckSubject(`$JS.ACK._.ABC.S.C.${figures}.token`)).toEqual(expected)
  })
})
