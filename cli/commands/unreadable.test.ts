// What is stored and cannot be read: it is shown in its place, hides nothing else, and is removed
// by the command that its message names.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { windowSubject } from "#proto/finding"
import { deadSubject, eventSubject, predictionSubject, requestSubject } from "#proto/subjects"
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
const headers = { "content-type": "application/json" }
const predict = async (model: string) => {
  const body = JSON.stringify({ data: [flight] })
  const url = `${gateway.url}/predict?model=${model}`
  const answer = await fetch(url, { method: "POST", headers, body })
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
  const first = await until("the gateway has read it", async () => {
    const { status } = await predict("flights")
    return status === 503 ? undefined : status
  })
  // The predictor did not need to wait for its next look.
  expect(first).toBe(200)
  expect((await ready()).text).toContain('"degraded":false')
  const nothing = await weir("models", "mend", "flights", "--yes")
  expect(nothing.printed).toBe("every release fact of flights can be read\n")
})

const lines = (text: string) => text.split("\n").filter((line) => line !== "")

/** A request that dies, so that a real letter stands beside the unreadable one. */
const realLetter = async (): Promise<string> => {
  const id = "0123456789abcdefghijklmnop"
  await system.log.publisher.publish(requestSubject("beside", id), junk)
  await until("it is dead", async () => (await weir("dead", "show", id)).code === 0)
  return id
}

test("an unreadable dead letter is a row of its own, is shown and dropped", async () => {
  const real = await realLetter()
  await system.log.publisher.publish(deadSubject("beside", "strange"), junk)
  const { code, printed } = await weir("dead", "list", "--model", "beside")
  expect(code).toBe(0)
  expect(lines(printed).length).toBe(3)
  expect(printed).toContain(real)
  expect(printed).toMatch(/^strange +beside .* unreadable +- +4 B +sequence \d+: /mu)
  const { letters } = JSON.parse(
    (await weir("dead", "list", "--model", "beside", "--json")).printed,
  )
  expect(letters[1]).toMatchObject({ id: "strange", reason: "unreadable", bytes: 4 })

  const shown = await weir("dead", "show", "strange")
  expect(shown.code).toBe(0)
  expect(shown.printed).toMatch(/bytes +junk\nremedy +\.\/weir dead drop strange removes it/u)
  const whole = JSON.parse((await weir("dead", "show", "strange", "--json")).printed)
  expect(whole).toMatchObject({ payload: "junk", retries: [] })
  const retried = await weir("dead", "retry", "strange")
  expect(retried.code).toBe(1)
  expect(retried.said).toContain("strange is not sent again: ")
  const all = await weir("dead", "retry", "--all", "--model", "beside")
  expect({ code: all.code, retried: lines(all.printed).length }).toEqual({ code: 1, retried: 1 })
  expect((await weir("audit", "strange")).printed).toMatch(/state +dead/u)

  expect((await weir("dead", "drop", "strange")).code).toBe(0)
  expect((await weir("dead", "list", "--model", "beside")).printed).not.toContain("strange")
})

test("an unreadable fact is a row of tail and a section of audit, and stops neither", async () => {
  await system.log.publisher.publish(predictionSubject("beside", "strange-fact"), junk)
  const body = JSON.stringify({ data: [flight] })
  const url = `${gateway.url}/predict?model=beside`
  const answer = await fetch(url, { method: "POST", headers, body })
  const id = answer.headers.get("weir-id") ?? ""
  const { code, printed } = await weir("tail", "beside")
  expect(code).toBe(0)
  const shown = lines(printed).slice(-2)
  expect(shown[0]).toMatch(/ beside +- +strange-fact +unreadable +- +/u)
  expect(shown[1]).toContain(id)
  const rows = lines((await weir("tail", "beside", "--json")).printed).map((l) => JSON.parse(l))
  expect(rows.at(-2)).toMatchObject({ outcome: "unreadable", id: "strange-fact", bytes: 4 })

  const strange = await weir("audit", "strange-fact")
  expect(strange.code).toBe(0)
  expect(strange.printed).toMatch(/state +unreadable/u)
  expect(strange.printed).toMatch(/UNREADABLE FACT\n +why .*\n(.*\n)* +size +4 B/u)
  await system.log.publisher.publish(eventSubject("release", "beside"), junk)
  await system.log.publisher.publish(windowSubject("beside"), junk)
  const story = await weir("audit", id)
  expect(story.code).toBe(0)
  expect(story.printed).toMatch(/state +answered/u)
  expect(story.printed).toMatch(/UNREADABLE\n +FINDINGS \d+ /u)
})
