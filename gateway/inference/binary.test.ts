// Binary tensors over HTTP, packed or not, against a real gateway, predictor and server.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib"
import { DATATYPES, ELEMENT_BYTES, type Datatype } from "#proto/tensor"
import { ask, MODEL, post, startTestSystem, TENSORS, type TestSystem } from "../test-system.ts"
import { importDatatypes } from "./test-datatypes.ts"
import { randomFrom } from "./bad-body-examples.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)

const REQUEST_BYTES_MAX = 65_536
const SEED = 20_261_122
const DAMAGED = 2_000
const CALLERS = 8
const BOMBS = 60
const LENGTH = "inference-header-content-length"

let system: TestSystem
let url: string

beforeAll(async () => {
  system = await startTestSystem({ WEIR_REQUEST_MAX_BYTES: `${REQUEST_BYTES_MAX}` })
  await importDatatypes(system)
  await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

const bodyOf = (head: object, ...tail: ReadonlyArray<Uint8Array>): Body => {
  const json = Buffer.from(JSON.stringify(head))
  const bytes = new Uint8Array(Buffer.concat([json, ...tail]))
  return { bytes, headers: { [LENGTH]: `${json.byteLength}` } }
}

const addressOf = (model: string) => `${url}/v2/models/${model}/infer`
const send = (model: string, { bytes, headers }: Body) =>
  fetch(addressOf(model), { method: "POST", body: bytes, headers })

/** The JSON in front and the bytes behind it. */
const read = async (answer: Response) => {
  const whole = await answer.bytes()
  const length = Number(answer.headers.get(LENGTH) ?? whole.byteLength)
  const json: unknown = JSON.parse(Buffer.from(whole.subarray(0, length)).toString())
  return { status: answer.status, json, tail: whole.slice(length) }
}

const text = (word: string) =>
  Buffer.concat([Buffer.from([word.length, 0, 0, 0]), Buffer.from(word)])

/** Three elements in a row, none of them special. */
const sample = (datatype: Datatype): Uint8Array =>
  datatype === "BYTES"
    ? Buffer.concat([text("DTW"), text(""), text("LAS")])
    : new Uint8Array(3 * ELEMENT_BYTES[datatype]).map((_, at) => at % 2)

const input = (datatype: Datatype, size: number) => ({
  name: "x",
  datatype,
  shape: [1, 3],
  parameters: { binary_data_size: size },
})
const all = { parameters: { binary_data_output: true } }

describe("every datatype goes in and comes out as raw bytes", () => {
  test.each([...DATATYPES])("%s", async (datatype) => {
    const data = sample(datatype)
    const body = bodyOf({ inputs: [input(datatype, data.byteLength)], ...all }, data)
    const answer = await send(datatype, body)
    expect(answer.headers.get("content-type")).toBe("application/octet-stream")
    const { status, json, tail } = await read(answer)
    expect([status, tail]).toEqual([200, new Uint8Array(data)])
    const parameters = { binary_data_size: data.byteLength }
    expect(json).toMatchObject({ outputs: [{ name: "y", datatype, shape: [1, 3], parameters }] })
  })

  test.each([...DATATYPES])("%s as JSON says the same", async (datatype) => {
    const data = sample(datatype)
    const binary = bodyOf({ inputs: [input(datatype, data.byteLength)] }, data)
    const answer = await (await send(datatype, binary)).text()
    const outputs = answer.slice(answer.indexOf('"outputs"'), -1)
    const inputs = outputs.replace("outputs", "inputs").replace('"name":"y"', '"name":"x"')
    const text = `{${inputs},${JSON.stringify(all).slice(1)}`
    const json = { bytes: new TextEncoder().encode(text), headers: {} }
    expect((await read(await send(datatype, json))).tail).toEqual(new Uint8Array(data))
  })
})

/** The request of TENSORS, some inputs in JSON and some as bytes. */
const flight = (more: object = {}) =>
  bodyOf(
    {
      id: "mine",
      inputs: [
        { name: "distance", datatype: "FP32", shape: [1, 1], parameters: { binary_data_size: 4 } },
        { name: "hour", datatype: "INT64", shape: [1, 1], data: [0] },
        { name: "weekday", datatype: "INT64", shape: [1, 1], parameters: { binary_data_size: 8 } },
        { name: "origin", datatype: "BYTES", shape: [1, 1], parameters: { binary_data_size: 7 } },
        { name: "destination", datatype: "BYTES", shape: [1, 1], data: ["LAS"] },
      ],
      ...more,
    },
    new Uint8Array(new Float32Array([1750]).buffer),
    new Uint8Array(8),
    text("DTW"),
  )

test("a request in JSON and in bytes has one answer, and one key takes both", async () => {
  const key = { "idempotency-key": "either form" }
  const json = await post(addressOf(MODEL), TENSORS, key)
  const { bytes, headers } = flight()
  const binary = await ask(addressOf(MODEL), {
    method: "POST",
    body: bytes,
    headers: { ...headers, ...key },
  })
  expect([json.status, binary.status]).toEqual([200, 200])
  expect(binary.headers.get("idempotent-replayed")).toBe("true")
  expect(binary.text).toBe(json.text)
})

test("outputs come in the form that each asks for, and as classes", async () => {
  const outputs = [
    { name: "label", parameters: { binary_data: false } },
    { name: "probabilities", parameters: { binary_data: true } },
  ]
  const { json, tail } = await read(await send(MODEL, flight({ outputs, ...all })))
  expect(json).toMatchObject({ id: "mine", outputs: [{ name: "label", data: [0] }, {}] })
  expect(tail.byteLength).toBe(8)
  const ranked = [{ name: "probabilities", parameters: { classification: 1 } }]
  const best = await read(await send(MODEL, flight({ outputs: ranked })))
  expect(best.json).toMatchObject({ outputs: [{ datatype: "BYTES", shape: [1, 1] }] })
  expect(JSON.stringify(best.json)).toMatch(/"data":\["0\.513519:0(?::[^"]+)?"\]/)
})

test("a body without JSON is one tensor, and its answer is raw", async () => {
  const bytes = new Uint8Array(new Float32Array([1, 2, 3]).buffer)
  const answer = await read(await send("FP32", { bytes, headers: { [LENGTH]: "0" } }))
  expect([answer.status, answer.tail]).toEqual([200, bytes])
  const refused = await read(await send(MODEL, { bytes, headers: { [LENGTH]: "0" } }))
  expect(refused.status).toBe(400)
})

test("a length of JSON that the body cannot have is refused by what it may be", async () => {
  for (const length of ["13", "-1", "x"]) {
    const body = { bytes: new Uint8Array(12), headers: { [LENGTH]: length } }
    const { status, json } = await read(await send("FP32", body))
    const error = `expected 0 to 12 (bytes of the body, unpacked), got "${length}"`
    expect(status).toBe(400)
    expect(json).toMatchObject({ error: `Inference-Header-Content-Length: ${error}` })
  }
})

test("BF16 is 501 by name", async () => {
  const body = bodyOf({ inputs: [{ ...input("FP16", 6), datatype: "BF16" }] }, new Uint8Array(6))
  const { status, json } = await read(await send("FP16", body))
  expect(status).toBe(501)
  expect(JSON.stringify(json)).toContain("BF16")
})

describe("packed bodies", () => {
  const codings = [
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["deflate", deflateRawSync],
  ] as const
  const packed = (body: Body, coding: string, pack: (bytes: Uint8Array) => Uint8Array): Body => ({
    bytes: new Uint8Array(pack(body.bytes)),
    headers: { ...body.headers, "content-encoding": coding },
  })

  test.each(codings)("%s is unpacked, binary and JSON", async (coding, pack) => {
    const { status, tail } = await read(await send(MODEL, packed(flight(all), coding, pack)))
    expect([status, tail.byteLength]).toEqual([200, 16])
    const json = { bytes: new TextEncoder().encode(TENSORS), headers: {} }
    expect((await send(MODEL, packed(json, coding, pack))).status).toBe(200)
  })

  test.each(codings)("%s that becomes too large is 413, a broken one 400", async (coding, pack) => {
    const bomb = { bytes: new Uint8Array(REQUEST_BYTES_MAX + 1).fill(32), headers: {} }
    const small = packed(bomb, coding, pack)
    expect(small.bytes.byteLength).toBeLessThan(1_000)
    expect((await send(MODEL, small)).status).toBe(413)
    const { bytes, headers } = packed(flight(), coding, pack)
    expect((await send(MODEL, { bytes: bytes.slice(0, 40), headers })).status).toBe(400)
    expect((await send(MODEL, { bytes: bytes.slice(0, 0), headers })).status).toBe(400)
  })

  test("many bombs at once are each 413, and a good one among them is answered", async () => {
    const bomb = { bytes: new Uint8Array(REQUEST_BYTES_MAX * 20).fill(32), headers: {} }
    const small = packed(bomb, "gzip", gzipSync)
    const bombs = Array.from({ length: BOMBS }, async () => (await send(MODEL, small)).status)
    const good = send(MODEL, packed(flight(all), "gzip", gzipSync))
    expect(new Set(await Promise.all(bombs))).toEqual(new Set([413]))
    expect((await good).status).toBe(200)
  })

  test("codings that nobody unpacks here are 415", async () => {
    for (const coding of ["br", "gzip, gzip", "zstd"])
      expect((await send(MODEL, packed(flight(), coding, gzipSync))).status).toBe(415)
  })
})

test(`${DAMAGED} bodies and lengths that were cut, stretched or changed get no 5xx`, async () => {
  const random = randomFrom(SEED)
  const below = (limit: number) => Math.floor(random() * limit)
  const good = flight(all)
  const headBytes = Number(good.headers[LENGTH])
  const damaged = (): Body => {
    const bytes = new Uint8Array(below(2 * good.bytes.byteLength))
    bytes.set(good.bytes.subarray(0, bytes.byteLength))
    if (random() < 0.3 && bytes.byteLength > 0) bytes[below(bytes.byteLength)] = below(256)
    const lengths = [
      `${headBytes}`,
      `${headBytes}`,
      `${below(2 * headBytes)}`,
      "-1",
      "x",
      "1e3",
      "9".repeat(30),
    ]
    return { bytes, headers: { [LENGTH]: lengths[below(lengths.length)] ?? "" } }
  }
  const bodies = Array.from({ length: DAMAGED }, damaged)
  const statuses = new Map<number, number>()
  const caller = async () => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const answer = await send(MODEL, body)
      const words = await answer.text()
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      if (answer.status !== 200) expect(JSON.parse(words)["error"]).toBeString()
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([])
  expect(statuses.get(400)).toBeGreaterThan(DAMAGED * 0.9)
})
