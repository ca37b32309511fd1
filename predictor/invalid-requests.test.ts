// What producers publish straight to the queue and should not have: each ends with its reason, as
// it came, and no model sees it.
import { afterAll, expect, test } from "bun:test"
import { seededRandom } from "../core/statistics/seeded-random.ts"
import {
  CALLER,
  CONTENT_TYPE,
  DIGEST,
  REPLY,
  RETRY_OF,
  TIMEOUT,
  VERSION,
} from "../proto/headers.ts"
import { predictionCodec } from "../proto/prediction.ts"
import type { InferenceRequest } from "../proto/request.ts"
import type { Tensor } from "../proto/tensor.ts"
import { FLIGHTS_MODEL, FLIGHTS_SIGNATURE, startSystem } from "../test/support/system.ts"
import { until } from "../test/support/eventually.ts"
import {
  bytes,
  deadLettersOf,
  flightInputs,
  fp32,
  int64,
  json,
  listen,
  messagePack,
  metricOf,
  newId,
  queueEmpty,
  send,
  sendRaw,
  singleFactsOf,
  type Sent,
} from "./test-traffic.ts"

const SEED = 20260101
const GENERATED = 1_400
const REQUEST_BYTES_MAX = 8_192

const system = await startSystem({
  environment: { WEIR_REQUEST_MAX_BYTES: String(REQUEST_BYTES_MAX) },
})
const { log } = system
afterAll(() => system.stop())
await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
const predictor = await system.predictor()

const random = seededRandom(SEED)
const below = (count: number): number => Math.floor(random() * count)
const pick = <A>(list: ReadonlyArray<A>): A => {
  const found = list[below(list.length)]
  if (found === undefined) throw new Error("nothing to pick from")
  return found
}
const garbage = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256))

const good = (): ReadonlyArray<Tensor> =>
  flightInputs({
    distance: below(4_000),
    hour: below(24),
    weekday: below(7),
    origin: "DTW",
    destination: "LAS",
  })
const withInputs = (inputs: ReadonlyArray<Tensor>): Sent => messagePack("flights", { inputs })
const change = (at: number, with_: (tensor: Tensor) => Tensor): Sent =>
  withInputs(good().map((tensor, index) => (index === at ? with_(tensor) : tensor)))
const withHeader = (name: string, value: string): Sent =>
  messagePack("flights", { inputs: good() }, [[name, value]])
const withOutputs = (outputs: ReadonlyArray<string>): Sent => {
  const request: InferenceRequest = { inputs: good(), outputs }
  return messagePack("flights", request)
}
const cut = (sent: Sent): Sent => ({
  ...sent,
  payload: sent.payload.slice(0, below(sent.payload.length)),
})
const column = (name: string, datatype: string, data: string) =>
  `{"name":"${name}","datatype":"${datatype}","shape":[1,1],"data":${data}}`
const jsonBody = (distance: string, origin = '["DTW"]', rest = ""): string =>
  `{"inputs":[${column("distance", "FP32", distance)},${column("hour", "INT64", "[1]")},` +
  `${column("weekday", "INT64", "[1]")},${column("origin", "BYTES", origin)},` +
  `${column("destination", "BYTES", '["LAS"]')}]${rest}}`

const FORGED_REPLIES = [
  "$JS.API.STREAM.DELETE.REQUESTS",
  "weir.request.flights.forged",
  "weir.prediction.flights.forged",
  "weir.event.release.flights",
  "_INBOX.*",
  "_INBOX.>",
  "_INBOX",
  "weir.reply.>",
  "weir.reply.a.*",
  "weir.reply",
  "_INBOXES.a",
  "_INBOX.a b",
  `_INBOX.${"a".repeat(300)}`,
]

/** Each makes requests whose tensors are wrong in one way. */
const TENSOR_KINDS: Readonly<Record<string, () => Sent>> = {
  "wrong name": () =>
    change(below(5), (tensor) => ({ ...tensor, name: pick(["", "x", "Hour", "__proto__"]) })),
  "missing input": () => withInputs(good().toSpliced(below(5), 1)),
  "no input": () => withInputs([]),
  "input twice": () => withInputs([...good(), ...good().slice(0, 1)]),
  "wrong datatype": () =>
    change(0, (tensor) => ({ ...tensor, datatype: pick(["INT32", "UINT8", "FP64", "BYTES"]) })),
  "wrong rank": () =>
    change(below(5), (tensor) => ({ ...tensor, shape: pick([[], [1], [1, 1, 1]]) })),
  "wrong width": () => change(0, () => fp32("distance", [1, 2], [1, 2])),
  "no rows": () => change(0, () => fp32("distance", [0, 1], [])),
  "rows that disagree": () => change(1, () => int64("hour", [2, 1], [1, 2])),
  "huge shape": () => change(0, (tensor) => ({ ...tensor, shape: [2 ** 31, 1] })),
  "truncated data": () =>
    change(below(3), (tensor) => ({ ...tensor, data: tensor.data.slice(0, below(4)) })),
  "too much data": () =>
    change(below(3), (tensor) => ({ ...tensor, data: garbage(9 + below(40)) })),
  NaN: () => change(0, () => fp32("distance", [1, 1], [NaN])),
  infinity: () => change(0, () => fp32("distance", [1, 1], [pick([Infinity, -Infinity])])),
  "text cut off": () =>
    change(3, (tensor) => ({ ...tensor, data: tensor.data.slice(0, -1 - below(3)) })),
  "text that is not UTF-8": () =>
    change(3, () => ({ ...bytes("origin", ""), data: Uint8Array.of(2, 0, 0, 0, 0xc3, 0x28) })),
  "text with a NUL": () => change(4, () => bytes("destination", "L\0S")),
  "unknown output": () => withOutputs([pick(["", "y", "labels"])]),
  "output twice": () => withOutputs(["label", "label"]),
}

/** And whose bytes or headers are. */
const MESSAGE_KINDS: Readonly<Record<string, () => Sent>> = {
  "MessagePack cut off": () => cut(withInputs(good())),
  garbage: () => ({ ...withInputs([]), payload: garbage(below(400)) }),
  "JSON cut off": () => cut(json("flights", jsonBody("[1]"))),
  "JSON that is not UTF-8": () => ({
    ...json("flights", ""),
    payload: Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d),
  }),
  "JSON of another kind": () =>
    json("flights", pick(["1", "[]", "null", '"x"', "{}", '{"inputs":{}}'])),
  "JSON with a wrong value": () =>
    json(
      "flights",
      jsonBody(pick(["[1e400]", "[null]", '["1"]', "[true]", "[{}]", "[NaN]", "[]", "[1,2]"])),
    ),
  "JSON with a lone surrogate": () => json("flights", jsonBody("[1]", '["\\ud800"]')),
  "JSON that is deep": () => json("flights", jsonBody("[".repeat(500) + "]".repeat(500))),
  "unknown content type": () =>
    withHeader(CONTENT_TYPE, pick(["text/plain", "application/xml", "x"])),
  "forged reply": () => withHeader(REPLY, pick(FORGED_REPLIES)),
  "bad version": () => withHeader(VERSION, pick(["a b", "1.2", "*", "v".repeat(65)])),
  "bad timeout": () => withHeader(TIMEOUT, pick(["0", "-5", "abc", "1.5", "600001", "Infinity"])),
  "bad caller": () => withHeader(CALLER, pick(["a b", "alice\tbob", "x".repeat(65), "ä", "a.b"])),
  "bad digest": () => withHeader(DIGEST, pick(["x", "0".repeat(63), "G".repeat(64)])),
  "bad retry": () => withHeader(RETRY_OF, pick(["a.b", "*", "x".repeat(65)])),
  "too large": () => ({
    ...withInputs([]),
    payload: garbage(REQUEST_BYTES_MAX + 1 + below(5_000)),
  }),
  "tensors too large": () => {
    const zeros = `[${Array(REQUEST_BYTES_MAX / 8 + 1)
      .fill("0")
      .join()}]`
    return json(
      "flights",
      `{"inputs":[{"name":"hour","datatype":"INT64","shape":[1025,1],"data":${zeros}}]}`,
    )
  },
}

test(`each of ${GENERATED} wrong requests ends as invalid, as it came (seed ${SEED})`, async () => {
  const touched: Array<string> = []
  for (const subject of ["$JS.API.STREAM.DELETE.>", "_INBOXES.>"])
    log.connection.subscribe(subject, { callback: (_, message) => touched.push(message.subject) })
  const replies = listen(log)
  const kinds = Object.entries({ ...TENSOR_KINDS, ...MESSAGE_KINDS })
  const sent = Array.from({ length: GENERATED }, (_, at) => {
    const [kind, make] = kinds[at % kinds.length] ?? ["", () => withInputs([])]
    const made = make()
    const headers = made.headers ?? []
    const answered = headers.some(([name]) => name === REPLY)
    return { ...made, kind, headers: answered ? headers : [...headers, replies.header(made.id)] }
  })
  await send(log, sent)
  await queueEmpty(log)
  const facts = await singleFactsOf(log, sent)
  const letters = await deadLettersOf(log)
  for (const [at, { id, kind, payload, headers }] of sent.entries()) {
    const { fact, bytes: stored } = facts[at] ?? {}
    expect([kind, fact?.failure?.reason]).toEqual([kind, "invalid"])
    expect(fact?.failure?.message).not.toBe("")
    expect(fact?.caller).toBeUndefined()
    expect(fact?.outputs).toBeUndefined()
    const letter = letters.get(id)
    expect(letter).toMatchObject({ model: "flights", id, reason: "invalid" })
    expect(Buffer.compare(letter?.payload ?? garbage(1), payload)).toBe(0)
    if (kind === "forged reply") expect(letter?.headers[REPLY]).toBe(headers[0]?.[1] ?? "none")
    else expect(Buffer.compare(replies.of(id)[0]?.data ?? garbage(1), stored ?? garbage(2))).toBe(0)
  }
  expect(letters.size).toBe(GENERATED)
  expect(touched).toEqual([])
  expect(await metricOf(predictor, "weir_predictor_batches_total")).toBe(0)
  expect(await metricOf(predictor, "weir_predictor_redeliveries_total")).toBe(0)
})

test("subjects that are no names, and headers that are none, are dead letters", async () => {
  const before = (await deadLettersOf(log)).size
  const subjects = [
    "*.a1",
    "flights.>",
    "$JS.a2",
    "a~b.c~d",
    "\xe9.a3",
    `${"m".repeat(200)}.a4`,
    "flights.\x01",
  ]
  for (const subject of subjects)
    await sendRaw(system.nats.url, `weir.request.${subject}`, "", "hi")
  const [nameless, status, empty] = [newId(), newId(), newId()]
  const to = (id: string) => `weir.request.flights.${id}`
  await sendRaw(system.nats.url, to(nameless), "NATS/1.0\r\nbad name: x\r\n\r\n", "hi")
  await sendRaw(system.nats.url, to(status), "NATS/1.0 503 No Responders\r\nA: b\r\n\r\n", "")
  await sendRaw(system.nats.url, to(empty), "NATS/1.0\r\nbad name: x\r\n\r\n", "")
  await queueEmpty(log)
  const letters = await deadLettersOf(log)
  expect(letters.size).toBe(before + subjects.length + 3)
  expect(letters.get(nameless)?.message).toContain("header")
})

test("headers as long as the server takes do not keep a request from its dead letter", async () => {
  const headers = Array.from(
    { length: 3 },
    (_, at) => [`X-Long-${at}`, "v".repeat(18_000)] as const,
  )
  const sent = { ...withInputs([]), headers: [["X-Short", "kept"] as const, ...headers] }
  await send(log, [sent])
  await queueEmpty(log)
  const letter = (await deadLettersOf(log)).get(sent.id)
  expect(letter?.headers).toEqual({ "X-Short": "kept" })
  expect(letter?.message).toContain("(3 headers are not kept)")
})

test("after all of that a good request is predicted, as the first run of the model", async () => {
  const sent = withInputs(good())
  await send(log, [sent])
  await queueEmpty(log)
  const [stored] = await singleFactsOf(log, [sent])
  expect(stored?.fact.outputs?.length).toBe(2)
  await until(
    "it is counted",
    async () => (await metricOf(predictor, "weir_predictor_batches_total")) === 1,
  )
  expect(
    predictionCodec.encode(
      stored?.fact ?? { id: "", model: "", times: { stored: 0, taken: 0 }, deliveries: 0 },
    ),
  ).toEqual(stored?.bytes ?? garbage(1))
})
