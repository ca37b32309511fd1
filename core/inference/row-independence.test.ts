// Which graphs keep rows apart, and that a model which does not answers each caller as if alone.
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { makeEngine } from "./engine.ts"
import { firstLoad } from "./first-load.ts"
import { readGraph } from "./onnx-graph.ts"
import * as Onnx from "./onnx-test-models.ts"
import { findRowMixing } from "./row-independence.ts"

const mixing = (bytes: Uint8Array) => findRowMixing(bytes, readGraph(bytes))
const axis = (value: number) =>
  Onnx.message(5, Onnx.text(1, "axis"), Onnx.integer(3, value), Onnx.integer(20, 2))
const axes = (value: number) =>
  Onnx.message(5, Onnx.text(1, "axes"), Onnx.integer(8, value), Onnx.integer(20, 7))
const graph = (...nodes: ReadonlyArray<Onnx.Field>) =>
  Onnx.model(
    ...nodes,
    Onnx.value(11, "x", Onnx.ELEMENT.FP32, ["N", 3]),
    Onnx.value(12, "y", Onnx.ELEMENT.FP32, ["N", 3]),
  )

/** y = x > 5000 ? x − mean of all rows : x. No generated row is as large as that. */
const hiddenMean = graph(
  Onnx.floats("limit", [1], new Float32Array([5_000])),
  Onnx.node("ReduceMean", ["x"], ["mean"], axes(0)),
  Onnx.node("Sub", ["x", "mean"], ["off"]),
  Onnx.node("Greater", ["x", "limit"], ["large"]),
  Onnx.node("Where", ["large", "off", "x"], ["y"]),
)

test.each([
  "gbdt-regressor",
  "hist-gradient-boosting",
  "int64-embedding-mean",
  "mlp-classifier",
  "pipeline-scaler-logreg",
  "random-forest",
  "string-and-number-columns",
])("%s keeps rows apart", (name) => {
  expect(mixing(readFileSync(join(import.meta.dir, "golden", `${name}.onnx`)))).toBeUndefined()
})

test("the flights of the demonstration keep rows apart", () => {
  const path = join(import.meta.dir, "../../examples/flights/models/flights/1/model.onnx")
  expect(mixing(readFileSync(path))).toBeUndefined()
})

test.each([
  ["Softmax", graph(Onnx.node("Softmax", ["x"], ["y"], axis(0)))],
  ["ReduceMean", hiddenMean],
  ["Transpose", graph(Onnx.node("Transpose", ["x"], ["t"]), Onnx.node("Add", ["t", "x"], ["y"]))],
  ["NonZero", graph(Onnx.node("NonZero", ["x"], ["y"]))],
  ["DynamicQuantizeLinear", graph(Onnx.node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"]))],
  ["ReduceMax", graph(Onnx.node("ReduceMax", ["x"], ["m"]), Onnx.node("Sub", ["x", "m"], ["y"]))],
  ["CumSum", graph(Onnx.node("CumSum", ["x", "x"], ["y"]))],
])("%s over the rows is named", (operator, bytes) => {
  expect(mixing(bytes)).toMatch(/^\w+ \(node \w+\) may mix rows$/)
  expect(operator === "Transpose" ? "Add" : operator).toBe(mixing(bytes)?.split(" ")[0] ?? "")
})

test("along the columns the same operators are allowed", () => {
  expect(mixing(graph(Onnx.node("Softmax", ["x"], ["y"], axis(1))))).toBeUndefined()
  const centred = [
    Onnx.node("ReduceMean", ["x"], ["m"], axes(1)),
    Onnx.node("Sub", ["x", "m"], ["y"]),
  ]
  expect(mixing(graph(...centred))).toBeUndefined()
})

test("32 callers at a time of a model with a hidden mean are answered as if alone", async () => {
  const { signature, note } = await firstLoad(hiddenMean)
  expect(signature.batching).toBe(false)
  expect(note).toContain("ReduceMean (node mean) may mix rows")
  const engine = makeEngine({ workers: 1, nowMicros: () => performance.now() * 1_000 })
  await engine.load({ digest: "hidden", bytes: hiddenMean, signature })
  const answers = await Promise.all(
    Array.from({ length: 32 }, (_, row) => {
      const data = new Uint8Array(new Float32Array([row, 6_000 + row, 9_000 * row]).buffer)
      return engine.run("hidden", [{ name: "x", datatype: "FP32", shape: [1, 3], data }])
    }),
  )
  answers.forEach(({ outputs: [y] }, row) => {
    const values = [...new Float32Array(new Uint8Array(y?.data ?? []).buffer)]
    expect(values).toEqual([row, 0, 0])
  })
  await engine.close()
})
