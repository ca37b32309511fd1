// Models of every kind through a real predictor: what it stores is what the runtime gives for the
// same row alone.
import { afterAll, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { generateInputs } from "../core/inference/generated-inputs.ts"
import { readGraph } from "../core/inference/onnx-graph.ts"
import { openSession } from "../core/inference/session.ts"
import { deriveSignature } from "../core/inference/signature-derivation.ts"
import { varyingSizes } from "../core/inference/warm-up.ts"
import { ModelRefused } from "../core/inference/model-refused.ts"
import type { Tensor } from "../proto/tensor.ts"
import { startSystem, TEST_LIMITS } from "../test/support/system.ts"
import { messagePack, queueEmpty, send, singleFactsOf } from "./test-traffic.ts"

const FOLDER = join(import.meta.dir, "../core/inference/golden")
const ROWS = 40
/** Another number of rows in a run makes other floats, by so much at most. */
const RELATIVE = 1e-5

const system = await startSystem({ limits: { ...TEST_LIMITS, redeliveryWaitsMillis: [30_000] } })
const { log } = system
afterAll(() => system.stop())

const valuesOf = ({ datatype, data }: Tensor): ReadonlyArray<number> => {
  const { buffer } = new Uint8Array(data)
  if (datatype === "FP32") return [...new Float32Array(buffer)]
  return datatype === "FP64" ? [...new Float64Array(buffer)] : [...data]
}

const expectSame = (found: Tensor, wanted: Tensor): void => {
  expect([found.name, found.datatype, found.shape]).toEqual([
    wanted.name,
    wanted.datatype,
    wanted.shape,
  ])
  const values = valuesOf(found)
  for (const [at, value] of valuesOf(wanted).entries()) {
    const off = Math.abs((values[at] ?? NaN) - value)
    if (!Object.is(values[at], value))
      expect(off).toBeLessThanOrEqual(RELATIVE * Math.max(1, Math.abs(value)))
  }
}

const files = readdirSync(FOLDER).filter((file) => file.endsWith(".onnx"))
await system.predictor()

test.each(files)("%s", async (file) => {
  const name = file.replace(".onnx", "")
  const bytes = readFileSync(join(FOLDER, file))
  let signature
  try {
    signature = { ...deriveSignature(readGraph(bytes)), batching: false }
  } catch (cause) {
    expect(cause).toBeInstanceOf(ModelRefused)
    const refused = system.release(name, "1", join(FOLDER, file))
    expect(await refused.catch((error: unknown) => error)).toBeInstanceOf(ModelRefused)
    return
  }
  await system.release(name, "1", join(FOLDER, file))
  const [varying = 1] = varyingSizes(signature)
  const inputs = Array.from(
    { length: ROWS },
    (_, seed) => generateInputs(signature, { rows: 1, seed, varying }) ?? [],
  )
  const sent = inputs.map((tensors) => messagePack(name, { inputs: tensors }))
  await send(log, sent)
  await queueEmpty(log)
  const session = await openSession(bytes, () => performance.now())
  const facts = await singleFactsOf(log, sent)
  let answered = 0
  for (const [at, { fact }] of facts.entries()) {
    const alone = await session.run(inputs[at] ?? []).catch(() => undefined)
    if (alone === undefined) {
      expect(fact.failure?.reason).toBe("model_error")
      continue
    }
    answered++
    expect(fact.failure).toBeUndefined()
    expect(fact.outputs?.length).toBe(alone.outputs.length)
    for (const [index, output] of alone.outputs.entries())
      expectSame(fact.outputs?.[index] ?? { ...output, name: "absent" }, output)
  }
  expect(answered).toBeGreaterThan(0)
  await session.release()
})
