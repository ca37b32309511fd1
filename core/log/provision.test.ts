// The streams are made once, found as they were made, changed where they differ, and refused where
// they do not fit.
import { afterAll, describe, expect, test } from "bun:test"
import { startNats } from "../../test/support/nats-server.ts"
import { openTestLog } from "../../test/support/open-log.ts"
import { HISTORY, PREDICTIONS, REQUESTS, requestSubject } from "../../proto/subjects.ts"
import { closeLog, openLog } from "./log.ts"
import { provision, ProvisionRefused, verify } from "./provision.ts"
import {
  consumers,
  DEFAULT_LIMITS,
  deliverySpanMillis,
  limitsSumBytes,
  streams,
} from "./topology.ts"

const MIB = 1024 * 1024
const one = await openTestLog()
const { manager } = one.log
afterAll(() => one.stop())

const configurations = async () =>
  JSON.stringify(
    await Promise.all(
      streams(one.limits).map(async ({ name }) => (await manager.streams.info(name)).config),
    ),
  )

test("provisioning again changes nothing", async () => {
  const before = await configurations()
  await provision(manager, one.limits)
  expect(await configurations()).toBe(before)
  expect(await verify(manager, one.limits)).toEqual([])
})

test("other limits are named one by one, and made so", async () => {
  const limits = {
    ...one.limits,
    requestsMessagesMax: 7,
    predictionsAgeMillis: 60_000,
    redeliveryWaitsMillis: [500, 1_000],
    ackPendingMax: 77,
  }
  const named = (await verify(manager, limits)).map(
    ({ where, field, expected, found }) => `${where} ${field}: ${found} → ${expected}`,
  )
  expect(named).toEqual([
    "REQUESTS max_msgs: 100000 → 7",
    "PREDICTIONS max_age: 86400000000000 → 60000000000",
    "PREDICTIONS duplicate_window: 120000000000 → 60000000000",
    "REQUESTS/predictor backoff: [1000000000,5000000000,15000000000] → [500000000,1000000000]",
    "REQUESTS/predictor max_ack_pending: 20000 → 77",
  ])
  await provision(manager, limits)
  expect(await verify(manager, limits)).toEqual([])
  await provision(manager, one.limits)
  expect(await verify(manager, one.limits)).toEqual([])
})

test("a change by hand is named, also inside a list, and mended", async () => {
  const { config } = await manager.streams.info(HISTORY)
  const [source] = config.sources ?? []
  await manager.streams.update(PREDICTIONS, { allow_direct: false })
  await manager.streams.update(HISTORY, {
    sources: [
      {
        ...source,
        name: PREDICTIONS,
        subject_transforms: source?.subject_transforms?.slice(0, 1) ?? [],
      },
    ],
  })
  const named = (await verify(manager, one.limits)).map(({ where, field }) => `${where} ${field}`)
  expect(named).toEqual(["PREDICTIONS allow_direct", "HISTORY sources"])
  await provision(manager, one.limits)
  expect(await verify(manager, one.limits)).toEqual([])
})

test("what is missing is named, and made", async () => {
  await manager.consumers.delete(REQUESTS, "predictor")
  await manager.streams.delete("FINDINGS")
  const missing = (await verify(manager, one.limits)).map(
    ({ where, found }) => `${where} is ${found}`,
  )
  expect(missing).toEqual(["FINDINGS is missing", "REQUESTS/predictor is missing"])
  await provision(manager, one.limits)
  expect(await verify(manager, one.limits)).toEqual([])
})

test("what cannot be made is refused by name, in the server's words", async () => {
  await manager.streams.delete("FINDINGS")
  // Bound to the same subjects by somebody else.
  await manager.streams.add({ name: "TAKEN", subjects: ["weir.finding.>"] })
  const refused = await provision(manager, one.limits).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(ProvisionRefused)
  expect(String(refused)).toContain("FINDINGS cannot be provisioned: subjects overlap")
  await manager.streams.delete("TAKEN")
  await provision(manager, one.limits)
})

test("limits that do not fit into the server's store are refused, by name", async () => {
  const small = await startNats({ maxFileStoreBytes: 512 * MIB })
  const log = await openLog({ servers: small.url, name: "test" })
  const refused = await provision(log.manager, DEFAULT_LIMITS).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(ProvisionRefused)
  expect(String(refused)).toMatch(/cannot be provisioned: .*(storage|add up)/u)
  await closeLog(log)
  await small.stop()
})

describe("the topology", () => {
  const { redeliveryWaitsMillis, deliveriesMax } = DEFAULT_LIMITS

  test("bounds every stream in bytes, and their sum counts all of them and the models", () => {
    const described = streams(DEFAULT_LIMITS)
    expect(described.filter(({ max_bytes }) => (max_bytes ?? 0) <= 0)).toEqual([])
    const sum = described.reduce((total, { max_bytes }) => total + (max_bytes ?? 0), 0)
    expect(limitsSumBytes(DEFAULT_LIMITS)).toBe(sum + DEFAULT_LIMITS.modelsBytesMax)
  })

  test("gives more deliveries than waits, as the server demands", () => {
    for (const { config } of consumers(DEFAULT_LIMITS)) {
      const max = config.max_deliver ?? 0
      if (max > 0) expect(max).toBeGreaterThan(config.backoff?.length ?? 0)
    }
  })

  test("knows how long a request can be in delivery", () => {
    expect(redeliveryWaitsMillis).toEqual([1_000, 5_000, 15_000])
    expect(deliveriesMax).toBe(5)
    expect(deliverySpanMillis(DEFAULT_LIMITS)).toBe(1_000 + 5_000 + 3 * 15_000)
    expect(deliverySpanMillis({ ...DEFAULT_LIMITS, deliveriesMax: 1 })).toBe(1_000)
    expect(deliverySpanMillis({ ...DEFAULT_LIMITS, redeliveryWaitsMillis: [] })).toBe(0)
  })

  test("queues an id once, and again after it is gone", async () => {
    const publish = () => one.log.publisher.publish(requestSubject("m", "id"), Uint8Array.of(1))
    expect(await publish()).toMatchObject({ kind: "stored" })
    expect(await publish()).toEqual({ kind: "queued" })
    await manager.streams.purge(REQUESTS)
    expect(await publish()).toMatchObject({ kind: "stored" })
  })
})
