// The demonstration of equality at small size, and its oracle against onnxruntime-node with nothing
// of ours around it.
import { expect, test } from "bun:test"
import { InferenceSession, Tensor } from "onnxruntime-node"
import { flights, modelPath, runEqual, runtimeOracle, type Oracle } from "./equal.ts"

const ROWS = 300
const WAIT_MILLIS = 120_000

const directOracle = async (): Promise<Oracle> => {
  const session = await InferenceSession.create(modelPath, { intraOpNumThreads: 1 })
  const one = [1, 1]
  return async ({ distance, hour, weekday, origin, destination }) => {
    const { label, probabilities } = await session.run({
      distance: new Tensor("float32", [distance], one),
      hour: new Tensor("int64", [BigInt(hour)], one),
      weekday: new Tensor("int64", [BigInt(weekday)], one),
      origin: new Tensor("string", [origin], one),
      destination: new Tensor("string", [destination], one),
    })
    return {
      label: Number(label?.data[0]),
      probabilities: [...(probabilities?.data ?? [])].map(Number),
    }
  }
}

test(
  "answers over HTTP are what onnxruntime-node gives directly, and each has one fact",
  async () => {
    const { broken } = await runEqual(ROWS, await directOracle())
    expect(broken).toEqual([])
  },
  WAIT_MILLIS,
)

test("the demonstration's runtime gives the same as onnxruntime-node directly", async () => {
  const [direct, ours] = await Promise.all([directOracle(), runtimeOracle()])
  for (const flight of await flights(2_000))
    expect(await ours(flight)).toEqual(await direct(flight))
})

test(
  "an answer that differs in one bit is found",
  async () => {
    const direct = await directOracle()
    let asked = 0
    const { predictEqual, inferEqual, broken } = await runEqual(10, async (flight) => {
      const right = await direct(flight)
      if (asked++ > 0) return right
      return { ...right, probabilities: right.probabilities.map((value) => value + 2 ** -24) }
    })
    expect([predictEqual, inferEqual]).toEqual([9, 9])
    expect(broken.length).toBe(2)
  },
  WAIT_MILLIS,
)
