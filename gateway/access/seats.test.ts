// What one caller may hold open of what all share: bulks, feeds and polls, each through a gateway.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { changeAccess } from "#core/access/key-facts"
import { newKey, Pepper } from "#core/access/secrets"
import { until } from "../../test/support/eventually.ts"
import {
  ask,
  MODEL,
  post,
  ROWS,
  startTestSystem,
  type TestPredictor,
  type TestSystem,
} from "../test-system.ts"
import { Seats } from "./seats.ts"

setDefaultTimeout(60_000)

const PEPPER = "the pepper of these tests"
const PER_CALLER = 2
const MAX = 3
const CALLERS = ["alice", "bob", "carol"] as const
type Name = (typeof CALLERS)[number]

const pepper = new Pepper(PEPPER)
const keys = new Map<Name, string>()
let system: TestSystem
let predictor: TestPredictor
let url: string

const headersOf = (name: Name) => ({ authorization: `Bearer ${keys.get(name)}` })

beforeAll(async () => {
  const limits = Object.fromEntries(
    ["WEIR_BULKS", "WEIR_POLLS", "WEIR_FEED_READERS"].flatMap((name) => [
      [`${name}_MAX`, `${MAX}`],
      [`${name}_PER_CALLER`, `${PER_CALLER}`],
    ]),
  )
  system = await startTestSystem({ WEIR_AUTH: "required", WEIR_KEY_PEPPER: PEPPER, ...limits })
  predictor = await system.startPredictor()
  for (const name of CALLERS) {
    const key = newKey()
    const digest = pepper.digest(key).toString("hex")
    const made = { pepper: pepper.fingerprint, ratePerSecond: undefined, beside: false }
    const scopes = ["predict", "read", "operate"] as const
    await changeAccess(system.log, name, {
      type: "Create",
      digest,
      scopes,
      ...made,
      at: Date.now(),
    })
    keys.set(name, key)
  }
  url = (await system.startGateway()).url
  await until("the model answers", async () => {
    return (await post(`${url}/predict`, ROWS, headersOf("carol"))).status === 200
  })
})
afterAll(() => system.stop())

const gauge = async (name: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`, { headers: headersOf("carol") })).text()
  return Number(new RegExp(`^weir_gateway_${name} (\\d+)`, "m").exec(text)?.[1])
}

interface Open {
  readonly status: number
  readonly code: string
  readonly end: () => void
}

const codeOf = async (response: Response): Promise<string> =>
  response.status === 200 ? "" : (/"code":"(\w+)"/.exec(await response.text())?.[1] ?? "")

const openFeed = async (name: Name): Promise<Open> => {
  const gone = new AbortController()
  const response = await fetch(`${url}/v2/models/${MODEL}/feed?from=1`, {
    headers: headersOf(name),
    signal: gone.signal,
  })
  return { status: response.status, code: await codeOf(response), end: () => gone.abort() }
}

/** A bulk whose first line was answered and whose second has not come. */
const openBulk = async (name: Name): Promise<Open> => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  writer.write(new TextEncoder().encode(`${ROWS}\n`)).catch(() => undefined)
  const gone = new AbortController()
  const response = await fetch(`${url}/v2/models/${MODEL}/infer`, {
    method: "POST",
    body: readable,
    headers: { ...headersOf(name), "content-type": "application/x-ndjson" },
    signal: gone.signal,
  })
  return { status: response.status, code: await codeOf(response), end: () => gone.abort() }
}

const ways = [
  { what: "bulks", open: openBulk, counted: "bulks_running", code: "too_many_in_flight" },
  { what: "feeds", open: openFeed, counted: "feed_readers", code: "too_many_readers" },
] as const

test.each(ways)("one caller cannot take all $what", async ({ open, counted, code }) => {
  const own = [await open("alice"), await open("alice")]
  const third = await open("alice")
  expect([third.status, third.code]).toEqual([429, code])
  const others = [await open("bob"), await open("carol")]
  expect(others.map((one) => one.status)).toEqual([200, 429])
  own[0]?.end()
  await until("a seat is free", async () => (await gauge(counted)) === PER_CALLER)
  const again = await open("alice")
  expect(again.status).toBe(200)
  for (const one of [...own, ...others, again]) one.end()
  await until("all seats are free", async () => (await gauge(counted)) === 0)
})

test("one caller cannot take all polls, and who has no seat is told at once", async () => {
  predictor.pause()
  const queue = async (name: Name): Promise<string> => {
    const headers = { ...headersOf(name), prefer: "respond-async" }
    return (await post(`${url}/predict`, ROWS, headers)).headers.get("location") ?? ""
  }
  const poll = (name: Name, location: string) =>
    ask(`${url}${location}`, { headers: { ...headersOf(name), prefer: "wait=50" } })
  const location = await queue("alice")
  const waiting = [poll("alice", location), poll("alice", location)]
  await until("both wait", async () => (await gauge("polls_waiting")) === PER_CALLER)
  expect((await poll("alice", location)).status).toBe(202)
  const other = poll("bob", await queue("bob"))
  await until("another waits", async () => (await gauge("polls_waiting")) === MAX)
  expect((await poll("carol", location)).status).toBe(202)
  predictor.resume()
  const statuses = (await Promise.all([...waiting, other])).map(({ status }) => status)
  expect(statuses).toEqual([200, 200, 200])
})

test("seats are given back once, and the nameless share only the whole", () => {
  const seats = new Seats({ max: 3, perCaller: 1 })
  const first = seats.take({ name: "alice" })
  expect(seats.take({ name: "alice" })).toEqual({
    kind: "taken",
    limit: "1 of one caller at once",
  })
  if (first.kind === "seat") for (let count = 0; count < 3; count++) first.leave()
  expect(seats.taken).toBe(0)
  const nobody = Array.from({ length: 4 }, () => seats.take({ name: undefined }).kind)
  expect(nobody).toEqual(["seat", "seat", "seat", "taken"])
  expect(seats.take({ name: "alice" })).toEqual({ kind: "taken", limit: "3 at once" })
})
