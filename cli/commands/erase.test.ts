// `weir erase` on a whole system: after it nothing that a person sent is found by any route, in any
// stream or in any file of the server, and nobody else loses anything.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { readRange } from "#core/log/follow"
import { findErasures } from "#core/log/erasures"
import { historyGaps, historyStatus } from "#core/log/history"
import { erasureCodec } from "#proto/erasure"
import { CALLER, RETRY_OF } from "#proto/headers"
import {
  DEAD_LETTERS,
  EVENTS,
  FINDINGS,
  HISTORY,
  outcomeSubject,
  PREDICTIONS,
  predictionSubject,
  REQUESTS,
  requestSubject,
} from "#proto/subjects"
import { flightInputs, json, messagePack, queueEmpty, send } from "../../predictor/test-traffic.ts"
import { reconnected } from "../../test/support/open-log.ts"
import { until } from "../../test/support/eventually.ts"
import { FLIGHTS_MODEL, FLIGHTS_SIGNATURE, startSystem } from "../../test/support/system.ts"
import { weirWith } from "../test-command.ts"

const ERASED = 100
const KEPT = 200
const BAD = 20
setDefaultTimeout(120_000)

const system = await startSystem()
const { log } = system
afterAll(() => system.stop())
await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
await system.predictor()
const gateway = await system.gateway()
const weir = weirWith({ NATS_URL: system.nats.url })

const flight = (origin: string) =>
  flightInputs({ distance: 1_750, hour: 3, weekday: 2, origin, destination: "LAS" })
const secretOf = (at: number) => `secret-of-person-${at}-end`
const keptOf = (at: number) => `kept-of-other-${at}-end`
const callerOf = (name: string) => [[CALLER, name]] as const

const person = Array.from({ length: ERASED - BAD }, (_, at) =>
  messagePack("flights", { inputs: flight(secretOf(at)) }, callerOf("person")),
)
const bad = Array.from({ length: BAD }, (_, at) => {
  const inputs = [{ name: secretOf(ERASED - BAD + at), datatype: "FP32", shape: [1], data: [1] }]
  return json("flights", { inputs }, callerOf("person"))
})
const others = Array.from({ length: KEPT }, (_, at) =>
  messagePack("flights", { inputs: flight(keptOf(at)) }, callerOf("somebody-else")),
)
const all = [...person, ...bad]
const mixed = others.flatMap((one, at) => [one, ...all.slice(at, at + 1)])
/** Comes before its fact; the hot log drops it while it still holds the fact. */
const early = await log.publisher.publish(
  outcomeSubject("flights", person[1]?.id ?? ""),
  new TextEncoder().encode('{"value":"early-truth-of-person-end"}'),
)
await send(log, mixed)
await queueEmpty(log)
const retried = await weir("dead", "retry", bad[0]?.id ?? "")
// Anybody may claim to retry anything.
const claim = json("flights", { inputs: [] }, [
  [CALLER, "impostor"],
  [RETRY_OF, bad[1]?.id ?? ""],
])
const ownClaim = json("flights", { inputs: [] }, [
  [CALLER, "impostor"],
  [RETRY_OF, others[0]?.id ?? ""],
])
await send(log, [claim, ownClaim])
await queueEmpty(log)
const truth = '{"value":"truth-of-person-end"}'
await log.publisher.publish(
  outcomeSubject("flights", person[0]?.id ?? ""),
  new TextEncoder().encode(truth),
)

/** The files below the server's folder that hold the text. */
const filesWith = (text: string): ReadonlyArray<string> =>
  readdirSync(system.nats.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text))

/** Messages of a stream whose bytes hold the text. */
const messagesWith = async (stream: string, text: string): Promise<number> => {
  const { state } = await log.manager.streams.info(stream)
  let found = 0
  for await (const { data } of readRange(log, { stream, from: state.first_seq, to: Infinity }))
    if (Buffer.from(data).includes(text)) found++
  return found
}

const SECRET = "secret-of-person-"
await until("all is copied", async () => (await historyStatus(log, 1)).lag === 0)
if (early.kind === "stored") await log.manager.streams.deleteMessage(PREDICTIONS, early.sequence)
await until("it is in the files", () => filesWith(SECRET).length > 0)

test("without --yes nothing is erased where nobody can be asked", async () => {
  const { code, said } = await weir("erase", person[0]?.id ?? "")
  expect(code).toBe(2)
  expect(said).toContain("--yes erases without asking")
  expect(await messagesWith(PREDICTIONS, SECRET)).toBe(ERASED + 1)
})

test("100 ids are erased, with the retries of their dead letters", async () => {
  const { code, printed, said } = await weir("erase", ...all.map(({ id }) => id), "--yes", "--json")
  expect({ code, said }).toEqual({ code: 0, said: "" })
  const result = JSON.parse(printed)
  expect(result.erased.length).toBe(ERASED + 1)
  expect(result.erased.map((one: { id: string }) => one.id)).toContain(retried.printed.trim())
  expect(result.erased.every((one: { left: number }) => one.left === 0)).toBe(true)
  expect(result.queueSwept).toBe(true)
  expect(result.remains.length).toBeGreaterThan(0)
})

test("no stream holds what they sent, and no file of the server", async () => {
  for (const stream of [PREDICTIONS, HISTORY, DEAD_LETTERS, EVENTS, FINDINGS]) {
    expect({ stream, found: await messagesWith(stream, SECRET) }).toEqual({ stream, found: 0 })
  }
  expect((await log.manager.streams.info(REQUESTS)).state.messages).toBe(0)
  expect(filesWith(SECRET)).toEqual([])
  expect(filesWith("truth-of-person-end")).toEqual([])
  expect(await messagesWith(HISTORY, "early-truth-of-person-end")).toBe(0)
})

test("no route finds them, and the record says that they were erased", async () => {
  const { id } = person[7] ?? { id: "" }
  const answer = await fetch(`${gateway.url}/v2/models/flights/predictions/${id}`)
  expect(answer.status).toBe(410)
  const { printed } = await weir("audit", id, "--json")
  const told = JSON.parse(printed)
  expect(told.state).toBe("erased")
  expect(told.fact).toBeUndefined()
  expect(told.erasures).toHaveLength(1)
  expect((await weir("dead", "show", bad[3]?.id ?? "")).code).toBe(1)
  const tail = await weir("tail", "--from", "1", "--json", "--full")
  expect(tail.printed).not.toContain(id)
  expect(tail.printed).not.toContain(SECRET)
  expect((await weir("erase", "never-there", "--yes")).code).toBe(1)
})

test("to erase again is no failure, and says since when it is erased", async () => {
  const { id } = person[7] ?? { id: "" }
  const again = await weir("erase", id, "--yes")
  expect(again.code).toBe(0)
  expect(again.said).toContain(`${id} is erased already, since 20`)
  const both = await weir("erase", id, "never-there", "--yes", "--json")
  expect(both.code).toBe(1)
  const { already, unknown, erased, queueSwept } = JSON.parse(both.printed)
  expect(queueSwept).toBe(true)
  expect(again.printed).toContain("The files of the queue were swept.")
  expect(already).toMatchObject([{ id, model: "flights" }])
  expect([erased, unknown]).toEqual([[], ["never-there"]])
})

test("who claims to retry what another sent neither takes along nor is taken", async () => {
  const impostor = await weir("audit", claim.id, "--json")
  expect(JSON.parse(impostor.printed).state).toBe("failed")
  expect((await weir("erase", "--caller", "impostor", "--yes")).code).toBe(0)
  expect(await messagesWith(PREDICTIONS, keptOf(0))).toBe(1)
  expect(await messagesWith(PREDICTIONS, claim.id)).toBe(0)
})

test("a record names id, positions, when and by whom, and nothing of what it was", async () => {
  const records = []
  for await (const { data, subject } of readRange(log, { stream: EVENTS, from: 1, to: Infinity }))
    if (subject.includes("erasure")) records.push(erasureCodec.decode(data))
  // One retry, and the two claims.
  expect(new Set(records.map(({ id }) => id)).size).toBe(ERASED + 3)
  const first = records.find(({ id }) => id === person[0]?.id)
  // Its fact and its ground truth.
  expect(first?.positions).toHaveLength(2)
  const dead = records.find(({ id }) => id === bad[0]?.id)
  expect(dead?.deadLetters).toHaveLength(1)
})

test("nobody else loses anything, and the long log neither lags nor has gaps", async () => {
  expect(await messagesWith(PREDICTIONS, "kept-of-other-")).toBe(KEPT)
  expect(await messagesWith(HISTORY, "kept-of-other-")).toBe(KEPT)
  expect((await historyStatus(log, 1)).lag).toBe(0)
  expect(await historyGaps(log)).toEqual([])
})

test("two who erase the same at once leave one record of it, and count it once", async () => {
  const asked = Array.from({ length: 20 }, () =>
    messagePack("flights", { inputs: flight("DTW") }, callerOf("twice")),
  )
  await send(log, asked)
  await queueEmpty(log)
  const both = await Promise.all(
    [1, 2].map(() => weir("erase", "--caller", "twice", "--yes", "--json")),
  )
  expect(both.map(({ code }) => code)).toEqual([0, 0])
  const results = both.map(({ printed }) => JSON.parse(printed))
  const facts = results.flatMap(({ erased }) => erased).map((one: { facts: number }) => one.facts)
  expect(facts.reduce((sum, one) => sum + one, 0)).toBe(asked.length)
  const found = await findErasures(log, new Set(asked.map(({ id }) => id)))
  expect(found.map(({ id }) => id).toSorted()).toEqual(asked.map(({ id }) => id).toSorted())
})

test("nothing comes back when the server is started again", async () => {
  const back = reconnected(log)
  await system.nats.restart("stop")
  await back
  await until("the log answers", () => log.manager.streams.info(HISTORY))
  expect(filesWith(SECRET)).toEqual([])
  const next = messagePack("flights", { inputs: flight("DTW") })
  await until("a request is taken", async () => {
    const subject = requestSubject("flights", next.id)
    const { kind } = await log.publisher.publish(subject, next.payload)
    return kind === "stored" || kind === "queued"
  })
  await until(
    "its fact is copied",
    async () => {
      const direct = await log.manager.streams
        .getMessage(PREDICTIONS, { last_by_subj: predictionSubject("flights", next.id) })
        .catch(() => undefined)
      return direct !== undefined && (await historyStatus(log, 1)).lag === 0
    },
    60_000,
  )
  expect(await messagesWith(HISTORY, SECRET)).toBe(0)
  expect(filesWith(SECRET)).toEqual([])
})

test("everything of a caller is erased by name, also what only the long log holds", async () => {
  await log.manager.streams.purge(PREDICTIONS)
  const { code, printed } = await weir("erase", "--caller", "somebody-else", "--yes", "--json")
  expect(code).toBe(0)
  const { erased } = JSON.parse(printed)
  expect(erased.length).toBe(KEPT)
  expect(erased.every((one: { copies: number }) => one.copies === 1)).toBe(true)
  expect(await messagesWith(HISTORY, "kept-of-other-")).toBe(0)
  expect(filesWith("kept-of-other-")).toEqual([])
})
