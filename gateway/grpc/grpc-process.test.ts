// How the gRPC server of a gateway process begins and ends.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { status } from "@grpc/grpc-js"
import { freePorts } from "../../test/support/nats-server.ts"
import { startTestSystem, type TestSystem } from "../test-system.ts"
import { flight, TestClient } from "./test-client.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)
const CLIENTS = 8
const ANSWERS_BEFORE_STOP = 500

let system: TestSystem

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

/** A gateway process and the address that its gRPC server has. */
const spawn = async () => {
  const [port = 0] = freePorts(1)
  const gateway = await system.spawnGateway({ WEIR_GRPC_PORT: String(port) })
  return { gateway, address: `127.0.0.1:${port}` }
}

test("told to stop under load, it fails no call that it took, and exits 0", async () => {
  const { gateway, address } = await spawn()
  const codes = new Map<status, number>()
  const details = new Set<string>()
  let answers = 0
  const askUntilRefused = async () => {
    const client = new TestClient(address)
    for (;;) {
      const ended = await client.call("ModelInfer", flight)
      codes.set(ended.code, (codes.get(ended.code) ?? 0) + 1)
      if (ended.code !== status.OK) {
        details.add(ended.details)
        break
      }
      if (++answers === ANSWERS_BEFORE_STOP) gateway.signal("SIGTERM")
    }
    client.close()
  }
  await Promise.all(Array.from({ length: CLIENTS }, askUntilRefused))
  expect(answers).toBeGreaterThanOrEqual(ANSWERS_BEFORE_STOP)
  // Nobody listens any more: what clients are told who come then.
  expect([...codes.keys()].toSorted()).toEqual([status.OK, status.UNAVAILABLE])
  for (const detail of details) expect(detail).toContain("No connection established")
  expect(await gateway.exited).toBe(0)
})

test("a busy port is named with the way out", async () => {
  const { address } = await spawn()
  const port = address.split(":")[1] ?? ""
  const fault = await system.spawnGateway({ WEIR_GRPC_PORT: port }).then(
    () => "it started",
    (cause: unknown) => String(cause),
  )
  expect(fault).toContain(`WEIR_GRPC_PORT: cannot listen on 127.0.0.1:${port}`)
  expect(fault).toContain("none for no gRPC")
})
