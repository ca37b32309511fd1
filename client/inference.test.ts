import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { DATATYPES } from "../proto/tensor.ts"
import {
  type Form,
  fp16FromNumber,
  InferenceClient,
  numbers,
  output,
  tensor,
  texts,
  type Values,
} from "./client.ts"
import {
  type ClientSystem,
  failing,
  FLIGHT,
  flights,
  START_MILLIS,
  startClientSystem,
} from "./test-system.ts"

setDefaultTimeout(START_MILLIS)

let system: ClientSystem
let client: InferenceClient

beforeAll(async () => {
  system = await startClientSystem()
  client = new InferenceClient({ url: system.url })
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

const SAMPLES: Readonly<Record<(typeof DATATYPES)[number], Values>> = {
  BOOL: [true, false, true],
  UINT8: [0, 1, 255],
  UINT16: [0, 1, 65_535],
  UINT32: [0, 1, 4_294_967_295],
  UINT64: [0n, 9_007_199_254_740_993n, 18_446_744_073_709_551_615n],
  INT8: [-128, 0, 127],
  INT16: [-32_768, 0, 32_767],
  INT32: [-2_147_483_648, 0, 2_147_483_647],
  INT64: [-9_223_372_036_854_775_808n, 9_007_199_254_740_993n, 9_223_372_036_854_775_807n],
  FP16: [0.5, -0, 65_504],
  FP32: [0.1, -0, 3.4e38],
  FP64: [0.1, -0, 1e300],
  BYTES: ["DTW", "", "ä€😀 12345678901234567890"],
}

describe("what goes in comes out, in both forms:", () => {
  for (const form of ["json", "binary"] satisfies ReadonlyArray<Form>)
    test.each([...DATATYPES])(`%s as ${form}`, async (datatype) => {
      const x = tensor("x", datatype, [1, 3], SAMPLES[datatype])
      const answer = await client.infer(datatype, { id: "mine", inputs: [x] }, { form })
      const y = output(answer, "y")
      expect([answer.model, answer.version, answer.id]).toEqual([datatype, "1", "mine"])
      expect([y.datatype, y.shape, y.data]).toEqual([datatype, [1, 3], x.data])
    })
})

test("a model of several inputs answers a row for each row", async () => {
  const answer = await client.infer("flights", flights(FLIGHT, [2399, 1, 0, "HNL", "SFO"]))
  expect(answer.outputs.map(({ name, datatype, shape }) => [name, datatype, shape])).toEqual([
    ["label", "INT64", [2]],
    ["probabilities", "FP32", [2, 2]],
  ])
  expect(output(answer, "label").data).toEqual(new BigInt64Array([0n, 0n]))
  expect(answer.position).toBeGreaterThan(0)
  expect(answer.logId).toMatch(/^[a-z0-9]{26}$/)
})

test("a key is answered once, whatever the form", async () => {
  const options = { idempotencyKey: "once" }
  const first = await client.infer("flights", flights(FLIGHT), options)
  const location = `/v2/models/flights/predictions/${first.logId ?? ""}`
  // Answers come before they are stored; the poll waits for that.
  await client.poll({ model: "flights", location }, { waitSeconds: 30 })
  const second = await client.infer("flights", flights(FLIGHT), { ...options, form: "json" })
  expect([first.replayed, second.replayed]).toEqual([false, true])
  expect(second.position).toBe(first.position)
  expect(second.outputs).toEqual([...first.outputs])
})

test("helpers read halves and texts", async () => {
  const halves = new Uint16Array([0.5, 1, 2].map(fp16FromNumber))
  const given = { inputs: [tensor("x", "FP16", [1, 3], halves)] }
  expect(numbers(output(await client.infer("FP16", given), "y"))).toEqual([0.5, 1, 2])
  const words = { inputs: [tensor("x", "BYTES", [1, 3], ["a", "b", "c"])] }
  expect(texts(output(await client.infer("BYTES", words), "y"))).toEqual(["a", "b", "c"])
})

describe("a refusal is one error, with", () => {
  test("the server's status, code and sentence", async () => {
    const error = await failing(client.infer("nobody", flights(FLIGHT)))
    expect([error.status, error.code]).toEqual([404, "unknown_model"])
    expect(error.message).toContain("Request for unknown model")
  })
  test("the field that is wrong", async () => {
    const inputs = [tensor("x", "FP32", [1, 2], [1, 2])]
    const error = await failing(client.infer("FP32", { inputs }))
    expect([error.status, error.code]).toEqual([400, "invalid_request"])
  })
  test("status 0 where nothing listens, after as many tries as are allowed", async () => {
    const retry = { triesMax: 2, waitFirstMillis: 1 }
    const nobody = new InferenceClient({ url: "http://127.0.0.1:9", retry })
    const error = await failing(nobody.infer("FP32", { inputs: [] }))
    expect([error.status, error.code]).toEqual([0, "network"])
  })
})
