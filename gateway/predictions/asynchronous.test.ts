// Requests whose answer is fetched later: accepted, waited for, found again, gone.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { predictionSubject, PREDICTIONS } from "#proto/subjects"
import { eraseFact } from "../test-erasure.ts"
import { until } from "../../test/support/eventually.ts"
import { historyStatus } from "#core/log/history"
import {
  ask,
  MODEL,
  OTHER_ROWS,
  post,
  ROWS,
  startTestSystem,
  TENSORS,
  type Answer,
  type TestPredictor,
  type TestSystem,
} from "../test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

const CAPACITY = 100
const LATER = { prefer: "respond-async" }
let system: TestSystem
let predictor: TestPredictor
let url: string

beforeAll(async () => {
  system = await startTestSystem({ WEIR_PREDICTIONS_MAX_MESSAGES: `${CAPACITY}` })
  predictor = await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const fetchAt = (answer: Answer, headers: Record<string, string> = { prefer: "wait=20" }) =>
  ask(`${url}${answer.headers.get("location")}`, { headers })

/** While it lasts, nothing is predicted. */
const paused = async <A>(run: () => Promise<A>): Promise<A> => {
  predictor.pause()
  try {
    return await run()
  } finally {
    predictor.resume()
  }
}

test("a request is accepted at once, and fetched in the form it was asked in", async () => {
  const rows = await post(`${url}/predict`, ROWS, LATER)
  expect(rows.status).toBe(202)
  const id = rows.headers.get("weir-id")
  expect(rows.json).toEqual({ id, model: MODEL, status: "queued" })
  expect(rows.headers.get("location")).toBe(`/v2/models/${MODEL}/predictions/${id}?form=rows`)
  expect(rows.headers.get("preference-applied")).toBe("respond-async")
  expect(Number(rows.headers.get("retry-after"))).toBeGreaterThan(0)
  const answer = await fetchAt(rows)
  expect(answer.status).toBe(200)
  expect(answer.headers.get("preference-applied")).toBe("wait=20")
  expect(answer.json).toMatchObject({ id, model: MODEL, predictions: [0] })

  const tensors = await post(`${url}/v2/models/${MODEL}/infer`, TENSORS, LATER)
  expect(tensors.status).toBe(202)
  const told = await fetchAt(tensors)
  expect(told.json).toMatchObject({ id: "mine", model_name: MODEL })
  const again = await fetchAt(tensors, {})
  expect(again.text).toBe(told.text)
  expect(again.headers.get("preference-applied")).toBeNull()
})

test("a poll waits until the answer is there", async () => {
  const { poll } = await paused(async () => {
    const accepted = await post(`${url}/predict`, ROWS, LATER)
    const early = await fetchAt(accepted, {})
    expect(early.status).toBe(202)
    expect(early.json["status"]).toBe("queued")
    const late = await fetchAt(accepted, { prefer: "wait=1" })
    expect(late.status).toBe(202)
    expect(late.headers.get("preference-applied")).toBe("wait=1")
    return { poll: fetchAt(accepted) }
  })
  expect((await poll).status).toBe(200)
})

test("with a wait the answer comes at once if it is there in time, and else a 202", async () => {
  const soon = { prefer: "respond-async, wait=20" }
  for (const [path, body] of [
    ["/predict", ROWS],
    [`/v2/models/${MODEL}/infer`, TENSORS],
  ] as const) {
    const answer = await post(`${url}${path}`, body, soon)
    expect(answer.status).toBe(200)
    expect(answer.headers.get("preference-applied")).toBe("wait=20")
    expect(answer.headers.get("location")).toBeNull()
    expect((await post(`${url}${path}`, body)).json["outputs"]).toEqual(answer.json["outputs"])
  }
  const late = await paused(() => post(`${url}/predict`, ROWS, { prefer: "respond-async,wait=1" }))
  expect(late.status).toBe(202)
  expect(late.headers.get("preference-applied")).toBe("respond-async, wait=1")
  expect((await fetchAt(late)).json).toMatchObject({ predictions: [0] })
  expect((await post(`${url}/predict`, "{", soon)).status).toBe(400)
})

test("what is wrong is refused before anything is accepted", async () => {
  expect((await post(`${url}/predict`, "{", LATER)).status).toBe(400)
  expect((await post(`${url}/v2/models/none/infer`, TENSORS, LATER)).status).toBe(404)
})

test("a key is accepted twice for one fact, and refused with another body", async () => {
  const headers = { ...LATER, "idempotency-key": "later" }
  const [first, second] = await Promise.all([
    post(`${url}/predict`, ROWS, headers),
    post(`${url}/predict`, ROWS, headers),
  ])
  expect([first.status, second.status]).toEqual([202, 202])
  expect(second.headers.get("weir-id")).toBe(first.headers.get("weir-id"))
  const answer = await fetchAt(first)
  const other = await post(`${url}/predict`, OTHER_ROWS, headers)
  expect(other.status).toBe(422)
  const after = await post(`${url}/predict`, ROWS, headers)
  expect(after.status).toBe(202)
  expect((await fetchAt(after)).text).toBe(answer.text)
  const waiting = await post(`${url}/predict`, ROWS, { "idempotency-key": "later" })
  expect(waiting.headers.get("idempotent-replayed")).toBe("true")
  expect(waiting.text).toBe(answer.text)
})

test("what was erased is gone, with its position and without", async () => {
  const answer = await post(`${url}/predict`, ROWS)
  const id = answer.headers.get("weir-id") ?? ""
  const position = Number(answer.headers.get("weir-position"))
  const path = `${url}/v2/models/${MODEL}/predictions/${id}`
  expect(await eraseFact(system.log, MODEL, id)).toBe(position)
  await until("it is gone", async () => (await ask(path)).status === 410)
  for (const query of ["", `?position=${position}`, `?position=${position + 1_000}`]) {
    const gone = await ask(`${path}${query}`, { headers: { prefer: "wait=30" } })
    expect([gone.status, gone.json["code"], gone.json["id"]]).toEqual([410, "gone", id])
  }
  const other = await system.startGateway()
  expect((await ask(path.replace(url, other.url))).status).toBe(410)
  await other.stop()
})

test("an unknown id is unknown at once, whatever the wait", async () => {
  const path = `/v2/models/${MODEL}/predictions/nobody`
  const answer = await ask(`${url}${path}`, { headers: { prefer: "wait=30" } })
  expect(answer.status).toBe(404)
  expect((await ask(`${url}${path}?form=words`)).status).toBe(400)
  expect((await ask(`${url}${path}?position=x`)).status).toBe(400)
})

test("a gateway that is told to stop ends polls at once", async () => {
  const other = await system.startGateway()
  await paused(async () => {
    const accepted = await post(`${other.url}/predict`, ROWS, LATER)
    const path = accepted.headers.get("location")
    const poll = ask(`${other.url}${path}`, { headers: { prefer: "wait=60" } })
    const sees = `${other.url}/metrics`
    await until("the poll has come", async () =>
      (await (await fetch(sees)).text()).includes("weir_gateway_polls_waiting 1"),
    )
    const stopped = other.stop()
    expect((await poll).status).toBe(202)
    await stopped
  })
})

test("what the hot log dropped is found by position, and gone when no log has it", async () => {
  const first = await post(`${url}/predict`, ROWS)
  const id = first.headers.get("weir-id") ?? ""
  const position = first.headers.get("weir-position")
  for (let count = 0; count < CAPACITY; count++) await post(`${url}/predict`, OTHER_ROWS)
  await until("all is copied", async () => (await historyStatus(system.log, CAPACITY)).lag === 0)
  const path = `${url}/v2/models/${MODEL}/predictions/${id}`
  expect((await ask(path)).status).toBe(404)
  const found = await ask(`${path}?form=rows&position=${position}`)
  expect(found.status).toBe(200)
  expect(found.text).toBe(first.text)
  const byHeader = await ask(`${path}?form=rows`, { headers: { "weir-position": `${position}` } })
  expect(byHeader.text).toBe(first.text)
  expect((await ask(`${path}x?position=${position}`)).status).toBe(404)
  await system.log.manager.streams.purge("HISTORY")
  const gone = await ask(`${path}?position=${position}`)
  expect(gone.status).toBe(410)
  expect(gone.json["code"]).toBe("gone")
  const { state } = await system.log.manager.streams.info(PREDICTIONS)
  expect((await ask(`${path}?position=${state.last_seq + 5}`)).status).toBe(404)
  expect(predictionSubject(MODEL, id)).toContain(id)
})
