// Requests that are refused before their body has come, from clients that send all of it first.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { connect } from "node:net"
import { startTestSystem, type TestSystem } from "../test-system.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)
const BODY_BYTES = 20_000_000

let system: TestSystem
let url: string

beforeAll(async () => {
  system = await startTestSystem()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

/** Sends a head and `body`, and gives what came until the connection was closed. */
const exchange = (path: string, head: ReadonlyArray<string>, body: Buffer): Promise<string> => {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let heard = ""
  const socket = connect(Number(port), hostname, () => {
    const lines = [`POST ${path} HTTP/1.1`, "Host: weir", "Connection: close", ...head, "", ""]
    socket.write(lines.join("\r\n"))
    socket.write(body)
  })
  socket.on("data", (data) => (heard += data.toString()))
  socket.on("error", reject)
  socket.on("close", () => resolve(heard))
  return promise
}

const JSON_TYPE = "Content-Type: application/json"
const body = Buffer.alloc(BODY_BYTES, " ")
const ofLength = `Content-Length: ${BODY_BYTES}`

test.each([
  ["a body that is too large", "/predict", [JSON_TYPE, ofLength], 413],
  ["a body of another type", "/predict", ["Content-Type: text/xml", ofLength], 415],
  ["a path that is not there", "/nowhere", [JSON_TYPE, ofLength], 404],
] as const)("%s is answered to a client that closes", async (_, path, head, status) => {
  expect(await exchange(path, head, body)).toStartWith(`HTTP/1.1 ${status} `)
})

test("a client that closes and never sends the rest is answered all the same", async () => {
  const half = body.subarray(0, BODY_BYTES / 2)
  const heard = await exchange("/predict", [JSON_TYPE, ofLength], half)
  expect(heard).toStartWith("HTTP/1.1 413 ")
})
