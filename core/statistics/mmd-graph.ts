// The MMD permutation test as one ONNX graph: Gram matrix and all permutations in two matrix
// products. Whoever calls it brings the runner. In float32, so the distance is within about 1e-6 of
// the float64 one; the p-value compares numbers of one precision and is as good.
import { judgeMmd, type Mmd, type MmdOptions } from "./mmd.ts"
import { encodeModel, type Node } from "./onnx-graph.ts"
import { requireComparable, type Rows } from "./rows.ts"

/** The two matrices of a test, row-major float32, as the graph's inputs `x` and `z`. */
export interface MmdGraphInput {
  /** The pooled rows, centred and scaled: `count` times `width`. */
  readonly x: Float32Array
  readonly width: number
  /** One column of zeros and ones per order: `count` times `orders`. */
  readonly z: Float32Array
  readonly orders: number
  readonly count: number
}

/** The graph's outputs `within` and `reach`: per order zᵀKz and 1ᵀKz, diagonal of K included. */
export interface MmdGraphOutput {
  readonly within: Float32Array
  readonly reach: Float32Array
}
export type MmdGraphRunner = (input: MmdGraphInput) => Promise<MmdGraphOutput>

/**
 * The model for kernels whose bandwidths are `sigmas`. Only their ratios are in it, the first one
 * is in the scaling of the rows, so that one bandwidth always gives the same bytes.
 */
export const mmdGraph = (sigmas: ReadonlyArray<number>): Uint8Array => {
  const [first = 1] = sigmas
  const ratios = Object.fromEntries(sigmas.map((sigma, k) => [`ratio${k}`, (first / sigma) ** 2]))
  const kernels = sigmas.flatMap((_, k): ReadonlyArray<Node> => [
    { op: "Mul", inputs: ["minus", `ratio${k}`], outputs: [`scaled${k}`] },
    { op: "Exp", inputs: [`scaled${k}`], outputs: [`kernel${k}`] },
  ])
  const one: ReadonlyArray<Node> = [{ op: "Exp", inputs: ["minus"], outputs: ["kernel"] }]
  const several: ReadonlyArray<Node> = [
    ...kernels,
    { op: "Mean", inputs: sigmas.map((_, k) => `kernel${k}`), outputs: ["kernel"] },
  ]
  const keep = { keepdims: { integer: 1 } }
  const drop = { keepdims: { integer: 0 } }
  return encodeModel({
    name: "mmd",
    inputs: [
      { name: "x", shape: ["rows", "width"] },
      { name: "z", shape: ["rows", "orders"] },
    ],
    outputs: [
      { name: "within", shape: ["orders"] },
      { name: "reach", shape: ["orders"] },
    ],
    floats: sigmas.length === 1 ? {} : ratios,
    integers: { zero: [0], one: [1] },
    nodes: [
      { op: "Mul", inputs: ["x", "x"], outputs: ["squares"] },
      { op: "ReduceSum", inputs: ["squares", "one"], outputs: ["norms"], attributes: keep },
      { op: "Neg", inputs: ["norms"], outputs: ["negated"] },
      { op: "Transpose", inputs: ["norms"], outputs: ["across"] },
      {
        op: "Gemm",
        inputs: ["x", "x", "negated"],
        outputs: ["half"],
        attributes: { alpha: { float: 2 }, transB: { integer: 1 } },
      },
      { op: "Sub", inputs: ["half", "across"], outputs: ["minus"] },
      ...(sigmas.length === 1 ? one : several),
      { op: "MatMul", inputs: ["kernel", "z"], outputs: ["product"] },
      { op: "Mul", inputs: ["product", "z"], outputs: ["inside"] },
      { op: "ReduceSum", inputs: ["inside", "zero"], outputs: ["within"], attributes: drop },
      { op: "ReduceSum", inputs: ["product", "zero"], outputs: ["reach"], attributes: drop },
    ],
  })
}

/** Pooled rows centred and divided by √2·σ: then the kernel is exp of minus the distance. */
const pooledRows = (reference: Rows, window: Rows, sigma: number): Float32Array => {
  const { width } = reference
  const means = new Float64Array(width)
  for (let i = 0; i < reference.values.length; i++)
    means[i % width]! += reference.values[i]! / reference.count
  const scale = 1 / (Math.SQRT2 * sigma)
  const x = new Float32Array(reference.values.length + window.values.length)
  const put = (values: Float64Array, at: number) => {
    for (let i = 0; i < values.length; i++) x[at + i] = (values[i]! - means[i % width]!) * scale
  }
  put(reference.values, 0)
  put(window.values, reference.values.length)
  return x
}

/** One column per order with ones for the rows that play the window; the last one is all ones. */
const indicators = (n: number, m: number, orders: ReadonlyArray<Uint32Array>): Float32Array => {
  const columns = orders.length + 2
  const z = new Float32Array((n + m) * columns)
  for (let i = n; i < n + m; i++) z[i * columns] = 1
  orders.forEach((order, p) => {
    for (let a = n; a < n + m; a++) z[order[a]! * columns + p + 1] = 1
  })
  for (let i = 0; i < n + m; i++) z[i * columns + columns - 1] = 1
  return z
}

/** The test by a runner of `mmdGraph(sigmas)`; rows, permutations and answers as in `mmd`. */
export const mmdByGraph = async (
  reference: { readonly rows: Rows; readonly sigmas: ReadonlyArray<number> },
  window: Rows,
  permutations: ReadonlyArray<Uint32Array>,
  runner: MmdGraphRunner,
  options: MmdOptions = {},
): Promise<Mmd> => {
  const { rows, sigmas } = reference
  requireComparable("MMD", rows, window)
  const n = rows.count
  const m = window.count
  const orders = permutations.length + 2
  const { within, reach } = await runner({
    x: pooledRows(rows, window, sigmas[0] ?? 1),
    width: rows.width,
    z: indicators(n, m, permutations),
    orders,
    count: n + m,
  })
  // The diagonal of the kernel is 1: every sum holds it once per member.
  const total = within[orders - 1]! - (n + m)
  const distances = Float64Array.from({ length: orders - 1 }, (_, p) => {
    const inside = within[p]! - m
    const between = reach[p]! - m - inside
    const outside = total - 2 * between - inside
    return inside / (m * (m - 1)) + outside / (n * (n - 1)) - (2 * between) / (n * m)
  })
  return { ...judgeMmd(distances[0]!, distances.slice(1), options), sigmas }
}
