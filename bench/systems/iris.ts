// The model of all comparisons, with 64 distinct rows and what ONNX Runtime itself says of each:
// iris, 4 numbers in, a class and 3 probabilities out.
import { readFile } from "node:fs/promises"
import { openSession } from "#core/inference/session"
import { JSON_TYPE, MESSAGE_PACK_TYPE } from "#proto/headers"
import { requestCodec } from "#proto/request"
import type { Tensor } from "#proto/tensor"
import { inProject } from "../../cli/project.ts"
import { seededRandom } from "../../cli/laboratory/random.ts"

export const IRIS = "iris"
export const IRIS_FILE = inProject("core", "inference", "golden", "pipeline-scaler-logreg.onnx")
const SEED = 20_261_121
const DISTINCT_ROWS = 64
/** Smallest and largest value of each column of the flowers, in centimetres. */
const RANGES = [
  [4.3, 7.9],
  [2, 4.4],
  [1, 6.9],
  [0.1, 2.5],
] as const
const TENTHS = 10

export type Row = ReadonlyArray<number>

/** What one request asks, and what is right to answer. */
export interface Question {
  readonly rows: ReadonlyArray<Row>
  readonly probabilities: ReadonlyArray<Row>
}

const makeRows = (): ReadonlyArray<Row> => {
  const random = seededRandom(SEED)
  const rows = new Map<string, Row>()
  while (rows.size < DISTINCT_ROWS) {
    const row = RANGES.map(
      ([low, high]) => Math.round((low + random() * (high - low)) * TENTHS) / 10,
    )
    rows.set(row.join(), row)
  }
  return [...rows.values()]
}

const tensorOf = (rows: ReadonlyArray<Row>): Tensor => ({
  name: "X",
  datatype: "FP32",
  shape: [rows.length, RANGES.length],
  data: new Uint8Array(Float32Array.from(rows.flat()).buffer),
})

/**
 * As many questions as there are distinct rows, each of `rowsEach` rows in another order; answered
 * by ONNX Runtime in this process.
 */
export const irisQuestions = async (rowsEach: number): Promise<ReadonlyArray<Question>> => {
  const rows = makeRows()
  const session = await openSession(await readFile(IRIS_FILE), () => performance.now() * 1_000)
  const { outputs } = await session.run([tensorOf(rows)], ["probabilities"])
  await session.release()
  const flat = new Float32Array(new Uint8Array(outputs[0]?.data ?? []).buffer)
  const classes = flat.length / rows.length
  return rows.map((_, first) => {
    const chosen = Array.from({ length: rowsEach }, (_, at) => (first + at) % rows.length)
    return {
      rows: chosen.map((at) => rows[at] ?? []),
      probabilities: chosen.map((at) => [...flat.subarray(at * classes, (at + 1) * classes)]),
    }
  })
}

export const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString("base64")

/** `{"data": [[…]]}`, as Weir's own `/predict` and our FastAPI peer take it. */
export const dataBody = ({ rows }: Question): string => JSON.stringify({ data: rows })

/** The Open Inference Protocol in JSON. */
export const tensorBody = ({ rows }: Question, input = "X"): string => {
  const shape = [rows.length, RANGES.length]
  return JSON.stringify({ inputs: [{ name: input, datatype: "FP32", shape, data: rows.flat() }] })
}

/** Forms of a request that is published straight to the queue. */
export const queueForms = [
  {
    form: "NATS, JSON",
    contentType: JSON_TYPE,
    body: (question: Question) => tensorBody(question),
  },
  {
    form: "NATS, MessagePack",
    contentType: MESSAGE_PACK_TYPE,
    body: ({ rows }: Question) => requestCodec.encode({ inputs: [tensorOf(rows)] }),
  },
] as const
