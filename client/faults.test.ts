// Calls through gateways that refuse and die: all are answered, and none is answered twice.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { freePorts } from "../test/support/nats-server.ts"
import { type Fetch, InferenceClient } from "./client.ts"
import {
  type ClientSystem,
  FLIGHT,
  flights,
  START_MILLIS,
  startClientSystem,
} from "./test-system.ts"

setDefaultTimeout(START_MILLIS)

let system: ClientSystem
beforeAll(async () => {
  system = await startClientSystem()
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

test("calls that a full gateway refuses are answered in the end", async () => {
  const { url } = await system.gateway({ WEIR_IN_FLIGHT_MAX: "2" })
  let refused = 0
  const counting: Fetch = async (address, init) => {
    const response = await fetch(address, init)
    if (response.status === 429) refused++
    return response
  }
  const retry = { triesMax: 50, waitFirstMillis: 50, waitMaxMillis: 500 }
  const client = new InferenceClient({ url, retry, fetch: counting })
  const asked = Array.from({ length: 40 }, () => client.infer("flights", flights(FLIGHT)))
  const ids = (await Promise.all(asked)).map(({ logId }) => logId)
  expect([new Set(ids).size, refused > 0]).toEqual([40, true])
})

test("calls on their way through a gateway that is killed are answered once", async () => {
  const [port = 0] = freePorts(1)
  const environment = { WEIR_PORT: `${port}` }
  const gateway = await system.gateway(environment)
  const retry = { triesMax: 100, waitFirstMillis: 20, waitMaxMillis: 200 }
  const client = new InferenceClient({ url: gateway.url, retry })
  // Of a model of its own, so that its facts can be counted.
  const x = { name: "x", datatype: "INT8", shape: [1, 3], data: new Int8Array([1, 2, 3]) } as const
  let answered = 0
  let killed: Promise<unknown> | undefined
  const ask = async (): Promise<string | undefined> => {
    const { logId } = await client.infer("INT8", { inputs: [x] })
    if (++answered === 30) killed = gateway.kill().then(() => system.gateway(environment))
    return logId
  }
  const callers = Array.from({ length: 10 }, async () => {
    const ids: Array<string | undefined> = []
    for (let at = 0; at < 20; at++) ids.push(await ask())
    return ids
  })
  const ids = (await Promise.all(callers)).flat()
  await killed
  expect(new Set(ids).size).toBe(200)
  const { logId: last = "" } = await client.infer("INT8", { inputs: [x] })
  const told: Array<string> = []
  for await (const event of client.feed("INT8", { from: 1 })) {
    if (event.kind !== "prediction") continue
    told.push(event.id)
    if (event.id === last) break
  }
  // Whatever was sent twice has one fact.
  expect(told.toSorted()).toEqual([...ids.map((id) => id ?? ""), last].toSorted())
})
