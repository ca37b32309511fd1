// What the log refuses or leaves open, each with a real server in that very state.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { provision } from "#core/log/provision"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { REQUESTS } from "#proto/subjects"
import {
  ask,
  MODEL,
  post,
  ROWS,
  startTestSystem,
  type Answer,
  type TestGateway,
  type TestPredictor,
  type TestSystem,
} from "../test-system.ts"

const QUEUE_MAX = 3
const LIMITS = { ...DEFAULT_LIMITS, requestsMessagesMax: QUEUE_MAX }
const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let predictor: TestPredictor
let gateway: TestGateway

beforeAll(async () => {
  // What is beside the queue is not refused because that is full.
  system = await startTestSystem({
    WEIR_REQUESTS_MAX_MESSAGES: String(QUEUE_MAX),
    WEIR_FAST_LANE: "false",
  })
  predictor = await system.startPredictor()
  gateway = await system.startGateway()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const predict = (timeoutMillis: number, url = gateway.url): Promise<Answer> =>
  post(`${url}/predict`, ROWS, { "weir-timeout-ms": `${timeoutMillis}` })

const stateOf = (answer: Answer) => [answer.status, answer.json["code"]]

test("an answer that takes too long is 504, is queued, and is then found as expired", async () => {
  predictor.pause()
  const late = await predict(150)
  expect(stateOf(late)).toEqual([504, "timed_out"])
  expect(late.json["error"]).toBe(
    "no answer within 150 ms: dropped unless it was begun by then; " +
      "its id tells which, and the answer if there is one",
  )
  const id = late.headers.get("weir-id") ?? ""
  expect(late.json["id"]).toBe(id)
  const address = `${gateway.url}/v2/models/${MODEL}/predictions/${id}`
  const queued = await ask(address)
  expect([queued.status, queued.headers.get("retry-after")]).toEqual([202, "1"])
  const { seen } = await system.listenFor(id)
  predictor.resume()
  await seen
  expect(stateOf(await ask(address))).toEqual([504, "expired"])
  expect(stateOf(await predict(5_000))).toEqual([200, undefined])
})

test("a full queue is 429 with Retry-After, or 503 where that is configured", async () => {
  predictor.pause()
  await Promise.all(Array.from({ length: QUEUE_MAX }, () => predict(100)))
  const full = await predict(5_000)
  expect(stateOf(full)).toEqual([429, "queue_full"])
  expect(Number(full.headers.get("retry-after"))).toBeGreaterThanOrEqual(1)
  const other = await system.startGateway({ WEIR_SHED_STATUS: "503" })
  expect(stateOf(await predict(5_000, other.url))).toEqual([503, "queue_full"])
  const metrics = await (await fetch(`${other.url}/metrics`)).text()
  expect(metrics.includes('weir_gateway_publish_refusals_total{kind="full"} 1')).toBe(true)
  await other.stop()
  predictor.resume()
  expect(stateOf(await predictUntilTaken())).toEqual([200, undefined])
})

/** The queue drains when the predictor goes on; each refusal is an answer that one can wait for. */
const predictUntilTaken = async (): Promise<Answer> => {
  for (;;) {
    const answer = await predict(5_000)
    if (answer.status !== 429) return answer
  }
}

test("more requests than may be in flight are 429", async () => {
  const narrow = await system.startGateway({ WEIR_IN_FLIGHT_MAX: "1" })
  predictor.pause()
  const answers = await Promise.all([predict(300, narrow.url), predict(300, narrow.url)])
  predictor.resume()
  expect(answers.map((answer) => answer.json["code"]).toSorted()).toEqual([
    "timed_out",
    "too_many_in_flight",
  ])
  await narrow.stop()
})

test(
  "without a predictor it is 503, not a queue that grows",
  async () => {
    const lonely = await startTestSystem()
    const { url } = await lonely.startGateway()
    const answer = await predict(5_000, url)
    expect(stateOf(answer)).toEqual([503, "no_predictor"])
    expect(answer.headers.get("retry-after")).toBe("5")
    const ready = await ask(`${url}/v2/health/ready`)
    expect([ready.status, ready.json["reasons"]]).toEqual([503, ["no predictor is running"]])
    expect((await lonely.log.manager.streams.info(REQUESTS)).state.messages).toBe(0)
    await lonely.stop()
  },
  START_MILLIS,
)

test(
  "where nobody listens for requests it is 503 after publishing again",
  async () => {
    const patient = await system.startGateway({ WEIR_PUBLISH_WAIT_MS: "1000" })
    await system.log.manager.streams.delete(REQUESTS)
    const answer = await predict(5_000, patient.url)
    await provision(system.log.manager, LIMITS)
    expect(stateOf(answer)).toEqual([503, "log_unavailable"])
    expect(answer.headers.get("retry-after")).toBe("2")
    expect(answer.headers.get("weir-id")).toBeString()
    const metrics = await (await fetch(`${patient.url}/metrics`)).text()
    const kind = /publish_refusals_total\{kind="unavailable"\} (\d+)/.exec(metrics)?.[1]
    expect(Number(kind)).toBeGreaterThan(1)
    await patient.stop()
    await predictor.stop()
    predictor = await system.startPredictor()
  },
  START_MILLIS,
)

test(
  "a request that finds the server dead is published again when it is back",
  async () => {
    await system.nats.server().kill()
    const answer = predict(20_000)
    await system.nats.restart()
    expect(stateOf(await answer)).toEqual([200, undefined])
  },
  START_MILLIS,
)

test(
  "a store that is full is 503",
  async () => {
    const mib = 1024 * 1024
    const limits = {
      WEIR_REQUESTS_MAX_BYTES: String(8 * mib),
      WEIR_PREDICTIONS_MAX_BYTES: String(8 * mib),
      WEIR_HISTORY_MAX_BYTES: String(8 * mib),
      WEIR_EVENTS_MAX_BYTES: String(8 * mib),
      WEIR_FINDINGS_MAX_BYTES: String(8 * mib),
      WEIR_DEAD_LETTERS_MAX_BYTES: String(8 * mib),
      WEIR_MODELS_MAX_BYTES: String(64 * mib),
    }
    const small = await startTestSystem(limits, { maxFileStoreBytes: 200 * mib })
    await small.startPredictor()
    const { url } = await small.startGateway()
    // A stream without a limit of its own takes what is left.
    await small.log.manager.streams.add({ name: "GREEDY", subjects: ["greedy"] })
    const megabytes = new Uint8Array(4 * mib)
    let kind = "stored"
    while (kind === "stored") kind = (await small.log.publisher.publish("greedy", megabytes)).kind
    const answer = await predict(5_000, url)
    expect([kind, ...stateOf(answer)]).toEqual(["storeFull", 503, "store_full"])
    expect(answer.headers.get("retry-after")).toBe("2")
    await small.stop()
  },
  START_MILLIS,
)
