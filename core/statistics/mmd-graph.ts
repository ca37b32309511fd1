// The MMD permutation test by an ONNX graph, one block of rows of the kernel after another: a block
// and all permutations over it in two matrix products, while it is in the processor's cache. The
// kernel is symmetric, so a block takes only the rows from its own on. Whoever calls it brings the
// runner. In float32, so the distance is within about 1e-6 of the float64 one; the p-value compares
// numbers of one precision and is as good.
import { judgeMmd, type Mmd, type MmdOptions } from "./mmd.ts"
import { encodeModel, type Node } from "./onnx-graph.ts"
import { requireComparable, type Rows } from "./rows.ts"

/** Rows of the kernel at once: with 2,500 rows in all, a block is 1.3 MB. */
const BLOCK_ROWS = 128

/** One block, as the graph's inputs, all row-major: `rows` rows, and the `rest` from them on. */
export interface MmdGraphInput {
  readonly rows: number
  readonly rest: number
  readonly width: number
  /** How many ways to choose a window: the one observed, then the permutations. */
  readonly choices: number
  /** The rows, centred and scaled: `rows` times `width`. */
  readonly x: Float32Array
  /** Likewise from the first of the block to the last of all: `rest` times `width`. */
  readonly y: Float32Array
  /** How often a pair with a row of `y` counts: 1 in the block, 2 behind it. */
  readonly weights: Float32Array
  /** Per choice, 1 where a row of `x` plays the window: `rows` times `choices`. */
  readonly chosen: Float32Array
  /** Likewise of `y`: `rest` times `choices`. */
  readonly others: Float32Array
}

/** The graph's outputs, of the weighted kernel with its diagonal. */
export interface MmdGraphOutput {
  /** Per choice, the kernel summed over the pairs of chosen rows. */
  readonly within: Float32Array
  /** Per row of `x`, its sum over `y`. */
  readonly across: Float32Array
  /** Per row of `y`, its sum over `x`. */
  readonly down: Float32Array
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
  const minusNorms = (rows: string, outputs: ReadonlyArray<string>): ReadonlyArray<Node> => [
    { op: "Mul", inputs: [rows, rows], outputs: [`${rows}²`] },
    { op: "ReduceSum", inputs: [`${rows}²`, "one"], outputs: [`${rows}Norms`], attributes: keep },
    { op: "Neg", inputs: [`${rows}Norms`], outputs },
  ]
  return encodeModel({
    name: "mmd",
    inputs: [
      { name: "x", shape: ["rows", "width"] },
      { name: "y", shape: ["rest", "width"] },
      { name: "weights", shape: ["rest"] },
      { name: "chosen", shape: ["rows", "choices"] },
      { name: "others", shape: ["rest", "choices"] },
    ],
    outputs: [
      { name: "within", shape: ["choices"] },
      { name: "across", shape: ["rows"] },
      { name: "down", shape: ["rest"] },
    ],
    floats: sigmas.length === 1 ? {} : ratios,
    integers: { zero: [0], one: [1] },
    nodes: [
      ...minusNorms("x", ["xMinus"]),
      ...minusNorms("y", ["yMinus"]),
      { op: "Transpose", inputs: ["yMinus"], outputs: ["yMinusAcross"] },
      {
        op: "Gemm",
        inputs: ["x", "y", "xMinus"],
        outputs: ["half"],
        attributes: { alpha: { float: 2 }, transB: { integer: 1 } },
      },
      { op: "Add", inputs: ["half", "yMinusAcross"], outputs: ["minus"] },
      ...(sigmas.length === 1 ? one : several),
      { op: "Mul", inputs: ["kernel", "weights"], outputs: ["weighted"] },
      { op: "MatMul", inputs: ["weighted", "others"], outputs: ["product"] },
      { op: "Mul", inputs: ["product", "chosen"], outputs: ["inside"] },
      { op: "ReduceSum", inputs: ["inside", "zero"], outputs: ["within"], attributes: drop },
      { op: "ReduceSum", inputs: ["weighted", "one"], outputs: ["across"], attributes: drop },
      { op: "ReduceSum", inputs: ["weighted", "zero"], outputs: ["down"], attributes: drop },
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

/** One column per choice with ones for the rows that play the window; the observed one first. */
const indicators = (n: number, m: number, permutations: ReadonlyArray<Uint32Array>) => {
  const choices = permutations.length + 1
  const chosen = new Float32Array((n + m) * choices)
  for (let i = n; i < n + m; i++) chosen[i * choices] = 1
  permutations.forEach((places, p) => {
    for (const place of places) chosen[place * choices + p + 1] = 1
  })
  return { choices, chosen }
}

interface Pooled {
  readonly x: Float32Array
  readonly count: number
  readonly width: number
  readonly choices: number
  readonly chosen: Float32Array
}

/**
 * Of the whole kernel, diagonal included: per choice its sum over pairs of chosen rows, and per row
 * its sum over all rows. A pair behind its block was counted twice for the one that it stands for.
 */
const sumKernel = async (pooled: Pooled, runner: MmdGraphRunner) => {
  const { x, count, width, choices, chosen } = pooled
  const within = new Float64Array(choices)
  const sums = new Float64Array(count)
  const weights = new Float32Array(count)
  for (let first = 0; first < count; first += BLOCK_ROWS) {
    const end = Math.min(count, first + BLOCK_ROWS)
    weights.fill(1, first, end).fill(2, end)
    const found = await runner({
      rows: end - first,
      rest: count - first,
      width,
      choices,
      x: x.subarray(first * width, end * width),
      y: x.subarray(first * width),
      weights: weights.subarray(first),
      chosen: chosen.subarray(first * choices, end * choices),
      others: chosen.subarray(first * choices),
    })
    found.within.forEach((sum, choice) => (within[choice]! += sum))
    found.across.forEach((sum, row) => (sums[first + row]! += sum / 2))
    found.down.forEach((sum, row) => (sums[first + row]! += sum / 2))
  }
  return { within, sums }
}

/** Per choice, the sums of its rows. */
const sumChosen = ({ chosen, choices }: Pooled, sums: Float64Array): Float64Array => {
  const reach = new Float64Array(choices)
  sums.forEach((sum, row) => {
    const at = row * choices
    for (let choice = 0; choice < choices; choice++) reach[choice]! += sum * chosen[at + choice]!
  })
  return reach
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
  const pooled: Pooled = {
    x: pooledRows(rows, window, sigmas[0] ?? 1),
    count: n + m,
    width: rows.width,
    ...indicators(n, m, permutations),
  }
  const { within, sums } = await sumKernel(pooled, runner)
  const reach = sumChosen(pooled, sums)
  // The diagonal of the kernel is 1: every sum holds it once per member.
  const total = sums.reduce((sum, one) => sum + one, 0) - (n + m)
  const distances = within.map((sum, choice) => {
    const inside = sum - m
    const between = reach[choice]! - m - inside
    const outside = total - 2 * between - inside
    return inside / (m * (m - 1)) + outside / (n * (n - 1)) - (2 * between) / (n * m)
  })
  return { ...judgeMmd(distances[0]!, distances.slice(1), options), sigmas }
}
