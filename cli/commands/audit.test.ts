// `weir audit` and `weir dead` on a whole system: ids that ended in every way there is, a cause
// that is mended, and facts that only the long log still has.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { historyStatus } from "#core/log/history"
import { RETRY_OF, TIMEOUT, VERSION } from "#proto/headers"
import { PREDICTIONS } from "#proto/subjects"
import {
  flightInputs,
  int64,
  json,
  messagePack,
  queueEmpty,
  send,
  singleFactsOf,
} from "../../predictor/test-traffic.ts"
import { until } from "../../test/support/eventually.ts"
import { FLIGHTS_MODEL, FLIGHTS_SIGNATURE, startSystem } from "../../test/support/system.ts"
import { inProject } from "../project.ts"
import { weirWith } from "../test-command.ts"

const EMBEDDING = join(inProject("core", "inference", "golden"), "int64-embedding-mean.onnx")

const system = await startSystem()
const { log } = system
afterAll(() => system.stop())
await system.release("embedding", "1", EMBEDDING)
await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
const weir = weirWith({ NATS_URL: system.nats.url })
// Each command is a process of its own, which takes a while to start on a busy machine.
setDefaultTimeout(60_000)

const ids = (...values: ReadonlyArray<number>) => ({
  inputs: [int64("ids", [1, values.length], values)],
})
const good = Array.from({ length: 40 }, (_, at) =>
  messagePack("flights", {
    inputs: flightInputs({
      distance: 100 + at,
      hour: at % 24,
      weekday: at % 7,
      origin: "DTW",
      destination: "LAS",
    }),
  }),
)
const failed = messagePack("embedding", ids(9_999, 1, 2))
const late = messagePack("embedding", ids(1), [[TIMEOUT, "1"]])
const unreadable = json("embedding", "{not json", [["Weir-Caller", "mallory"]])
const pinned = messagePack("embedding", ids(1, 2), [[VERSION, "2"]])
const ownRetry = messagePack("embedding", ids(9_998, 1, 2), [[RETRY_OF, failed.id]])
await send(log, [...good, failed, late, unreadable, pinned, ownRetry])

const document = async (...words: ReadonlyArray<string>) => {
  const { code, printed, said } = await weir(...words, "--json")
  expect({ code, said }).toEqual({ code: 0, said: "" })
  return JSON.parse(printed)
}

test("an id that still waits is said to be queued", async () => {
  const { code, printed } = await weir("audit", good[0]?.id ?? "")
  expect(code).toBe(0)
  expect(printed).toMatch(/^state +queued$/mu)
  expect(await document("audit", late.id)).toMatchObject({
    state: "queued",
    queued: { headers: { [TIMEOUT]: "1" } },
  })
})

test("the system ends all of them", async () => {
  await system.predictor()
  await queueEmpty(log, 30_000)
})

test("a good id has times, its version's decisions, its output, and its whole batch", async () => {
  const facts = await singleFactsOf(log, good)
  const largest = facts.toSorted((a, b) => (b.fact.batch?.rows ?? 0) - (a.fact.batch?.rows ?? 0))[0]
  const told = await document("audit", largest?.fact.id ?? "")
  expect(told).toMatchObject({
    state: "answered",
    fact: { position: largest?.position, version: "1", deliveries: 1, stream: PREDICTIONS },
  })
  const { batch, releases, times } = told.fact
  expect(batch.proof).toBe("verified")
  expect(batch.memberList.length).toBe(largest?.fact.batch?.rows)
  expect(batch.memberList.length).toBeGreaterThan(1)
  expect(releases.map((one: { _tag: string }) => one._tag)).toEqual([
    "VersionRegistered",
    "Promoted",
  ])
  expect(times.ended).toBeGreaterThanOrEqual(times.stored)
  expect(told.fact.outputs[0].data.length).toBeGreaterThan(0)
  const { printed } = await weir("audit", largest?.fact.id ?? "")
  expect(printed).toContain("verified: the digest in the fact is that of these members")
})

test("failed, expired and unreadable ids say why, and have their dead letters", async () => {
  expect(await document("audit", failed.id)).toMatchObject({
    state: "failed",
    fact: { failure: { reason: "model_error" } },
    deadLetter: { reason: "model_error" },
  })
  const expired = await document("audit", late.id)
  expect(expired).toMatchObject({ state: "failed", fact: { failure: { reason: "expired" } } })
  expect(expired.deadLetter).toBeUndefined()
  expect(await document("audit", unreadable.id)).toMatchObject({
    fact: { failure: { reason: "invalid" } },
    deadLetter: { reason: "invalid", payload: "{not json" },
  })
  const { printed } = await weir("audit", unreadable.id)
  expect(printed).toContain("mallory")
})

test("a retry that a producer made under an id of its own is in the chain, both ways", async () => {
  const old = await document("audit", failed.id)
  expect(old.chain.after).toEqual([{ id: ownRetry.id, state: "failed", retryOf: failed.id }])
  const next = await document("audit", ownRetry.id)
  expect(next.chain.before).toEqual([{ id: failed.id, state: "failed" }])
})

test("an id that nobody used is unknown, with a sentence and exit code 1", async () => {
  const { code, printed, said } = await weir("audit", "nobody-used-this")
  expect({ code, printed }).toEqual({ code: 1, printed: "" })
  expect(said).toBe(
    'weir: the log knows nothing of "nobody-used-this": ' +
      "no request, fact, copy or dead letter has this id\n",
  )
})

test("the list of dead letters has each, and one can be shown with its bytes", async () => {
  const { letters } = await document("dead", "list", "--model", "embedding")
  const listed = new Map(letters.map((one: { id: string; reason: string }) => [one.id, one.reason]))
  expect(listed.get(pinned.id)).toBe("unknown_version")
  expect(listed.get(failed.id)).toBe("model_error")
  expect(listed.has(late.id)).toBe(false)
  const { printed } = await weir("dead", "show", unreadable.id)
  expect(printed).toContain("{not json")
  expect((await weir("dead", "show", "nobody-used-this")).code).toBe(1)
})

test("what died is answered under a new id once its cause is mended, chain and all", async () => {
  const first = (await weir("dead", "retry", pinned.id)).printed.trim()
  await queueEmpty(log)
  expect(await document("audit", first)).toMatchObject({
    fact: { failure: { reason: "unknown_version" }, retryOf: pinned.id },
  })
  await system.release("embedding", "2", EMBEDDING)
  const second = (await weir("dead", "retry", pinned.id)).printed.trim()
  expect(second).not.toBe(first)
  await queueEmpty(log)
  const mended = await document("audit", second)
  expect(mended).toMatchObject({
    state: "answered",
    fact: { version: "2", pinned: "2", retryOf: pinned.id },
    chain: { before: [{ id: pinned.id, state: "failed" }] },
  })
  expect(mended.fact.request.inputs[0].data).toEqual([1, 2])
  expect((await document("audit", pinned.id)).chain.after).toEqual([
    { id: first, state: "failed", retryOf: pinned.id },
    { id: second, state: "answered", retryOf: pinned.id },
  ])
})

test("what was answered by its retry is sent again only when that is said", async () => {
  const again = await weir("dead", "retry", pinned.id)
  expect(again.code).toBe(1)
  expect(again.said).toContain("--again sends it once more")
  const { code, printed } = await weir("dead", "retry", pinned.id, "--again")
  expect(code).toBe(0)
  await queueEmpty(log)
  expect(await document("audit", printed.trim())).toMatchObject({ state: "answered" })
})

test("--all sends each once, also when the hot log has dropped the retry", async () => {
  const lines = (text: string) => text.split("\n").filter((line) => line !== "")
  const first = lines((await weir("dead", "retry", "--all", "--model", "embedding")).printed)
  const sent = first.map((line) => line.split(" ")[0])
  expect(sent).toContain(unreadable.id)
  expect(sent).not.toContain(pinned.id)
  await queueEmpty(log)
  await until("all is copied", async () => (await historyStatus(log, 1)).lag === 0)
  const before = await document("audit", good[1]?.id ?? "")
  await log.manager.streams.purge(PREDICTIONS)
  const second = lines((await weir("dead", "retry", "--all", "--model", "embedding")).printed)
  expect(second.map((line) => line.split(" ")[0])).not.toContain(unreadable.id)
  const old = await document("audit", good[1]?.id ?? "")
  expect(old).toMatchObject({ state: "answered", fact: { stream: "HISTORY" } })
  expect(old.fact.position).toBe(before.fact.position)
  expect(old.fact.outputs).toEqual(before.fact.outputs)
  expect(old.fact.batch).toEqual(before.fact.batch)
  await queueEmpty(log)
})

test("a letter that is dropped is gone, and its fact stays", async () => {
  expect((await weir("dead", "drop", unreadable.id)).code).toBe(0)
  expect((await weir("dead", "show", unreadable.id)).code).toBe(1)
  const told = await document("audit", unreadable.id)
  expect(told.deadLetter).toBeUndefined()
  expect(told.fact.failure.reason).toBe("invalid")
})
