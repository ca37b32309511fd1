import { afterAll, beforeAll, expect, test } from "bun:test"
import { InferenceSession, Tensor } from "onnxruntime-node"
import { mmdByGraph, mmdGraph, type MmdGraphRunner } from "./mmd-graph.ts"
import { drawPermutations, mmd, mmdReference } from "./mmd.ts"
import { fromList, type Rows } from "./rows.ts"
import { seededRandom } from "./seeded-random.ts"

const floats = (tensor: Tensor | undefined): Float32Array => {
  const data = tensor?.data
  if (!(data instanceof Float32Array)) throw new Error("the graph gave no floats")
  return data
}

const open = async (sigmas: ReadonlyArray<number>) => {
  const session = await InferenceSession.create(mmdGraph(sigmas), { intraOpNumThreads: 1 })
  const runner: MmdGraphRunner = async ({ rows, rest, width, choices, ...values }) => {
    const outputs = await session.run({
      x: new Tensor("float32", values.x, [rows, width]),
      y: new Tensor("float32", values.y, [rest, width]),
      weights: new Tensor("float32", values.weights, [rest]),
      chosen: new Tensor("float32", values.chosen, [rows, choices]),
      others: new Tensor("float32", values.others, [rest, choices]),
    })
    return {
      within: floats(outputs["within"]),
      across: floats(outputs["across"]),
      down: floats(outputs["down"]),
    }
  }
  return { session, runner }
}

let single: Awaited<ReturnType<typeof open>>
let double: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  single = await open([1])
  double = await open([0.5, 2])
})
afterAll(async () => {
  await single.session.release()
  await double.session.release()
})

const normalRows = (count: number, width: number, shift: number, seed: number): Rows => {
  const random = seededRandom(seed)
  const draw = () => Array.from({ length: 12 }, random).reduce((sum, one) => sum + one, -6) + shift
  return fromList(Array.from({ length: count }, () => Array.from({ length: width }, draw)))
}

test("the graph gives the distance and p-value of the float64 path", async () => {
  for (const shift of [0, 0.4]) {
    const reference = mmdReference(normalRows(300, 6, 0, 1))
    const window = normalRows(120, 6, shift, 2)
    const orders = drawPermutations(300, 120, 100, 11)
    const exact = mmd(reference, window, orders)
    const graph = await mmdByGraph(reference, window, orders, single.runner)
    expect(Math.abs(graph.distance - exact.distance)).toBeLessThan(2e-6)
    expect(Math.abs(graph.pvalue - exact.pvalue)).toBeLessThanOrEqual(0.01)
    expect(graph.drift).toBe(exact.drift)
  }
})

test("a window larger than its reference and several bandwidths agree too", async () => {
  const reference = mmdReference(normalRows(60, 3, 50, 3), [0.5, 2])
  const window = normalRows(200, 3, 50.3, 4)
  const orders = drawPermutations(60, 200, 60, 12)
  const exact = mmd(reference, window, orders)
  const graph = await mmdByGraph(reference, window, orders, double.runner)
  expect(Math.abs(graph.distance - exact.distance)).toBeLessThan(2e-6)
  expect(graph.drift).toBe(exact.drift)
})

test("one bandwidth always gives the same bytes, whatever it is", () => {
  expect(mmdGraph([3])).toEqual(mmdGraph([0.1]))
})
