import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Batcher, InferenceClient, type InferRequest, output, tensor } from "./client.ts"
import { type ClientSystem, failing, START_MILLIS, startClientSystem } from "./test-system.ts"

setDefaultTimeout(START_MILLIS)

let system: ClientSystem
let client: InferenceClient

beforeAll(async () => {
  system = await startClientSystem()
  client = new InferenceClient({ url: system.url })
}, START_MILLIS)
afterAll(() => system.stop(), START_MILLIS)

/** A batcher of a model, and how many rows each of its requests had. */
const counting = (model: string, options: ConstructorParameters<typeof Batcher>[1] = {}) => {
  const sent: Array<number> = []
  const batcher = new Batcher((request) => {
    sent.push(request.inputs[0]?.shape[0] ?? 0)
    return client.infer(model, request, options)
  }, options)
  return { batcher, sent }
}

const row = (...values: ReadonlyArray<number>): InferRequest => ({
  inputs: [tensor("x", "FP32", [values.length / 3, 3], values)],
})
const ids = (...values: ReadonlyArray<number>): InferRequest => ({
  inputs: [tensor("ids", "INT64", [values.length], values)],
})

test("each caller gets its own rows of one request", async () => {
  const { batcher, sent } = counting("FP32", { rowsMax: 1_000, windowMillis: 20 })
  const asked = Array.from({ length: 50 }, (_, at) =>
    at % 5 === 0 ? row(at, at, at, -at, 0, 1) : row(at, at + 1, at + 2),
  )
  const answers = await Promise.all(asked.map((request) => batcher.infer(request)))
  for (const [at, answer] of answers.entries()) {
    const given = asked[at]?.inputs[0]
    expect(output(answer, "y").data).toEqual(given?.data ?? [])
    expect([output(answer, "y").shape, answer.rowsInBatch]).toEqual([given?.shape ?? [], 60])
  }
  expect(sent).toEqual([60])
})

test("a full batch goes at once, a larger request alone", async () => {
  const { batcher, sent } = counting("FP32", { rowsMax: 4, windowMillis: 1e9 })
  const many = row(...Array.from({ length: 15 }, (_, at) => at))
  const first = batcher.infer(row(1, 2, 3))
  const large = batcher.infer(many)
  const last = batcher.infer(row(4, 5, 6))
  batcher.flush()
  expect(output(await large, "y").shape).toEqual([5, 3])
  await Promise.all([first, last])
  expect(sent.toSorted()).toEqual([1, 1, 5])
})

test("texts and 64-bit integers are cut in the right place", async () => {
  const { batcher } = counting("BYTES", { windowMillis: 20 })
  const words = ["ä", "", "long enough", "b", "c", "d"]
  const ask = (part: ReadonlyArray<string>) =>
    batcher.infer({ inputs: [tensor("x", "BYTES", [1, 3], part)] })
  const [one, two] = await Promise.all([ask(words.slice(0, 3)), ask(words.slice(3))])
  const bytes = (part: ReadonlyArray<string>) => part.map((word) => new TextEncoder().encode(word))
  expect(output(one, "y").data).toEqual(bytes(words.slice(0, 3)))
  expect(output(two, "y").data).toEqual(bytes(words.slice(3)))
})

test("requests of other forms are not mixed", async () => {
  const { batcher, sent } = counting("FP32", { windowMillis: 20 })
  const named = { ...row(1, 2, 3), outputs: ["y"] }
  const wrong = { inputs: [tensor("x", "FP32", [1, 2], [1, 2])] }
  const [plain, chosen, error] = await Promise.all([
    batcher.infer(row(1, 2, 3)),
    batcher.infer(named),
    failing(batcher.infer(wrong)),
  ])
  expect([plain.rowsInBatch, chosen.rowsInBatch, error.status]).toEqual([1, 1, 400])
  expect(sent).toHaveLength(3)
})

describe("an error goes to", () => {
  test("the one request that spoils its batch, and the others are answered", async () => {
    const { batcher, sent } = counting("table", { windowMillis: 20 })
    const asked = Array.from({ length: 16 }, (_, at) => batcher.infer(ids(at === 11 ? 99 : at % 2)))
    const settled = await Promise.allSettled(asked)
    expect(settled.map(({ status }) => status).indexOf("rejected")).toBe(11)
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(15)
    expect((await failing(asked[11] ?? Promise.resolve())).code).toBe("model_error")
    // Halves: 16, 8, 8, 4, 4, 2, 2, 1, 1.
    expect(sent).toHaveLength(9)
  })
  test("each where it is nobody's own", async () => {
    const { batcher, sent } = counting("nobody", { windowMillis: 20 })
    const errors = await Promise.all([1, 2, 3].map((at) => failing(batcher.infer(ids(at)))))
    expect(errors.map(({ status }) => status)).toEqual([404, 404, 404])
    expect(sent).toEqual([3])
  })
  test("who asks for more than may be held", async () => {
    const { batcher } = counting("FP32", { rowsHeldMax: 2, windowMillis: 20 })
    const held = [batcher.infer(row(1, 2, 3)), batcher.infer(row(1, 2, 3))]
    expect((await failing(batcher.infer(row(1, 2, 3)))).code).toBe("too_many_waiting")
    await Promise.all(held)
    await batcher.infer(row(1, 2, 3))
  })
  test("who aborts, and the others are answered", async () => {
    const { batcher, sent } = counting("FP32", { windowMillis: 20 })
    const controller = new AbortController()
    const leaving = failing(batcher.infer(row(1, 2, 3), controller))
    const staying = batcher.infer(row(4, 5, 6))
    controller.abort()
    expect((await leaving).code).toBe("aborted")
    expect(output(await staying, "y").data).toEqual(new Float32Array([4, 5, 6]))
    expect(sent).toEqual([1])
  })
  test("who has no rows, or not as many in each input", async () => {
    const { batcher } = counting("FP32")
    const inputs = [tensor("a", "FP32", [1, 1], [1]), tensor("b", "FP32", [2, 1], [1, 2])]
    for (const request of [{ inputs: [] }, { inputs }])
      expect((await failing(batcher.infer(request))).code).toBe("invalid_argument")
  })
})
