// `bench tensors`: a large request, [64, 1024] of 32-bit floats, as JSON and as raw bytes behind a
// JSON header. Raw bytes are measured where the server says that it takes them.
import { ELEMENT, floats, model, node, value } from "#core/inference/onnx-test-models"
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

const markOf = ([text, raw]: ReadonlyArray<Cell>): ReadonlyArray<Mark> => {
  if (text === undefined || raw === undefined) return []
  const ratio = raw.perSecond / text.perSecond
  return [
    {
      figure: "binary tensors ÷ JSON, [64, 1024] FP32, req/s",
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

export const tensorsBench: Bench = {
  name: "tensors",
  summary: "[64, 1024] floats a request, as JSON and as raw bytes",
  run: async (options) => {
    const text = await withModel((weir) => measure(weir, "JSON", json(inferUrl(weir)), options))
    const raw = await withModel(async (weir) =>
      (await takesBinary(weir.url))
        ? measure(weir, "binary", binary(inferUrl(weir)), options)
        : undefined,
    )
    const cells = raw === undefined ? [text] : [text, raw]
    return {
      name: "tensors",
      title: "Large requests",
      cells,
      tables: [],
      marks: markOf(cells),
      notes:
        raw === undefined
          ? [`This server does not list the extension ${BINARY_EXTENSION}.`]
          : ["Each form has a system of its own, from an empty log."],
    }
  },
}
