import { afterEach, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Signature } from "#proto/signature"
import type { Tensor } from "#proto/tensor"
import { concatenate, split } from "./batch.ts"
import { type Engine, type EngineOptions, makeEngine, ModelNotLoaded } from "./engine.ts"
import { ModelRefused } from "./model-refused.ts"
import { readGraph } from "./onnx-graph.ts"
import * as Onnx from "./onnx-test-models.ts"
import { RunMemory } from "./run-memory.ts"
import { ModelRunFailed } from "./session.ts"
import { deriveSignature } from "./signature-derivation.ts"
import { RunOverdue, WORKER_QUEUE_MAX, WorkerLost, WorkersBusy } from "./worker-pool.ts"

const nowMicros = () => performance.now() * 1_000
const opened: Array<Engine> = []
afterEach(() => Promise.all(opened.splice(0).map((engine) => engine.close())))

const engineWith = (options: Partial<EngineOptions> = {}): Engine => {
  const engine = makeEngine({ workers: 1, nowMicros, ...options })
  opened.push(engine)
  return engine
}

const modelOf = (digest: string, bytes: Uint8Array, batching = true) => {
  const signature: Signature = { ...deriveSignature(readGraph(bytes)), batching }
  return { digest, bytes, signature }
}
const golden = (name: string, batching = true) =>
  modelOf(name, readFileSync(join(import.meta.dir, "golden", `${name}.onnx`)), batching)

const floats = (shape: ReadonlyArray<number>, ...values: ReadonlyArray<number>): Tensor => {
  const count = shape.reduce((product, dimension) => product * dimension, 1)
  const data = Float32Array.from({ length: count }, (_, at) => values[at % values.length] ?? 0)
  return { name: "X", datatype: "FP32", shape, data: new Uint8Array(data.buffer) }
}
const ids = (...values: ReadonlyArray<number>): Tensor => ({
  name: "ids",
  datatype: "INT64",
  shape: [values.length, 1],
  data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
})
const failure = (run: Promise<unknown>) => run.catch((error: unknown) => error)

test("requests mixed in one batch each get their own rows", async () => {
  const engine = engineWith({ inlineMaxMicros: Number.MAX_VALUE })
  const model = golden("mlp-classifier")
  await engine.load(model)
  const members = [1, 3, 2].map((rows) => ({
    inputs: [floats([rows, 4], rows, 0.5, -rows, rows / 3, 2)],
  }))
  const batch = concatenate(model.signature, members)
  const joint = await engine.run(model.digest, batch.inputs, batch.outputs)
  const parts = split(joint.outputs, members, batch.sizes)
  for (const [index, member] of members.entries()) {
    const alone = await engine.run(model.digest, member.inputs)
    const [label, probabilities] = parts[index] ?? []
    expect(label).toEqual(alone.outputs[0])
    const close = new Float32Array(new Uint8Array(probabilities?.data ?? []).buffer)
    const exact = new Float32Array(new Uint8Array(alone.outputs[1]?.data ?? []).buffer)
    expect(close.length).toBe(exact.length)
    close.forEach((value, at) => expect(value).toBeCloseTo(exact[at] ?? 0, 5))
  }
})

test.each([
  ["inline", Number.MAX_VALUE],
  ["worker", 0],
] as const)(
  "large inputs share memory %s with no run beside them",
  async (ran, inlineMaxMicros) => {
    const engine = engineWith({ inlineMaxMicros })
    const model = modelOf("identity", Onnx.identity(Onnx.ELEMENT.FP32))
    await engine.load(model)
    const memory = new RunMemory()
    /** Its bytes lie where no float may begin. */
    const large = (value: number): Tensor => {
      const { data, ...rest } = floats([20_000], value)
      const misplaced = new Uint8Array(data.byteLength + 1).subarray(1)
      misplaced.set(data)
      return { ...rest, name: "x", data: misplaced }
    }
    const run = async (value: number) => {
      const members = Array.from({ length: 1 + (value % 2) }, () => ({ inputs: [large(value)] }))
      const { inputs } = concatenate(model.signature, members, memory)
      const done = await engine.run(model.digest, inputs)
      for (const { data } of inputs) memory.giveBack(data)
      return done
    }
    for (let turn = 0; turn < 5; turn++) {
      const values = [1, 2, 3, 4, 5, 6].map((one) => one + 6 * turn)
      for (const [at, done] of (await Promise.all(values.map(run))).entries()) {
        const found = new Float32Array(new Uint8Array(done.outputs[0]?.data ?? []).buffer)
        expect(done.ran).toBe(ran)
        expect(found.every((one) => one === values[at])).toBe(true)
      }
    }
  },
)

test.each([
  ["inline", Number.MAX_VALUE],
  ["worker", 0],
] as const)("a run that fails %s fails alone", async (ran, inlineMaxMicros) => {
  const engine = engineWith({ inlineMaxMicros })
  const { digest, ...rest } = golden("int64-embedding-mean", false)
  await engine.load({ digest, ...rest })
  const runs = await Promise.allSettled([
    engine.run(digest, [ids(1)]),
    engine.run(digest, [ids(10)]),
    engine.run(digest, [{ ...ids(1), name: "other" }]),
    engine.run(digest, [ids(2)]),
  ])
  expect(runs.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "rejected",
    "fulfilled",
  ])
  for (const run of runs) {
    if (run.status === "rejected") expect(run.reason).toBeInstanceOf(ModelRunFailed)
    else expect(run.value.ran).toBe(ran)
  }
})

test("only the outputs that are asked for come, in that order", async () => {
  const engine = engineWith()
  const { digest, ...rest } = golden("multi-input-mixed-types", false)
  await engine.load({ digest, ...rest })
  const inputs = [
    { ...floats([1, 2], 1), name: "a" },
    { ...ids(3, -4), name: "b", shape: [1, 2] },
    { ...floats([1], 0.5), name: "c" },
  ]
  const { outputs } = await engine.run(digest, inputs, ["flag", "p"])
  expect(outputs.map(({ name }) => name)).toEqual(["flag", "p"])
  const fewer = await engine.run(digest, inputs, ["flag"])
  expect(fewer.outputs).toEqual([
    { name: "flag", datatype: "BOOL", shape: [1, 2], data: new Uint8Array([1, 0]) },
  ])
})

test("a slow model runs in a worker from the start, a short one on this thread", async () => {
  const engine = engineWith()
  await engine.load(modelOf("slow", Onnx.multiplied(512, 40)))
  await engine.load(modelOf("short", Onnx.identity(Onnx.ELEMENT.FP32)))
  const slow = await engine.run("slow", [{ ...floats([1, 512], 1), name: "x" }])
  const short = await engine.run("short", [{ ...floats([1], 1), name: "x" }])
  expect([slow.ran, short.ran]).toEqual(["worker", "inline"])
})

test("a model that becomes slow moves to a worker, and back when it is fast there", async () => {
  let now = 0
  let step = 1
  const engine = engineWith({ nowMicros: () => (now += step) })
  await engine.load(modelOf("m", Onnx.identity(Onnx.ELEMENT.FP32)))
  const run = async () => (await engine.run("m", [{ ...floats([1], 1), name: "x" }])).ran
  expect(await run()).toBe("inline")
  step = 1_000
  const moved: Array<string> = []
  while (!moved.includes("worker") && moved.length < 50) moved.push(await run())
  expect(moved.at(-1)).toBe("worker")
  step = 1
  const back: Array<string> = []
  while (!back.includes("inline") && back.length < 500) back.push(await run())
  expect(back.at(-1)).toBe("inline")
})

test("a size that was never run starts a worker only where it seems far too slow", async () => {
  let now = 0
  const engine = engineWith({ nowMicros: () => (now += 1), inlineMaxMicros: 3 })
  await engine.load(modelOf("m", Onnx.identity(Onnx.ELEMENT.FP32)))
  const run = async (rows: number) =>
    (await engine.run("m", [{ ...floats([rows], 1), name: "x" }])).ran
  expect([await run(1), await run(128), await run(4_096)]).toEqual(["inline", "inline", "worker"])
})

test("the rows that still run inline follow from the cost", async () => {
  let now = 0
  const engine = engineWith({ nowMicros: () => (now += 10) })
  const model = golden("gbdt-regressor")
  await engine.load(model)
  const rows = engine.rowsInlineMax(model.digest)
  expect(rows).toBeGreaterThanOrEqual(64)
  const slow = engineWith({ inlineMaxMicros: 0 })
  await slow.load(model)
  expect(slow.rowsInlineMax(model.digest)).toBe(512)
})

test("a worker that dies loses its runs with an error and is replaced", async () => {
  const workers: Array<Worker> = []
  const engine = engineWith({ inlineMaxMicros: 0, onWorker: (worker) => workers.push(worker) })
  await engine.load(modelOf("m", Onnx.identity(Onnx.ELEMENT.FP32)))
  const rows = () => [{ ...floats([64], 1), name: "x" }]
  workers[0]?.terminate()
  const lost = [engine.run("m", rows()), engine.run("m", rows())].map(failure)
  for (const error of await Promise.all(lost)) expect(error).toBeInstanceOf(WorkerLost)
  const { ran } = await engine.run("m", rows())
  expect(ran).toBe("worker")
  expect(workers.length).toBe(2)
  expect(engine.stats().workers).toEqual([{ running: true, queued: 0, deaths: 1 }])
})

test("closing ends the run under way and loses those behind it", async () => {
  const engine = engineWith({ inlineMaxMicros: 0 })
  await engine.load(modelOf("m", Onnx.multiplied(256, 400)))
  const runs = [1, 2, 3].map(() => engine.run("m", [{ ...floats([64, 256], 1), name: "x" }]))
  const outcomes = Promise.all(runs.map(failure))
  await engine.close()
  for (const error of await outcomes) expect(error).toBeInstanceOf(WorkerLost)
})

test("a run that takes longer than any may loses its worker", async () => {
  const engine = engineWith({ inlineMaxMicros: 0, runMaxMillis: 1 })
  await engine.load(modelOf("m", Onnx.multiplied(256, 400)))
  const rows = (count: number) => [{ ...floats([count, 256], 1), name: "x" }]
  const error = await failure(engine.run("m", rows(512)))
  expect(error).toBeInstanceOf(RunOverdue)
  expect(String(error)).toContain("the run did not end within 1 ms")
})

test("a worker's queue is bounded", async () => {
  const engine = engineWith({ inlineMaxMicros: 0 })
  await engine.load(modelOf("m", Onnx.identity(Onnx.ELEMENT.FP32)))
  const runs = Array.from({ length: WORKER_QUEUE_MAX + 1 }, () =>
    engine.run("m", [{ ...floats([1], 1), name: "x" }]),
  )
  const outcomes = await Promise.allSettled(runs)
  const refused = outcomes.filter((outcome) => outcome.status === "rejected")
  expect(refused.map(({ reason }) => reason instanceof WorkersBusy)).toEqual([true])
})

test("the inputs of a run are left as they were, also when it ran in a worker", async () => {
  const engine = engineWith({ inlineMaxMicros: 0 })
  await engine.load(modelOf("m", Onnx.identity(Onnx.ELEMENT.FP32)))
  const input = { ...floats([3], 1, 2, 3), name: "x" }
  const { outputs } = await engine.run("m", [input])
  expect(input.data.byteLength).toBe(12)
  expect(outputs[0]?.data).toEqual(input.data)
})

test("unloading waits for the runs that were begun; later ones are refused", async () => {
  const engine = engineWith({ inlineMaxMicros: Number.MAX_VALUE })
  await engine.load(modelOf("m", Onnx.identity(Onnx.ELEMENT.FP32)))
  const begun = engine.run("m", [{ ...floats([1], 1), name: "x" }])
  const unloaded = engine.unload("m")
  expect(engine.has("m")).toBe(false)
  const refused = await failure(engine.run("m", [{ ...floats([1], 1), name: "x" }]))
  expect(refused).toBeInstanceOf(ModelNotLoaded)
  expect((await begun).outputs.length).toBe(1)
  await unloaded
})

test("bytes that are no model are refused at load, and loading one twice is one load", async () => {
  const engine = engineWith()
  const { signature } = modelOf("m", Onnx.identity(Onnx.ELEMENT.FP32))
  const garbage = { digest: "g", bytes: new Uint8Array(64), signature }
  expect(await failure(engine.load(garbage))).toBeInstanceOf(ModelRefused)
  const model = modelOf("m", Onnx.identity(Onnx.ELEMENT.FP32))
  await Promise.all([engine.load(model), engine.load(model)])
  await engine.load(model)
  expect(engine.stats().models.length).toBe(1)
})
