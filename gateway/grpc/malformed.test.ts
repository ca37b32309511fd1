// Messages that nobody should send, to every method: each is answered with a status that blames the
// message, and the gateway goes on.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { connect, type ClientHttp2Session } from "node:http2"
import { gzipSync } from "node:zlib"
import { status } from "@grpc/grpc-js"
import { randomFrom } from "../inference/bad-body-examples.ts"
import { startTestSystem, type TestGateway, type TestSystem } from "../test-system.ts"
import { flight, INFERENCE, methodOf, TestClient, typedFlight } from "./test-client.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)
const SEED = 20_261_122
const MESSAGES = 1_000
const CALLERS = 16
const REQUEST_BYTES_MAX = 65_536

/** What a message can be blamed for; RESOURCE_EXHAUSTED is for one that is too large. */
const BLAME: ReadonlySet<status> = new Set([
  status.OK,
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.UNIMPLEMENTED,
  status.RESOURCE_EXHAUSTED,
])
const METHODS = [
  "ModelReady",
  "ServerMetadata",
  "ModelMetadata",
  "ModelConfig",
  "ModelStatistics",
  "RepositoryIndex",
  "RepositoryModelLoad",
  "RepositoryModelUnload",
]

let system: TestSystem
let gateway: TestGateway
let client: TestClient

beforeAll(async () => {
  system = await startTestSystem({ WEIR_REQUEST_MAX_BYTES: `${REQUEST_BYTES_MAX}` })
  await system.startPredictor()
  gateway = await system.startGateway({ WEIR_GRPC_PORT: "0" })
  client = new TestClient(gateway.grpcAddress ?? "")
  let ready = await client.call("ServerReady")
  while (ready.message["ready"] !== true) ready = await client.call("ServerReady")
}, START_MILLIS)
afterAll(async () => {
  client.close()
  await system.stop()
}, START_MILLIS)

const random = randomFrom(SEED)
const below = (limit: number) => Math.floor(random() * limit)
const { requestSerialize } = methodOf(INFERENCE, "ModelInfer")
const good = requestSerialize(flight)
const whole = [good, requestSerialize(typedFlight)]

/** A good request with some bytes changed, cut off, put in or repeated; or no message at all. */
const damaged = (): Buffer => {
  const bytes = Buffer.from(whole[below(whole.length)] ?? good)
  switch (below(5)) {
    case 0:
      return bytes.subarray(0, below(bytes.byteLength))
    case 1:
      for (let count = 1 + below(8); count > 0; count--) bytes[below(bytes.byteLength)] = below(256)
      return bytes
    case 2: {
      const at = below(bytes.byteLength)
      const more = Buffer.from(Array.from({ length: 1 + below(16) }, () => below(256)))
      return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)])
    }
    case 3: {
      const from = below(bytes.byteLength)
      return Buffer.concat([bytes, bytes.subarray(from, from + below(64))])
    }
    default:
      return Buffer.from(Array.from({ length: below(200) }, () => below(256)))
  }
}

test("a thousand damaged messages are answered, and none with a fault of ours", async () => {
  const codes = new Map<status, number>()
  let left = MESSAGES
  const caller = async () => {
    while (left-- > 0) {
      const isInfer = below(4) > 0
      const name = isInfer ? "ModelInfer" : (METHODS[below(METHODS.length)] ?? "")
      const { code } = await client.sendBytes(`/${INFERENCE}/${name}`, damaged())
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  expect([...codes.keys()].filter((code) => !BLAME.has(code))).toEqual([])
  expect([...codes.values()].reduce((sum, count) => sum + count, 0)).toBe(MESSAGES)
  expect(codes.get(status.INVALID_ARGUMENT) ?? 0).toBeGreaterThan(MESSAGES / 4)
})

test("damaged messages in a stream are answered one by one", async () => {
  const call = client.streamOfBytes()
  const messages = Array.from({ length: 200 }, () => (below(3) > 0 ? damaged() : good))
  const { promise, resolve } = Promise.withResolvers<status>()
  let answers = 0
  call.on("data", () => answers++)
  call.on("error", () => undefined)
  call.on("status", ({ code }) => resolve(code))
  for (const message of messages) call.write(message)
  call.end()
  expect(await promise).toBe(status.OK)
  expect(answers).toBe(messages.length)
})

/** One call on a bare HTTP/2 connection; resolves with its gRPC status and code word. */
const bare = (
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  ...chunks: ReadonlyArray<Buffer>
): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const stream = session.request({
    ":method": "POST",
    ":path": `/${INFERENCE}/ModelInfer`,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  })
  const tell = (given: Readonly<Record<string, unknown>>) => {
    const { "grpc-status": code, "weir-code": word } = given
    if (code !== undefined) resolve(word === undefined ? `${code}` : `${code} ${word}`)
  }
  stream.on("response", tell)
  stream.on("trailers", tell)
  stream.on("error", () => resolve("reset"))
  stream.on("close", () => resolve("closed"))
  stream.resume()
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  return promise
}

const framed = (bytes: Buffer, flag = 0, length = bytes.byteLength) => {
  const head = Buffer.alloc(5)
  head.writeUInt8(flag)
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, bytes])
}

test("frames that lie about their length or unpack to more than they may are refused", async () => {
  const session = connect(`http://${gateway.grpcAddress}`)
  const gzip = { "grpc-encoding": "gzip" }
  const bomb = gzipSync(Buffer.alloc(REQUEST_BYTES_MAX * 100))
  const limit = `${status.RESOURCE_EXHAUSTED} too_large`
  expect(await bare(session, gzip, framed(bomb, 1))).toBe(limit)
  expect(await bare(session, {}, framed(Buffer.alloc(8), 0, 2 ** 31))).toBe(limit)
  const notPacked = framed(Buffer.from("not packed"), 1)
  expect(await bare(session, gzip, notPacked)).toBe(`${status.INVALID_ARGUMENT} invalid_request`)
  const others = await Promise.all([
    bare(session, {}, framed(good, 0, 2_000)),
    bare(session, {}, Buffer.from([1, 2])),
    bare(session, {}),
    bare(session, {}, framed(good), framed(good)),
    bare(session, { "grpc-timeout": "soon" }, framed(good)),
  ])
  expect(others.filter((code) => code.startsWith(`${status.OK}`))).toEqual([])
  session.close()
})

test("afterwards requests are answered as before", async () => {
  expect((await client.call("ModelInfer", flight)).code).toBe(status.OK)
})
