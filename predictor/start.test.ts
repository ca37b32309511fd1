// What keeps a predictor from starting: it ends at once, with an exit code and a sentence that
// names what is wrong.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { startSystem, type TestSystem } from "../test/support/system.ts"

let system: TestSystem
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.stop())

/** How the start failed: "predictor ended with <code>:" and its last lines. */
const failedStart = async (environment: Readonly<Record<string, string>>): Promise<string> => {
  try {
    await system.predictor(environment)
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
  return "it started"
}

test.each([
  ["WEIR_PREFETCH_MAX", "many"],
  ["WEIR_PREFETCH_MAX", "0"],
  ["WEIR_SWEEP_INTERVAL_MS", "1"],
  ["WEIR_HELD_MAX_MS", "-1"],
  ["WEIR_STATUS_PORT", "70000"],
  ["WEIR_REDELIVERY_WAITS_MS", "100,x"],
  ["LOG_LEVEL", "loud"],
])("a bad %s (%s) ends it with exit code 2", async (name, value) => {
  const failure = await failedStart({ [name]: value })
  expect(failure).toContain("ended with 2")
  expect(failure).toContain(name)
})

test("all bad settings are named at once", async () => {
  const failure = await failedStart({ WEIR_PREFETCH_MAX: "x", WEIR_OUTPUT_MAX_BYTES: "y" })
  expect(failure).toContain("WEIR_PREFETCH_MAX")
  expect(failure).toContain("WEIR_OUTPUT_MAX_BYTES")
})

test("fewer deliveries than redelivery waits are refused by name", async () => {
  const failure = await failedStart({ WEIR_MAX_DELIVERIES: "2" })
  expect(failure).toContain("WEIR_MAX_DELIVERIES")
})

test("a run that may outlive the hold on its request is refused by name", async () => {
  const failure = await failedStart({ WEIR_RUN_MAX_MS: "2000", WEIR_HELD_MAX_MS: "2000" })
  expect(failure).toContain("ended with 2")
  expect(failure).toContain("WEIR_RUN_MAX_MS")
})

test("a log that is provisioned otherwise ends it, naming the difference", async () => {
  const failure = await failedStart({ WEIR_REQUESTS_MAX_MESSAGES: "77" })
  expect(failure).toContain("ended with 1")
  expect(failure).toContain("REQUESTS")
  expect(failure).toContain("max_msgs")
  expect(failure).toContain("77")
})

test("a log that lacks a stream ends it, naming the stream", async () => {
  const { manager } = system.log
  await manager.streams.delete("ADVISORIES")
  const failure = await failedStart({})
  expect(failure).toContain("ended with 1")
  expect(failure).toContain("ADVISORIES")
})

test("limits that make a fact larger than a message end it", async () => {
  await system.stop()
  system = await startSystem({ nats: { maxPayloadBytes: 4_000_000 } })
  const failure = await failedStart({})
  expect(failure).toContain("ended with 1")
  expect(failure).toContain("WEIR_REQUEST_MAX_BYTES")
  expect(failure).toContain("max_payload")
})

test("a server that is not there ends it with exit code 1, naming its address", async () => {
  const failure = await failedStart({ NATS_URL: "nats://127.0.0.1:9" })
  expect(failure).toContain("ended with 1")
  expect(failure).toContain("127.0.0.1:9")
})

test("a password is not shown", async () => {
  const failure = await failedStart({
    NATS_PASSWORD: "open sesame",
    WEIR_REQUESTS_MAX_MESSAGES: "77",
  })
  expect(failure).toContain("ended with 1")
  expect(failure).not.toContain("open sesame")
})
