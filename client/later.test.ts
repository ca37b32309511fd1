// Answers that come later, and the control of models, against a real Weir that asks for keys.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Scope } from "../proto/access.ts"
import { changeAccess } from "../core/access/key-facts.ts"
import { newKey, Pepper } from "../core/access/secrets.ts"
import { until } from "../test/support/eventually.ts"
import { InferenceClient, InferenceError } from "./client.ts"
import {
  type ClientSystem,
  failing,
  FLIGHT,
  flights,
  START_MILLIS,
  startClientSystem,
} from "./test-system.ts"

setDefaultTimeout(START_MILLIS)
const PEPPER = "the pepper of these tests"
const pepper = new Pepper(PEPPER)

let system: ClientSystem
let client: InferenceClient
let operator: InferenceClient

const makeKey = async (name: string, scopes: ReadonlyArray<Scope>): Promise<string> => {
  const key = newKey()
  const digest = pepper.digest(key).toString("hex")
  const more = { pepper: pepper.fingerprint, ratePerSecond: undefined, beside: false, at: 1 }
  await changeAccess(system.log, name, { type: "Create", digest, scopes, ...more })
  return key
}

beforeAll(async () => {
  system = await startClientSystem({ WEIR_AUTH: "required", WEIR_KEY_PEPPER: PEPPER })
  const { url } = system
  client = new InferenceClient({ url, apiKey: await makeKey("alice", ["predict"]) })
  operator = new InferenceClient({ url, apiKey: await makeKey("olga", ["predict", "operate"]) })
  // The gateway follows the keys.
  await until("the gateway knows the keys", () => operator.server())
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

/** Nothing is answered while it runs. */
const paused = async <A>(run: () => Promise<A>): Promise<A> => {
  const { predictorPid } = system
  process.kill(predictorPid, "SIGSTOP")
  try {
    return await run()
  } finally {
    process.kill(predictorPid, "SIGCONT")
  }
}

test("a request is queued, looked for, waited for, and there again for others", async () => {
  const { ticket, waited } = await paused(async () => {
    const submitted = await client.submit("flights", flights(FLIGHT), { idempotencyKey: "a" })
    if (submitted.kind !== "queued") throw new Error("answered by a predictor that stands still")
    const look = await client.poll(submitted.ticket)
    expect(look).toMatchObject({ kind: "queued", ticket: { id: submitted.ticket.id } })
    return { ticket: submitted.ticket, waited: client.result(submitted.ticket) }
  })
  const answer = await waited
  expect([answer.logId, answer.outputs.length]).toEqual([ticket.id, 2])
  expect(await client.result({ model: "flights", location: ticket.location })).toEqual(answer)
})

test("a wait that is long enough brings the answer itself", async () => {
  const submitted = await client.submit("flights", flights(FLIGHT), { waitSeconds: 30 })
  expect(submitted.kind).toBe("answered")
})

test("what is not answered in time is told with its id, and can be fetched later", async () => {
  const late = await paused(() =>
    failing(client.infer("flights", flights(FLIGHT), { timeoutMillis: 300, idempotencyKey: "b" })),
  )
  expect([late.status, late.code]).toEqual([504, "timed_out"])
  const location = `/v2/models/flights/predictions/${late.id ?? ""}`
  const told = await client.poll({ model: "flights", location }, { waitSeconds: 30 }).then(
    ({ kind }): string => kind,
    (error: unknown) => (error instanceof InferenceError ? error.code : String(error)),
  )
  // Its deadline is over, so the predictor may tell so instead of answering.
  expect(["answered", "expired"]).toContain(told)
})

test("time that is over, and a signal, end the wait for a result", async () => {
  await paused(async () => {
    const submitted = await client.submit("flights", flights(FLIGHT))
    if (submitted.kind !== "queued") throw new Error("answered by a predictor that stands still")
    const { ticket } = submitted
    expect((await failing(client.result(ticket, { timeoutMillis: 50 }))).code).toBe("timed_out")
    const controller = new AbortController()
    const ending = failing(client.result(ticket, { signal: controller.signal }))
    controller.abort()
    expect((await ending).code).toBe("aborted")
  })
})

test("an id that nobody has had is refused at once", async () => {
  const location = `/v2/models/flights/predictions/${"0".repeat(26)}`
  const error = await failing(client.result({ model: "flights", location }))
  expect([error.status, error.code]).toEqual([404, "unknown_id"])
})

describe("a model", () => {
  test("is unloaded and loaded", async () => {
    await operator.unload("BOOL")
    const states = async () =>
      (await operator.index()).filter(({ name }) => name === "BOOL").map(({ state }) => state)
    expect([await operator.modelReady("BOOL"), await states()]).toEqual([false, ["UNAVAILABLE"]])
    await operator.load("BOOL")
    expect([await operator.modelReady("BOOL"), await states()]).toEqual([true, ["READY"]])
  })
  test("is not unloaded by whoever may only ask", async () => {
    const error = await failing(client.unload("BOOL"))
    expect([error.status, error.code]).toEqual([403, "forbidden"])
  })
  test("is not looked at without a key; health is no secret", async () => {
    const stranger = new InferenceClient({ url: system.url })
    expect((await failing(stranger.metadata("flights"))).status).toBe(401)
    expect((await failing(stranger.modelReady("flights"))).status).toBe(401)
    expect(await stranger.live()).toBe(true)
  })
  test("of a version is asked by it", async () => {
    const version = "1"
    const answer = await client.infer("flights", flights(FLIGHT), { version })
    expect(answer.version).toBe("1")
    const error = await failing(client.infer("flights", flights(FLIGHT), { version: "9" }))
    expect([error.status, error.code]).toEqual([404, "unknown_version"])
    expect((await client.metadata("flights", { version })).versions).toEqual(["1"])
    const [statistics] = await operator.statistics("flights", { version })
    expect(statistics?.inferenceCount).toBeGreaterThan(0)
  })
})
