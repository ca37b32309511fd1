import { expect, test } from "bun:test"
import { makeSecret, verify } from "../core/alerts/signature.ts"
import { startReceiver } from "../core/alerts/test-receiver.ts"
import { startService } from "../test/support/service.ts"
import { startSystem } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import { findingsOf, register, rows, singles, store } from "./test-facts.ts"

test("drift reaches the operator's receiver, signed, and only where that is enabled", async () => {
  const secret = makeSecret((bytes) => crypto.getRandomValues(new Uint8Array(bytes)))
  const receiver = startReceiver(() => new Response("ok"))
  const system = await startSystem()
  const environment = {
    ...system.environment,
    DRIFT_WEBHOOK: receiver.url,
    DRIFT_WEBHOOK_SECRET: secret,
  }
  try {
    await register(system.log, "people")
    const drifted = rows(2_000, 2, (row) => ({ ...row, age: row.age + 30 }))
    await store(system.log, singles("people", [...rows(1_000, 1), ...drifted]))
    const silent = await startService("drift-monitor", environment)
    await until("the finding", async () => (await findingsOf(system.log, "people")).drift[0])
    await silent.stop()
    expect(receiver.seen).toEqual([])

    const monitor = await startService("drift-monitor", { ...environment, DRIFT_ENABLED: "true" })
    const message = await until("the alert", () => receiver.seen[0])
    const bytes = new TextEncoder().encode(message.body)
    const now = Math.floor(Date.now() / 1_000)
    expect(verify([secret], (name) => message.headers[name], bytes, now)).toEqual({ valid: true })
    expect(JSON.parse(message.body)).toMatchObject({
      type: "drift.detected",
      data: {
        model: "people",
        version: "1",
        window: { from: 2_001, to: 3_000, rows: 1_000 },
        features: [{ name: "age", test: "ks-asymptotic" }],
      },
    })
    await monitor.stop()
  } finally {
    await system.stop()
    await receiver.stop()
  }
}, 60_000)
