// Delivery with everything real but time: findings and attempts on a real log, receivers on this
// machine, a clock that jumps to whatever is due next.
import { afterAll, afterEach, beforeAll, describe, expect, setSystemTime, test } from "bun:test"
import { randomBytes } from "node:crypto"
import { Webhook } from "standardwebhooks"
import { driftFindingCodec, driftSubject, type DriftFinding } from "#proto/finding"
import type { WebhookAttempted } from "#proto/webhook"
import { openLog, type Log } from "../log/log.ts"
import { openTestLog, type TestLog } from "../../test/support/open-log.ts"
import { until } from "../../test/support/eventually.ts"
import { readAttempts } from "./attempts.ts"
import { openDelivery, type Delivery } from "./delivery.ts"
import { IN_FLIGHT_PER_TARGET_MAX } from "./outbox.ts"
import { WAITS_MILLIS } from "./schedule.ts"
import { makeSend } from "./send.ts"
import { makeSecret } from "./signature.ts"
import { changeSubscription } from "./subscriptions.ts"
import { operatorTarget, type Target } from "./target.ts"
import { TEST_CERTIFICATE, TEST_HOST, TEST_KEY } from "./test-certificate.ts"
import { VirtualClock } from "./test-clock.ts"
import { clearedDrift, detectedDrift } from "./test-findings.ts"
import { startReceiver, type Receiver, type Received } from "./test-receiver.ts"

const secret = makeSecret(randomBytes)
const START = Math.floor(Date.now() / 1_000) * 1_000
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

let opened: TestLog
const receivers: Array<Receiver> = []
const deliveries: Array<Delivery> = []
beforeAll(async () => {
  opened = await openTestLog()
})
afterEach(async () => {
  await Promise.all(deliveries.splice(0).map((delivery) => delivery.close()))
  await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()))
  await opened.log.manager.streams.purge("FINDINGS")
})
afterAll(() => opened.stop())

const receiver = (answer: Parameters<typeof startReceiver>[0], secure = false) => {
  const tls = secure ? { key: TEST_KEY, cert: TEST_CERTIFICATE } : undefined
  const started = startReceiver(answer, tls)
  receivers.push(started)
  return started
}
const ok = () => new Response("thanks")
const down = () => new Response("no", { status: 503 })

const own = (url: string, more: Partial<Target> = {}): Target =>
  operatorTarget({ name: "own", kind: "standard", url, secrets: [secret], ...more })

/** A delivery, and the attempts that it has recorded, one by one. */
const start = async (clock: VirtualClock, targets: ReadonlyArray<Target>, log?: Log) => {
  const attempts: Array<WebhookAttempted> = []
  const asked: Array<(fact: WebhookAttempted) => void> = []
  const delivery = await openDelivery({
    log: log ?? (await opened.open()),
    logger: quiet,
    operatorTargets: targets,
    clock,
    random: () => 0,
    send: makeSend({
      resolve: async () => ["127.0.0.1"],
      isAllowed: (address) => address === "127.0.0.1",
      authorities: TEST_CERTIFICATE,
    }),
    onAttempt: (fact) => {
      const ask = asked.shift()
      if (ask === undefined) attempts.push(fact)
      else ask(fact)
    },
  })
  deliveries.push(delivery)
  const attempt = (): Promise<WebhookAttempted> => {
    const known = attempts.shift()
    if (known !== undefined) return Promise.resolve(known)
    const { promise, resolve } = Promise.withResolvers<WebhookAttempted>()
    asked.push(resolve)
    return promise
  }
  return { delivery, attempt }
}

const find = async (finding: DriftFinding): Promise<void> => {
  const published = await opened.log.publisher.publish(
    driftSubject(finding.model),
    driftFindingCodec.encode(finding),
  )
  expect(published.kind).toBe("stored")
}

const recorded = async (): Promise<ReadonlyArray<WebhookAttempted>> => {
  const all: Array<WebhookAttempted> = []
  for await (const fact of readAttempts(opened.log)) all.push(fact)
  return all
}

/** What the public library says of a message that was received at a time. */
const accepted = ({ headers, body }: Received, at: number): boolean => {
  setSystemTime(at)
  try {
    new Webhook(secret).verify(body, headers)
    return true
  } catch {
    return false
  } finally {
    setSystemTime()
  }
}

test("a receiver that fails five times still gets the alert, hours later", async () => {
  let failures = 0
  const { url, seen } = receiver(() => (failures++ < 5 ? down() : ok()))
  const clock = new VirtualClock(START)
  const { attempt, delivery } = await start(clock, [own(url)])
  await find(detectedDrift("drift-1", START))
  const times: Array<number> = []
  for (let number = 1; number <= 6; number++) {
    if (number > 1) await clock.next()
    times.push(clock.now())
    const outcome = number <= 5 ? "waiting" : "delivered"
    expect(await attempt()).toMatchObject({ alert: "drift-1", attempt: number, outcome })
  }
  const waits = times.slice(1).map((time, place) => time - (times[place] ?? 0))
  expect(waits).toEqual(WAITS_MILLIS.slice(1, 6))
  expect(seen.length).toBe(6)
  for (const [place, one] of seen.entries()) {
    expect(one.headers["webhook-id"]).toBe("drift-1")
    expect(one.body).toBe(seen[0]?.body ?? "")
    expect(accepted(one, times[place] ?? 0)).toBe(true)
  }
  await until("nothing waits", () => delivery.waiting === 0)
  expect((await recorded()).map(({ status }) => status)).toEqual([503, 503, 503, 503, 503, 200])
})

test("a restart goes on with the next attempt, at the time that was recorded", async () => {
  const { url, seen } = receiver(down)
  const clock = new VirtualClock(START)
  const before = await start(clock, [own(url)])
  await find(detectedDrift("drift-1", START))
  await before.attempt()
  await clock.next()
  const second = await before.attempt()
  await before.delivery.close()
  const restarted = new VirtualClock(START + 6_000)
  const after = await start(restarted, [own(url)])
  expect(await restarted.next()).toBe(second.nextAt ?? 0)
  expect(await after.attempt()).toMatchObject({ attempt: 3, step: 3, outcome: "waiting" })
  expect(seen.map(({ headers }) => headers["webhook-id"])).toEqual(Array(3).fill("drift-1"))
})

test("what was sent but not recorded is sent again, under the same id", async () => {
  const { promise: arrived, resolve: onArrival } = Promise.withResolvers<void>()
  const { promise: held, resolve: release } = Promise.withResolvers<Response>()
  let calls = 0
  const { url, seen } = receiver(() => {
    if (calls++ > 0) return ok()
    onArrival()
    return held
  })
  const log = await openLog({ servers: opened.nats.url, name: "to be lost" })
  const first = await start(new VirtualClock(START), [own(url)], log)
  first.delivery.done.catch(() => undefined)
  await find(detectedDrift("drift-1", START))
  await arrived
  // The process dies here: its connection is gone, and so is what it would have recorded.
  await log.connection.close()
  const second = await start(new VirtualClock(START), [own(url)])
  expect(await second.attempt()).toMatchObject({ attempt: 1, outcome: "delivered" })
  release(ok())
  await first.delivery.close()
  expect(seen.map(({ headers }) => headers["webhook-id"])).toEqual(["drift-1", "drift-1"])
  expect(await recorded()).toHaveLength(1)
})

test("a finding that stands in the log twice is one alert", async () => {
  const { url, seen } = receiver(ok)
  const { attempt } = await start(new VirtualClock(START), [own(url)])
  await find(detectedDrift("drift-1", START))
  await find(detectedDrift("drift-1", START))
  await find(clearedDrift("drift-2", START))
  const alerts = [await attempt(), await attempt()].map(({ alert }) => alert)
  expect(alerts.toSorted()).toEqual(["drift-1", "drift-2"])
  expect(seen.length).toBe(2)
})

/** The server is started again, and what was asked of it meanwhile is asked again after 2 s. */
const KILL_TEST_MILLIS = 60_000

test(
  "delivery goes on after a kill of the server",
  async () => {
    const { url, seen } = receiver(ok)
    const { attempt } = await start(new VirtualClock(START), [own(url)])
    await find(detectedDrift("before", START))
    await attempt()
    await opened.restart()
    await find(detectedDrift("after", START))
    expect(await attempt()).toMatchObject({ alert: "after", outcome: "delivered" })
    expect((await recorded()).map(({ alert }) => alert)).toEqual(["before", "after"])
    expect(seen.length).toBe(2)
  },
  KILL_TEST_MILLIS,
)

test("no target is sent more than two at a time, and all get through", async () => {
  let now = 0
  let most = 0
  const { url, seen } = receiver(async (request) => {
    now += 1
    most = Math.max(most, now)
    await request.text()
    now -= 1
    return ok()
  })
  const { attempt } = await start(new VirtualClock(START), [own(url)])
  for (let id = 0; id < 30; id++) await find(detectedDrift(`drift-${id}`, START))
  const delivered = new Set<string>()
  while (delivered.size < 30) delivered.add((await attempt()).alert)
  expect(most).toBeLessThanOrEqual(IN_FLIGHT_PER_TARGET_MAX)
  expect(seen.length).toBe(30)
})

test("each kind of target is spoken to in its own way", async () => {
  const { url, seen } = receiver(ok)
  const kinds = ["standard", "cloudevents", "slack", "alertmanager"] as const
  const targets = kinds.map((kind) => own(`${url}${kind}`, { name: kind, kind }))
  const { attempt } = await start(new VirtualClock(START), targets)
  await find(detectedDrift("drift-1", START))
  for (const _ of kinds) expect((await attempt()).outcome).toBe("delivered")
  const paths = seen.map(({ path }) => path).toSorted()
  expect(paths).toEqual(["/alertmanager/api/v2/alerts", "/cloudevents", "/slack", "/standard"])
})

describe("a target that was added at run time", () => {
  const add = (port: number) => ({
    type: "Add" as const,
    kind: "standard" as const,
    url: `https://${TEST_HOST}:${port}/hook`,
    secret,
    at: START,
  })

  test("hears of what comes from then on, until it is removed", async () => {
    const { port, seen } = receiver(ok, true)
    const { attempt, delivery } = await start(new VirtualClock(START + 10), [])
    await find(detectedDrift("too-early", START - 1))
    await changeSubscription(opened.log, "added", add(port))
    await find(detectedDrift("drift-1", START + 1))
    expect(await attempt()).toMatchObject({ alert: "drift-1", target: "added", status: 200 })
    expect(seen.length).toBe(1)
    await changeSubscription(opened.log, "added", { type: "Remove", at: START + 2 })
    await until("it is gone", () => delivery.targets.length === 0)
    await find(detectedDrift("drift-2", START + 3))
    expect((await recorded()).map(({ alert }) => alert)).toEqual(["drift-1"])
  })

  test("gets nothing after 410, and what it missed when somebody asks for a retry", async () => {
    let gone = true
    const { port } = receiver(() => (gone ? new Response("", { status: 410 }) : ok()), true)
    const clock = new VirtualClock(START + 10)
    const { attempt } = await start(clock, [])
    await changeSubscription(opened.log, "gone", add(port))
    await find(detectedDrift("drift-1", START + 1))
    expect(await attempt()).toMatchObject({ status: 410, outcome: "disabled" })
    await find(detectedDrift("drift-2", START + 2))
    gone = false
    clock.pass(1_000)
    await changeSubscription(opened.log, "gone", { type: "Retry", at: clock.now() })
    const facts = [await attempt(), await attempt()]
    expect(facts.map(({ alert, outcome }) => `${alert} ${outcome}`).toSorted()).toEqual([
      "drift-1 delivered",
      "drift-2 delivered",
    ])
    await changeSubscription(opened.log, "gone", { type: "Remove", at: clock.now() })
  })
})
