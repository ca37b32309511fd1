// The gateway as a process: how it starts, how it refuses to, and how it ends.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { REQUESTS } from "#proto/subjects"
import { ask, post, ROWS, startTestSystem, type TestSystem } from "./test-system.ts"

const START_MILLIS = 30_000

let system: TestSystem

beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const CLIENTS = 16

interface Tally {
  readonly statuses: Set<number>
  readonly failures: Array<string>
}

/** Asks until the connection is refused; keeps connections as clients do. */
const askUntilRefused = async (url: string, tally: Tally, onAnswer: () => void): Promise<void> => {
  for (;;) {
    try {
      tally.statuses.add((await post(`${url}/predict`, ROWS)).status)
      onAnswer()
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
      if (!/refused/i.test(code)) tally.failures.push(code)
      return
    }
  }
}

test(
  "told to stop under load, it answers all that it took, refuses the rest, and exits 0",
  async () => {
    const gateway = await system.spawnGateway()
    const tally: Tally = { statuses: new Set(), failures: [] }
    let answers = 0
    const onAnswer = () => {
      if (++answers === 500) gateway.signal("SIGTERM")
    }
    const clients = Array.from({ length: CLIENTS }, () =>
      askUntilRefused(gateway.url, tally, onAnswer),
    )
    await Promise.all(clients)
    expect(tally.failures).toEqual([])
    expect([...tally.statuses]).toEqual([200])
    expect(answers).toBeGreaterThanOrEqual(500)
    expect(await gateway.exited).toBe(0)
  },
  START_MILLIS,
)

test(
  "while it is being stopped it is alive and not ready",
  async () => {
    const gateway = await system.spawnGateway({ WEIR_DRAIN_NOTICE_MS: "5000" })
    gateway.signal("SIGTERM")
    let ready = await ask(`${gateway.url}/health/ready`)
    while (ready.status === 200) ready = await ask(`${gateway.url}/health/ready`)
    expect([ready.status, ready.json["reasons"]]).toEqual([503, ["stopping"]])
    expect((await ask(`${gateway.url}/health/live`)).status).toBe(200)
    expect((await post(`${gateway.url}/predict`, ROWS)).headers.get("connection")).toBe("close")
  },
  START_MILLIS,
)

test(
  "a busy port, limits that do not fit and a log that differs are named",
  async () => {
    const { url } = await system.startGateway()
    const fault = (environment: Record<string, string>) =>
      system.spawnGateway(environment).then(
        () => "it started",
        (cause: unknown) => String(cause),
      )
    const port = new URL(url).port
    expect(await fault({ WEIR_PORT: port })).toContain(
      `WEIR_PORT: cannot listen on 127.0.0.1:${port}`,
    )
    expect(await fault({ WEIR_OUTPUT_MAX_BYTES: "8000000" })).toContain("max_payload")
    expect(await fault({ WEIR_PORT: "x" })).toContain("WEIR_PORT: expected a whole number")
    expect(await fault({ WEIR_REQUESTS_MAX_MESSAGES: "7" })).toContain(`${REQUESTS} max_msgs`)
  },
  START_MILLIS,
)
