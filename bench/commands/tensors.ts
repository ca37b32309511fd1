// `bench tensors`: a large request, [64, 1024] of 32-bit floats, as JSON and as raw bytes behind a
// JSON header, in turn. Raw bytes are measured where the server says that it takes them.
import { ELEMENT, floats, model, node, value } from "#core/inference/onnx-test-models"
import { quantile } from "../../cli/laboratory/figures.ts"
import { importModel } from "../../cli/laboratory/models.ts"
import { seededRandom } from "../../cli/laboratory/random.ts"
import type { Bench, BenchOptions } from "../bench-command.ts"
import type { HttpTarget } from "../load/plan.ts"
import { measureCell, type Cell } from "../measure/cell.ts"
import type { Mark } from "../report/report.ts"
import { base64 } from "../systems/iris.ts"
import { startWeir, type WeirLaboratory } from "../systems/weir.ts"

const MODEL = "wide"
const ROWS = 64
const WIDTH = 1_024
const OUTPUTS = 8
const CALLERS = 8
const SECONDS = 5
const WARM_UP_SECONDS = 2
/**
 * A virtual machine that gives memory back to its host takes it anew page by page: whoever runs
 * after a pause is slower, and a log of 200 MB a second feels it.
 */
const ROUNDS = 3
const BODIES = 4
const SEED = 64
const READY_WAIT_MILLIS = 30_000
const LOOK_AGAIN_MILLIS = 50
/** What a server of the Open Inference Protocol calls it. */
const BINARY_EXTENSION = "binary_tensor_data"

const wide = () =>
  model(
    node("MatMul", ["x", "w"], ["y"]),
    floats("w", [WIDTH, OUTPUTS], new Float32Array(WIDTH * OUTPUTS).fill(1 / WIDTH)),
    value(11, "x", ELEMENT.FP32, ["N", WIDTH]),
    value(12, "y", ELEMENT.FP32, ["N", OUTPUTS]),
  )

const tensors = (): ReadonlyArray<Float32Array<ArrayBuffer>> => {
  const random = seededRandom(SEED)
  return Array.from({ length: BODIES }, () => Float32Array.from({ length: ROWS * WIDTH }, random))
}

const spec = { name: "x", datatype: "FP32", shape: [ROWS, WIDTH] }

const json = (url: string): HttpTarget => ({
  kind: "http",
  url,
  bodies: tensors().map((data) =>
    base64(JSON.stringify({ inputs: [{ ...spec, data: [...data] }] })),
  ),
})

const binary = (url: string): HttpTarget => {
  const parameters = { binary_data_size: ROWS * WIDTH * Float32Array.BYTES_PER_ELEMENT }
  const outputs = [{ name: "y", parameters: { binary_data: true } }]
  const head = Buffer.from(JSON.stringify({ inputs: [{ ...spec, parameters }], outputs }))
  return {
    kind: "http",
    url,
    headers: {
      "Content-Type": "application/octet-stream",
      "Inference-Header-Content-Length": String(head.byteLength),
    },
    bodies: tensors().map((data) => base64(Buffer.concat([head, Buffer.from(data.buffer)]))),
  }
}

const takesBinary = async (url: string): Promise<boolean> => {
  const answer = await fetch(`${url}/v2`)
  const server: { readonly extensions?: ReadonlyArray<string> } = JSON.parse(await answer.text())
  return server.extensions?.includes(BINARY_EXTENSION) === true
}

const measure = async (
  weir: WeirLaboratory,
  form: string,
  target: HttpTarget,
  options: BenchOptions,
): Promise<Cell> => {
  const { cell } = await measureCell({
    subject: weir,
    rowsPerRequest: ROWS,
    form,
    plan: {
      target,
      loop: { kind: "closed", callers: CALLERS },
      warmUpSeconds: options.warmUpSeconds ?? WARM_UP_SECONDS,
      seconds: options.seconds ?? SECONDS,
    },
  })
  return cell
}

type Form = "JSON" | "binary"

const medianOf = (cells: ReadonlyArray<Cell>): number =>
  quantile(
    cells.map(({ perSecond }) => perSecond),
    0.5,
  )

const marksOf = (cells: Readonly<Record<Form, ReadonlyArray<Cell>>>): ReadonlyArray<Mark> => {
  if (cells.binary.length === 0) return []
  const ratio = medianOf(cells.binary) / medianOf(cells.JSON)
  return [
    {
      figure: "binary tensors ÷ JSON, [64, 1024] FP32, req/s, medians",
      got: `${ratio.toFixed(1)}×`,
      must: { text: "≥ 3×", held: ratio >= 3 },
      aim: { text: "≥ 10×", held: ratio >= 10 },
    },
  ]
}

/** A system of its own with the model; each request fills a megabyte of the log and its caches. */
const withModel = async <Result>(use: (weir: WeirLaboratory) => Promise<Result>) => {
  const weir = await startWeir()
  try {
    await importModel(weir.laboratory.log, MODEL, wide())
    const until = performance.now() + READY_WAIT_MILLIS
    while (!(await fetch(`${weir.url}/v2/models/${MODEL}/ready`)).ok) {
      if (performance.now() > until) throw new Error(`the model ${MODEL} is not ready`)
      await Bun.sleep(LOOK_AGAIN_MILLIS)
    }
    return await use(weir)
  } finally {
    await weir.stop()
  }
}

const inferUrl = ({ url }: WeirLaboratory) => `${url}/v2/models/${MODEL}/infer`

/** Undefined where the server does not take this form. */
const measureForm = (form: Form, options: BenchOptions): Promise<Cell | undefined> =>
  withModel(async (weir) => {
    if (form === "JSON") return measure(weir, form, json(inferUrl(weir)), options)
    return (await takesBinary(weir.url))
      ? measure(weir, form, binary(inferUrl(weir)), options)
      : undefined
  })

export const tensorsBench: Bench = {
  name: "tensors",
  summary: "[64, 1024] floats a request, as JSON and as raw bytes",
  run: async (options) => {
    const cells: Record<Form, Array<Cell>> = { JSON: [], binary: [] }
    const rounds = options.rounds ?? ROUNDS
    for (let round = 0; round < rounds; round++) {
      const forms = ["JSON", "binary"] as const
      for (const form of round % 2 === 0 ? forms : forms.toReversed()) {
        const cell = await measureForm(form, options)
        if (cell !== undefined) cells[form].push(cell)
      }
      options.say(`  round ${round + 1} of ${rounds}`)
    }
    return {
      name: "tensors",
      title: "Large requests",
      cells: [...cells.JSON, ...cells.binary],
      tables: [],
      marks: marksOf(cells),
      notes:
        cells.binary.length === 0
          ? [`This server does not list the extension ${BINARY_EXTENSION}.`]
          : ["Each form has a system of its own in each round, from an empty log."],
    }
  },
}
