import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { firstLoad } from "./first-load.ts"
import { ModelRefused } from "./model-refused.ts"
import * as Onnx from "./onnx-test-models.ts"
import { runtimeDescription } from "./runtime-description.ts"

const golden = (name: string) => readFileSync(join(import.meta.dir, "golden", `${name}.onnx`))
const refusal = async (load: Promise<unknown>): Promise<string> => {
  const error = await load.catch((cause: unknown) => cause)
  if (error instanceof ModelRefused) return error.reason
  throw new Error(`not refused: ${error}`)
}

test("a model whose rows are independent may share runs", async () => {
  const { signature, runs, irVersion, opsets } = await firstLoad(golden("random-forest"))
  expect(signature.batching).toBe(true)
  expect(signature.task).toBe("classification")
  expect(runs.map(({ elements }) => elements)).toEqual([30, 240, 1_920])
  expect(irVersion).toBe(8)
  expect(opsets).toEqual({ "ai.onnx": 17, "ai.onnx.ml": 1 })
})

test("a model that mixes its rows may not", async () => {
  const { signature, note } = await firstLoad(Onnx.centred)
  expect(signature.batching).toBe(false)
  expect(note).toBe("Requests run one by one: output y has other values when requests are joined.")
})

test("fixed first dimensions and declarations keep requests apart", async () => {
  expect((await firstLoad(golden("multi-input-mixed-types"))).signature.batching).toBe(false)
  expect((await firstLoad(golden("fixed-batch-1"))).signature.batching).toBe(false)
  const declared = await firstLoad(golden("random-forest"), { batching: false })
  expect(declared.signature.batching).toBe(false)
})

test("a model that takes no generated input runs apart unless declared otherwise", async () => {
  const { signature, note, runs } = await firstLoad(Onnx.twoRowTable)
  expect(signature.batching).toBe(false)
  expect(note).toStartWith("The model took none of the generated inputs")
  expect(runs).toEqual([])
  const declared = await firstLoad(Onnx.twoRowTable, { batching: true })
  expect(declared.signature.batching).toBe(true)
})

test("an output of unknown rank gets the rank that the model shows", async () => {
  const bytes = Onnx.model(
    Onnx.node("Identity", ["x"], ["y"]),
    Onnx.value(11, "x", Onnx.ELEMENT.FP32, ["N", 2]),
    Onnx.value(12, "y", Onnx.ELEMENT.FP32),
  )
  const { signature } = await firstLoad(bytes)
  expect(signature.outputs).toEqual([{ name: "y", datatype: "FP32", shape: [-1, -1] }])
  expect(signature.batching).toBe(true)
})

test.each([
  ["garbage", new Uint8Array(1_000).fill(7), "the file is no ONNX model"],
  ["maps as outputs", golden("zipmap-on-int-labels"), "output output_probability is a sequence"],
  [
    "an operator that the runtime lacks",
    Onnx.model(
      Onnx.node("NoSuchOperator", ["x"], ["y"]),
      Onnx.value(11, "x", Onnx.ELEMENT.FP32, ["N"]),
      Onnx.value(12, "y", Onnx.ELEMENT.FP32, ["N"]),
    ),
    "ONNX Runtime cannot load the model",
  ],
  ["half a file", golden("gbdt-regressor").subarray(0, 5_000), "the file is no ONNX model"],
])("%s is refused with the reason", async (_, bytes, reason) => {
  expect(await refusal(firstLoad(bytes))).toStartWith(reason)
})

test("a declaration that does not fit is refused by its field", async () => {
  const load = firstLoad(golden("gbdt-regressor"), { label: "y" })
  expect(await refusal(load)).toBe("label: the model has no output y; it has variable")
})

test("a native crash while loading refuses the model and nothing else", async () => {
  const onSpawn = (pid: number) => process.kill(pid, "SIGSEGV")
  const load = firstLoad(golden("random-forest"), undefined, { onSpawn })
  expect(await refusal(load)).toBe("loading or running it crashed the runtime (SIGSEGV)")
})

test("a model that does not come to an end is refused after the time given to it", async () => {
  const load = firstLoad(golden("random-forest"), undefined, { timeoutMillis: 1 })
  expect(await refusal(load)).toBe("it did not load and run within 1 ms")
})

test("the runtime is described by version, platform and the CPU's features", () => {
  const x64 = "processor : 0\nflags\t\t: fpu sse4_1 avx avx2 fma aes\n"
  expect(runtimeDescription(x64)).toMatch(/^onnxruntime-node 1\.\S+ \S+-\S+ sse4_1,avx,avx2,fma$/)
  expect(runtimeDescription("Features : fp asimd i8mm\n")).toEndWith(" asimd,i8mm")
  expect(runtimeDescription()).toEndWith(" unknown")
})
