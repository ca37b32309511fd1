// What a gateway says of the predictors behind it, with a real server and predictors as processes.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { until } from "../../test/support/eventually.ts"
import { startService } from "../../test/support/service.ts"
import { ask, post, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"
import { PREDICTOR_PATIENCE_MILLIS } from "./backlog.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let url: string

beforeAll(async () => {
  system = await startTestSystem()
  url = (await system.startGateway({ WEIR_FAST_LANE: "false" })).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const startPredictor = () =>
  startService("predictor", {
    NATS_URL: system.nats.url,
    WEIR_DATA: join(system.nats.directory, "data"),
    WEIR_STATUS_PORT: "0",
  })
const readiness = () => ask(`${url}/v2/health/ready`)
const isReady = async () => (await readiness()).status === 200

test.each(["stop", "kill"] as const)(
  "after the %s of the last predictor a gateway is not ready, and requests wait for the next",
  async (end) => {
    const [one, other] = await Promise.all([startPredictor(), startPredictor()])
    await until("the gateway is ready", isReady)
    await one[end]()
    expect((await post(`${url}/predict`, ROWS)).status).toBe(200)
    expect(await isReady()).toBe(true)
    await other[end]()
    const endedAt = performance.now()
    await until("it is not ready", async () => !(await isReady()))
    expect(performance.now() - endedAt).toBeLessThan(PREDICTOR_PATIENCE_MILLIS / 2)
    expect((await readiness()).json["reasons"]).toEqual(["no predictor is running"])
    const waiting = post(`${url}/predict`, ROWS)
    const next = await startPredictor()
    expect((await waiting).status).toBe(200)
    await until("the gateway is ready again", isReady)
    await next.stop()
    await until("it is not ready again", async () => !(await isReady()))
  },
)
