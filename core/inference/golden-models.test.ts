// Each recorded model and run goes the way of a request (graph, signature, engine), on this thread
// and in a worker. WEIR_GOLDEN names another folder of vectors of the same form.
import { afterAll, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"
import { type Datatype, type Tensor } from "#proto/tensor"
import { checkGoldenFolder } from "../statistics/golden-folder.ts"
import { makeEngine } from "./engine.ts"
import { ModelRefused } from "./model-refused.ts"
import { readGraph } from "./onnx-graph.ts"
import { ModelRunFailed } from "./session.ts"
import { deriveSignature } from "./signature-derivation.ts"
import { decodeTexts, encodeTexts } from "./string-elements.ts"

const ELSEWHERE = Bun.env["WEIR_GOLDEN"]
const FOLDER = ELSEWHERE === undefined ? join(import.meta.dir, "golden") : join(ELSEWHERE, "onnx")

const Recorded = Schema.Struct({
  type: Schema.String,
  dims: Schema.optionalKey(Schema.Array(Schema.Int)),
  data: Schema.optionalKey(Schema.Array(Schema.Unknown)),
})
const Run = Schema.Struct({
  inputs: Schema.Record(Schema.String, Recorded),
  outputs: Schema.optionalKey(Schema.Record(Schema.String, Recorded)),
  error: Schema.optionalKey(Schema.String),
})
const Case = Schema.Struct({
  name: Schema.String,
  input: Schema.Struct({ file: Schema.String }),
  expected: Schema.Struct({ runs: Schema.Array(Run) }),
  tolerance: Schema.Struct({
    data: Schema.Struct({ abs: Schema.Finite, rel: Schema.Finite }),
  }),
})
const Index = Schema.Struct({ cases: Schema.Array(Case) })

/** Integers that JSON.parse would round are read as text. */
const LONG_INTEGER = /(?<=[[,\s])-?\d{16,}(?=[\],\s])/g
const readCases = () =>
  Schema.decodeUnknownSync(Schema.fromJsonString(Index))(
    readFileSync(join(FOLDER, "index.json"), "utf8").replace(LONG_INTEGER, '"$&"'),
  ).cases
checkGoldenFolder(ELSEWHERE)
const isGiven = ELSEWHERE === undefined || existsSync(FOLDER)
if (!isGiven) test.skip("recorded models (onnx: not in the folder given)", () => {})
const cases = isGiven ? readCases() : []

const DATATYPES: Readonly<Record<string, Datatype>> = {
  float32: "FP32",
  float64: "FP64",
  int64: "INT64",
  int32: "INT32",
  bool: "BOOL",
  string: "BYTES",
}
const big = (value: unknown): bigint => BigInt(String(value))

const dataOf = (datatype: Datatype, values: ReadonlyArray<unknown>): Uint8Array => {
  if (datatype === "BYTES") return encodeTexts(values.map(String))
  if (datatype === "INT64") return new Uint8Array(BigInt64Array.from(values.map(big)).buffer)
  const numbers = values.map(Number)
  if (datatype === "INT32") return new Uint8Array(Int32Array.from(numbers).buffer)
  if (datatype === "FP32") return new Uint8Array(Float32Array.from(numbers).buffer)
  if (datatype === "FP64") return new Uint8Array(Float64Array.from(numbers).buffer)
  return Uint8Array.from(numbers)
}

const valuesOf = ({ datatype, data, shape }: Tensor): ReadonlyArray<unknown> => {
  const { buffer } = new Uint8Array(data)
  const count = shape.reduce((product, dimension) => product * dimension, 1)
  if (datatype === "BYTES") return decodeTexts(data, count)
  if (datatype === "INT64") return [...new BigInt64Array(buffer)]
  if (datatype === "INT32") return [...new Int32Array(buffer)]
  if (datatype === "FP32") return [...new Float32Array(buffer)]
  if (datatype === "FP64") return [...new Float64Array(buffer)]
  return [...data].map((byte) => byte === 1)
}

const tensorOf = (name: string, recorded: typeof Recorded.Type): Tensor => {
  const datatype = DATATYPES[recorded.type] ?? "UINT8"
  const data = dataOf(datatype, recorded.data ?? [])
  return { name, datatype, shape: recorded.dims ?? [], data }
}

const expectClose = (
  got: Tensor,
  recorded: typeof Recorded.Type,
  { abs, rel }: { readonly abs: number; readonly rel: number },
) => {
  expect(got.datatype).toBe(DATATYPES[recorded.type] ?? "UINT8")
  expect<unknown>(got.shape).toEqual(recorded.dims)
  const expected = recorded.data ?? []
  if (!got.datatype.startsWith("FP"))
    return expect<unknown>(valuesOf(got)).toEqual(
      got.datatype === "INT64" ? expected.map(big) : expected,
    )
  valuesOf(got).forEach((value, at) => {
    const wanted = Number(expected[at])
    if (Object.is(Number(value), wanted)) return
    expect(Math.abs(Number(value) - wanted)).toBeLessThanOrEqual(
      Math.max(abs, rel * Math.abs(wanted)),
    )
  })
}

const nowMicros = () => performance.now() * 1_000
const inline = makeEngine({ workers: 1, nowMicros, inlineMaxMicros: Number.MAX_VALUE })
const worker = makeEngine({ workers: 1, nowMicros, inlineMaxMicros: 0 })
afterAll(() => Promise.all([inline.close(), worker.close()]))

const isSequence = ({ outputs }: typeof Run.Type) =>
  Object.values(outputs ?? {}).some(({ type }) => type.startsWith("sequence"))

for (const vector of cases)
  test(vector.name, async () => {
    const { name } = vector
    const bytes = readFileSync(join(FOLDER, vector.input.file))
    const { runs } = vector.expected
    if (runs.some(isSequence)) {
      expect(() => readGraph(bytes)).toThrow(ModelRefused)
      return
    }
    const signature = { ...deriveSignature(readGraph(bytes)), batching: false }
    for (const [engine, where] of [
      [inline, "inline"],
      [worker, "worker"],
    ] as const) {
      await engine.load({ digest: name, bytes, signature })
      for (const run of runs) {
        const inputs = Object.entries(run.inputs).map(([input, value]) => tensorOf(input, value))
        const outcome = engine.run(name, inputs)
        if (run.outputs === undefined) {
          expect(await outcome.catch((error: unknown) => error)).toBeInstanceOf(ModelRunFailed)
          continue
        }
        const { outputs, ran } = await outcome
        expect(ran).toBe(where)
        const wanted = Object.entries(run.outputs)
        expect(outputs.map((output) => output.name)).toEqual(wanted.map(([output]) => output))
        wanted.forEach(([, recorded], at) => {
          const got = outputs[at]
          if (got !== undefined) expectClose(got, recorded, vector.tolerance.data)
        })
      }
    }
  })
