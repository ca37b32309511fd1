// What is stored and cannot be read: it is shown in its place, hides nothing else, and is removed by
// the command that its message names.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { eventSubject } from "#proto/subjects"
import { until } from "../../test/support/eventually.ts"
import { FLIGHTS_MODEL, FLIGHTS_SIGNATURE, startSystem } from "../../test/support/system.ts"
import { weirWith } from "../test-command.ts"

setDefaultTimeout(60_000)

const system = await startSystem()
afterAll(() => system.stop())
for (const model of ["flights", "beside"])
  await system.release(model, "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
await system.predictor()
const gateway = await system.gateway()
const weir = weirWith({ NATS_URL: system.nats.url, WEIR_URL: gateway.url })

const junk = new TextEncoder().encode("junk")
const flight = { distance: 1_750, hour: 0, weekday: 0, origin: "DTW", destination: "LAS" }
const predict = async (model: string) => {
  const body = JSON.stringify({ data: [flight] })
  const headers = { "content-type": "application/json" }
  const answer = await fetch(`${gateway.url}/predict?model=${model}`, {
    method: "POST",
    headers,
    body,
  })
  return { status: answer.status, text: await answer.text() }
}
const ready = async () => {
  const answer = await fetch(`${gateway.url}/health/ready`)
  return { status: answer.status, text: await answer.text() }
}

test("an unreadable release makes one model unavailable, and mend serves it again", async () => {
  expect((await predict("flights")).status).toBe(200)
  await system.log.publisher.publish(eventSubject("release", "flights"), junk)
  await until("the gateway has heard", async () => (await predict("flights")).status === 503)
  const { text } = await predict("flights")
  expect(text).toContain("./weir models mend flights shows and removes it")
  expect((await predict("beside")).status).toBe(200)
  const state = await ready()
  expect(state.status).toBe(200)
  expect(state.text).toMatch(/"degraded":true.*model flights is unavailable: event \d+ cannot/u)

  expect((await weir("models", "list")).printed).toMatch(/flights +1 +no .*models mend flights/u)
  const shown = await weir("models", "show", "flights")
  expect({ code: shown.code, said: shown.said }).toMatchObject({ code: 1 })
  expect(shown.said).toContain("./weir models mend flights")
  const listed = await weir("models", "mend", "flights")
  expect(listed.code).toBe(0)
  expect(listed.printed).toMatch(/\d+ .* 4 B +"junk" .*\n\nnothing is removed/u)
  expect((await predict("flights")).status).toBe(503)

  const mended = await weir("models", "mend", "flights", "--yes", "--json")
  const { unreadable, removed } = JSON.parse(mended.printed)
  expect(removed).toEqual([unreadable[0].sequence])
  await until("it is served again", async () => (await predict("flights")).status === 200)
  expect((await ready()).text).toContain('"degraded":false')
  const nothing = await weir("models", "mend", "flights", "--yes")
  expect(nothing.printed).toBe("every release fact of flights can be read\n")
})
