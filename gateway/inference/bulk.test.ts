// Many requests in one body: answered in order, while they come, and no faster than they are read.
import { connect, type Socket } from "node:net"
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { until } from "../../test/support/eventually.ts"
import { BULK_LINES_MAX } from "./bulk-window.ts"
import {
  MODEL,
  OTHER_ROWS,
  post,
  ROWS,
  startTestSystem,
  TENSORS,
  type TestPredictor,
  type TestSystem,
} from "../test-system.ts"

const START_MILLIS = 30_000
// The longest wait is for a caller that says nothing of its going away.
setDefaultTimeout(90_000)

let system: TestSystem
let predictor: TestPredictor
let url: string

beforeAll(async () => {
  system = await startTestSystem({ WEIR_REQUEST_MAX_BYTES: "20000" })
  predictor = await system.startPredictor()
  url = (await system.startGateway()).url
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const NDJSON = { "content-type": "application/x-ndjson" }
const address = () => `${url}/v2/models/${MODEL}/infer`

type Line = Readonly<Record<string, unknown>>
const linesOf = (text: string): ReadonlyArray<Line> =>
  text
    .trimEnd()
    .split("\n")
    // Boundary: a line that is no object fails what is expected of it.
    .map((line) => JSON.parse(line) as Line)

const bulk = async (lines: ReadonlyArray<string>, headers: Record<string, string> = {}) => {
  const body = lines.join("\n")
  const answer = await fetch(address(), {
    method: "POST",
    body,
    headers: { ...NDJSON, ...headers },
  })
  return {
    status: answer.status,
    type: answer.headers.get("content-type"),
    text: await answer.text(),
  }
}

test("each line is answered in its form and its place, and a bad one spoils no other", async () => {
  const oneLine = TENSORS
  const long = JSON.stringify({ data: [[1, 2, 3, "x".repeat(20_000), "y"]] })
  const answer = await bulk([ROWS, "{", "", oneLine, long, '{"data":[["x"]]}', OTHER_ROWS])
  expect(answer.status).toBe(200)
  expect(answer.type).toBe("application/x-ndjson")
  const lines = linesOf(answer.text)
  expect(lines.map(({ line }) => line)).toEqual([1, 2, 4, 5, 6, 7])
  const [rows, malformed, tensors, large, wrong, last] = lines
  expect(rows).toMatchObject({ model: MODEL, predictions: [0], id: String(rows?.["weir_id"]) })
  expect(malformed).toMatchObject({ code: "invalid_request", status: 400 })
  expect(tensors).toMatchObject({ id: "mine", model_name: MODEL })
  expect(large).toMatchObject({ code: "too_large", status: 413 })
  expect(wrong).toMatchObject({ code: "invalid_request", status: 400 })
  expect(last?.["predictions"]).toBeArrayOfSize(1)
})

test("a line is answered as a single request is", async () => {
  const [line] = linesOf((await bulk([ROWS])).text)
  const single = await post(`${url}/predict`, ROWS)
  const { predictions, probabilities, version } = single.json
  expect(line).toMatchObject({ predictions, probabilities, version })
})

test("with a key, a bulk that is sent again gets the same facts", async () => {
  const key = { "idempotency-key": "bulk" }
  const first = await bulk([ROWS, OTHER_ROWS], key)
  expect((await bulk([ROWS, OTHER_ROWS], key)).text).toBe(first.text)
  const changed = linesOf((await bulk([ROWS, ROWS], key)).text)
  expect(changed[0]).toEqual(linesOf(first.text)[0] ?? {})
  expect(changed[1]).toMatchObject({ code: "key_reused", status: 422 })
})

test("what is wrong with the whole is refused before a line is read", async () => {
  const unknown = await post(`${url}/v2/models/none/infer`, ROWS, NDJSON)
  expect(unknown.status).toBe(404)
  expect((await bulk([ROWS], { prefer: "respond-async" })).status).toBe(501)
  expect((await bulk([ROWS], { "content-encoding": "br" })).status).toBe(415)
  expect((await bulk([ROWS], { "idempotency-key": "x".repeat(250) })).status).toBe(400)
  expect((await bulk([])).text).toBe("")
})

const open = async (): Promise<Socket> => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once("connect", resolve)
  await promise
  const head = [
    `POST /v2/models/${MODEL}/infer HTTP/1.1`,
    "Host: localhost",
    "Content-Type: application/x-ndjson",
    "Transfer-Encoding: chunked",
  ]
  socket.write(`${head.join("\r\n")}\r\n\r\n`)
  return socket
}
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

test("a line is answered before the next one is sent", async () => {
  const socket = await open()
  let heard = ""
  let wake: () => void = () => undefined
  socket.on("data", (data) => {
    heard += data.toString()
    wake()
  })
  const hear = async (word: string) => {
    while (!heard.includes(word)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      await promise
    }
  }
  socket.write(chunk(`${ROWS}\n`))
  await hear('"line":1')
  socket.write(chunk(`${OTHER_ROWS}\n`))
  await hear('"line":2')
  socket.write("0\r\n\r\n")
  await hear("\r\n0\r\n\r\n")
  socket.destroy()
})

test("a caller who does not read is not read from", async () => {
  const before = await system.log.manager.streams.info("PREDICTIONS")
  const socket = await open()
  socket.pause()
  // More lines than any buffer on the way holds: the socket says when it takes no more.
  const many = chunk(`${ROWS}\n`.repeat(500))
  let sent = 0
  while (sent < 2_000 && socket.write(many)) sent++
  const stable = async () => {
    const { state } = await system.log.manager.streams.info("PREDICTIONS")
    return state.last_seq
  }
  let last = before.state.last_seq
  const held = await until("no more is taken", async () => {
    const now = await stable()
    const isStill = now > before.state.last_seq && now === last
    last = now
    return isStill ? now : undefined
  })
  expect(held - before.state.last_seq).toBeLessThan(500 * sent)
  expect(BULK_LINES_MAX).toBeLessThan(500)
  socket.destroy()
  // The connection does not always tell that its caller is gone; then the gateway's own limit does.
  const ended = async () => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return text.includes("weir_gateway_bulks_running 0")
  }
  await until("the bulk has ended", ended, 45_000)
})

test("a gateway that is told to stop answers what it read, and says where it stopped", async () => {
  const other = await system.startGateway()
  const { hostname, port } = new URL(other.url)
  const socket = connect(Number(port), hostname)
  let heard = ""
  socket.on("data", (data) => {
    heard += data.toString()
  })
  const head = `POST /v2/models/${MODEL}/infer HTTP/1.1\r\nHost: localhost\r\n`
  socket.write(`${head}Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n`)
  socket.write(chunk(`${ROWS}\n`))
  await until("the line is answered", () => heard.includes('"line":1'))
  const queued = async () => (await system.log.manager.streams.info("REQUESTS")).state.messages
  await until("its request is out of the queue", async () => (await queued()) === 0)
  predictor.pause()
  socket.write(chunk(`${ROWS}\n`))
  await until("the second line is queued", async () => (await queued()) === 1)
  const stopped = other.stop()
  predictor.resume()
  await until("the end", () => heard.includes('"line":3'))
  expect(heard).toContain('"line":2,"weir_id"')
  expect(heard).toContain('"line":3,"error":"the gateway is stopping')
  socket.destroy()
  await stopped
})
