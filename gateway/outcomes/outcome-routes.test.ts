// Ground truth over HTTP: stored once, corrected, checked against what was answered, and in bulk.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { outcomeSubject, PREDICTIONS } from "#proto/subjects"
import { readLast } from "#core/log/read"
import { eraseFact } from "../test-erasure.ts"
import { until } from "../../test/support/eventually.ts"
import { ask, MODEL, post, ROWS, startTestSystem, type TestSystem } from "../test-system.ts"

const START_MILLIS = 30_000
setDefaultTimeout(START_MILLIS)

let system: TestSystem
let url: string
beforeAll(async () => {
  system = await startTestSystem()
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const predicted = async (rows = ROWS) => {
  const { headers } = await post(`${url}/predict`, rows)
  return {
    id: headers.get("weir-id") ?? "",
    position: Number(headers.get("weir-position")),
  }
}
const say = (id: string, body: unknown) =>
  post(`${url}/v2/models/${MODEL}/predictions/${id}/outcome`, JSON.stringify(body))

test("an outcome is stored once, joined to its prediction, and corrected", async () => {
  const { id, position } = await predicted()
  const first = await say(id, { value: 1, observed_at: "2026-01-31T12:00:00Z" })
  expect(first.status).toBe(200)
  expect(first.json).toMatchObject({ id, model: MODEL, status: "recorded", joined: position })
  const again = await say(id, { observed_at: Date.parse("2026-01-31T12:00:00Z"), value: 1 })
  expect(again.json).toEqual({ ...first.json, status: "unchanged" })
  const corrected = await say(id, { value: 0 })
  expect(corrected.json["status"]).toBe("corrected")
  const stored = await readLast(system.log, PREDICTIONS, outcomeSubject(MODEL, id), 1)
  expect(JSON.parse(new TextDecoder().decode(stored?.data))).toEqual({
    format: 1,
    value: 0,
    position,
  })
})

test("what does not fit the prediction is refused by name", async () => {
  const { id } = await predicted('{"data":[[1750,0,0,"DTW","LAS"],[300,8,1,"SFO","LAX"]]}')
  const refused = async (body: unknown) => {
    const { status, json } = await say(id, body)
    expect(status).toBe(400)
    return json["error"]
  }
  expect(await refused({ value: 1 })).toContain("expected 2, one for each row")
  expect(await refused({ value: [1, 7] })).toContain("value of row 1: expected one of 0, 1, got 7")
  expect(await refused({ values: [{ row: 2, value: 1 }] })).toContain("rows from 0 to 1, got 2")
  expect(await refused({ value: [1, 0], values: [{ row: 0, value: 1 }] })).toContain("both")
  expect(await refused({ value: [1, 0], observed_at: "soon" })).toContain("observed_at")
  expect(await refused({ value: [1, 0], extra: 1 })).toContain("extra")
  expect(await refused({ id: "other", value: [1, 0] })).toContain("as in the address")
  expect((await say(id, { values: [{ row: 1, value: true }] })).json["status"]).toBe("recorded")
  expect((await post(`${url}/v2/models/none/predictions/a/outcome`, "{}")).status).toBe(404)
})

test("an unknown id is kept, without a prediction that it was joined to", async () => {
  const answer = await say("nobody-knows", { value: 1 })
  expect(answer.json).toMatchObject({ id: "nobody-knows", status: "recorded" })
  expect(answer.json).not.toHaveProperty("joined")
  const { position } = await predicted()
  for (const invented of [position, position + 1_000_000]) {
    const placed = await say("nobody-knows", { value: 1, position: invented })
    expect(placed.json).not.toHaveProperty("joined")
    const stored = await readLast(system.log, PREDICTIONS, outcomeSubject(MODEL, "nobody-knows"), 1)
    expect(JSON.parse(new TextDecoder().decode(stored?.data))).toEqual({ format: 1, value: 1 })
  }
})

test("what came true of an erased prediction is refused, and stored nowhere", async () => {
  const { id } = await predicted()
  await eraseFact(system.log, MODEL, id)
  const path = `${url}/v2/models/${MODEL}/predictions/${id}`
  await until("the gateway knows", async () => (await ask(path)).status === 410)
  const refused = await say(id, { value: 1 })
  expect(refused).toMatchObject({ status: 410, json: { code: "gone", id } })
  const { lines } = await bulk("application/x-ndjson", JSON.stringify({ id, value: 1 }))
  expect(lines).toMatchObject([{ line: 1, id, status: 410, code: "gone" }])
  expect(await readLast(system.log, PREDICTIONS, outcomeSubject(MODEL, id), 1)).toBeUndefined()
})

const bulk = async (type: string, body: string) => {
  const headers = { "content-type": type }
  const path = `${url}/v2/models/${MODEL}/outcomes`
  const response = await fetch(path, { method: "POST", body, headers })
  const lines = (await response.text()).trim().split("\n")
  return { status: response.status, lines: lines.map((line): unknown => JSON.parse(line)) }
}

test("lines of JSON are answered one by one, and a bad one spoils no other", async () => {
  const [a, b] = [await predicted(), await predicted()]
  const { lines } = await bulk(
    "application/x-ndjson",
    [
      JSON.stringify({ id: a.id, value: 1 }),
      "{",
      JSON.stringify({ id: a.id, value: 0 }),
      JSON.stringify({ value: 0 }),
      JSON.stringify({ id: b.id, value: "late" }),
      JSON.stringify({ id: a.id, value: 0 }),
    ].join("\n"),
  )
  expect(lines).toMatchObject([
    { line: 1, id: a.id, status: "recorded", joined: a.position },
    { line: 2, status: 400, code: "invalid_request" },
    { line: 3, id: a.id, status: "corrected" },
    { line: 4, status: 400 },
    { line: 5, id: b.id, status: 400 },
    { line: 6, id: a.id, status: "unchanged" },
  ])
})

test("a table is taken by the names of its columns", async () => {
  const { id, position } = await predicted()
  const csv = `id,value,note\r\n${id},1.0,"a, ""quoted"" one"\r\n${id},,x\r\n${id}\r\n`
  const { lines } = await bulk("text/csv; charset=utf-8", csv)
  expect(lines).toMatchObject([
    { line: 2, id, status: "recorded", joined: position },
    { line: 3, status: 400, error: "value: expected a value, got none" },
    { line: 4, status: 400, error: "line: expected 3 cells, got 1" },
  ])
  const headless = await bulk("text/csv", "key,label\na,1\n")
  expect(headless.lines).toMatchObject([
    { line: 1, status: 400 },
    { line: 2, status: 400 },
  ])
  const path = `${url}/v2/models/${MODEL}/outcomes`
  expect((await ask(path, { method: "POST", body: "x" })).status).toBe(415)
})
