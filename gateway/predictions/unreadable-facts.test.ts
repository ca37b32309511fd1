// Bytes that are no fact, where facts are stored: whoever meets them is told, and goes on.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { predictionSubject } from "#proto/subjects"
import { until } from "../../test/support/eventually.ts"
import { startService, type RunningService } from "../../test/support/service.ts"
import { ask, MODEL, post, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"

setDefaultTimeout(60_000)

const ID = "fake"

let system: TestSystem
let gateway: RunningService

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
  gateway = await startService("gateway", {
    NATS_URL: system.nats.url,
    WEIR_PORT: "0",
    WEIR_GRPC_PORT: "none",
  })
  await until("the gateway is ready", async () => (await fetch(`${gateway.url}/health`)).ok)
  await system.log.publisher.publish(predictionSubject(MODEL, ID), Buffer.from("junk"))
})
afterAll(async () => {
  await gateway.stop()
  await system.stop()
})

test("asked for by its id it is a documented 500, and one line that is no defect", async () => {
  const answer = await ask(`${gateway.url}/v2/models/${MODEL}/predictions/${ID}`)
  expect([answer.status, answer.json["code"], answer.json["id"]]).toEqual([
    500,
    "unreadable_fact",
    ID,
  ])
  expect(answer.headers.get("weir-id")).toBe(ID)
  await until("its line came", () => gateway.log.some((line) => line.includes(ID)))
  const lines = gateway.log.filter((line) => line.includes(ID) || line.includes("defect"))
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "warn", id: ID, status: 500 })
})

test("a feed tells it as a gap of one, and goes on behind it", async () => {
  const { headers } = await post(`${gateway.url}/predict`, ROWS)
  const id = headers.get("weir-id") ?? "none"
  const end = new AbortController()
  const { body } = await fetch(`${gateway.url}/v2/models/${MODEL}/feed?from=1`, {
    signal: end.signal,
  })
  const decoder = new TextDecoder()
  let text = ""
  for await (const part of body ?? []) {
    text += decoder.decode(part, { stream: true })
    if (text.includes(id)) break
  }
  end.abort()
  expect(text).toContain('event: gap\nid: 1\ndata: {"from":1,"to":1}')
  expect(text.indexOf("event: gap")).toBeLessThan(text.indexOf(id))
})
