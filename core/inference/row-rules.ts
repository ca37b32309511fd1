// How operators carry rows: for each one that is known to keep them apart, what its outputs are.
// What is not in these tables, and every use of an operator that could mix rows, has no outcome.
import type { OnnxNode } from "./onnx-nodes.ts"
import { layoutRules } from "./row-layout.ts"
import { treeRules } from "./row-learned.ts"
import { areFixed, integerOf, integersOf, one, rowsAt, type Rule } from "./row-use.ts"
import { axisIn, axisOf, broadcast, fixed, ROWS, rows, type Rows, UNKNOWN } from "./row-values.ts"

const elementwise: Rule = ({ inputs }) =>
  one(broadcast(inputs.filter((value) => value !== undefined)))

const passing: Rule = (use) => {
  const [value] = use.inputs
  return value?.kind === "fixed" || value?.kind === "sizes" ? [value] : elementwise(use)
}

/** Softmax and its like work along one axis; before opset 13 along it and all that follow. */
const alongAxis: Rule = (use) => {
  const value = rowsAt(use, 0)
  if (value === undefined || !areFixed(use, 1)) return undefined
  const isLayer = /^(Layer|Lp)/.test(use.node.operator)
  const otherwise = use.opset < 13 && !isLayer ? 1 : -1
  const axis = axisIn(value.shape.length, integerOf(use, "axis") ?? otherwise)
  return axis !== undefined && axis > axisOf(value) ? [value] : undefined
}

const cumulative: Rule = (use) => {
  const value = rowsAt(use, 0)
  const axis = axisIn(value?.shape.length ?? 0, integersOf(use, "axis", 1)?.[0])
  return value === undefined || axis === undefined || axis === axisOf(value) ? undefined : [value]
}

/** The shape without the axes, or with 1 in their places. */
const reduced = (value: Rows, axes: ReadonlyArray<number> | undefined, keeps: boolean) => {
  const { shape } = value
  const dropped = axes?.map((axis) => axisIn(shape.length, axis))
  if (dropped === undefined || dropped.length === 0) return undefined
  if (dropped.includes(undefined) || dropped.includes(axisOf(value))) return undefined
  return rows(shape.flatMap((size, axis) => (dropped.includes(axis) ? (keeps ? [1] : []) : [size])))
}

const reducing: Rule = (use) => {
  const value = rowsAt(use, 0)
  const keeps = integerOf(use, "keepdims") !== 0
  return one(value && reduced(value, integersOf(use, "axes", 1), keeps))
}

const choosing: Rule = (use) => {
  const value = rowsAt(use, 0)
  const keeps = integerOf(use, "keepdims") !== 0
  return one(value && reduced(value, [integerOf(use, "axis") ?? 0], keeps))
}

const topOf: Rule = (use) => {
  const value = rowsAt(use, 0)
  const axis = axisIn(value?.shape.length ?? 0, integerOf(use, "axis") ?? -1)
  if (value === undefined || axis === undefined || axis === axisOf(value)) return undefined
  if (!areFixed(use, 1)) return undefined
  const top = rows(value.shape.with(axis, integersOf(use, "k", 1)?.[0] ?? UNKNOWN))
  return top && [top, top]
}

const matrixProduct: Rule = (use) => {
  const [left, right] = use.inputs
  if (left?.kind !== "rows" || left.shape.length < 2) return undefined
  const rank = left.shape.length
  if (right?.kind === "fixed") {
    const { shape } = right
    if (shape === undefined || shape.length === 0 || shape.length > 2) return undefined
    if (axisOf(left) === rank - 1) return undefined
    return one(rows([...left.shape.slice(0, -1), ...(shape.length === 2 ? shape.slice(1) : [])]))
  }
  if (right?.kind !== "rows" || right.shape.length !== rank || axisOf(left) !== axisOf(right))
    return undefined
  if (axisOf(left) >= rank - 2) return undefined
  const outer = broadcast([left, right].map(({ shape }) => rows(shape.slice(0, -2)) ?? fixed()))
  if (outer?.kind !== "rows") return undefined
  return one(rows([...outer.shape, left.shape.at(-2) ?? UNKNOWN, right.shape.at(-1) ?? UNKNOWN]))
}

const generalProduct: Rule = (use) => {
  const [left, right, added] = use.inputs
  if (left?.kind !== "rows" || left.shape.length !== 2 || axisOf(left) !== 0) return undefined
  if (right?.kind !== "fixed" || right.shape?.length !== 2 || integerOf(use, "transA") === 1)
    return undefined
  const product = rows([ROWS, right.shape[integerOf(use, "transB") === 1 ? 0 : 1] ?? UNKNOWN])
  return product && one(broadcast(added === undefined ? [product] : [product, added]))
}

/** Convolutions and pools work within a picture; its size is not followed. */
const picture: Rule = (use) => {
  const value = rowsAt(use, 0)
  if (value === undefined || axisOf(value) !== 0 || value.shape.length < 3) return undefined
  if (!areFixed(use, 1) || use.node.outputs.length > 1) return undefined
  const weights = use.inputs[1]
  const isConv = use.node.operator === "Conv"
  const channels = isConv && weights?.kind === "fixed" ? weights.shape?.[0] : value.shape[1]
  const rest = use.node.operator.startsWith("Global") ? 1 : UNKNOWN
  return one(rows([ROWS, channels ?? UNKNOWN, ...value.shape.slice(2).map(() => rest)]))
}

const scaledChannels: Rule = (use) => {
  const value = rowsAt(use, 0)
  if (value === undefined || axisOf(value) !== 0 || value.shape.length < 2) return undefined
  const trains = integerOf(use, "training_mode") === 1 || use.node.outputs.length > 1
  return trains || !areFixed(use, 1) ? undefined : [value]
}

const dropout: Rule = (use) => {
  const value = rowsAt(use, 0)
  const isPlain = areFixed(use, 1) && use.inputs.length < 3
  return value === undefined || !isPlain ? undefined : [value, value]
}

/** Time, rows, values; the rows are the second dimension here. */
const recurrent: Rule = (use) => {
  const value = rowsAt(use, 0)
  if (value?.shape.length !== 3 || axisOf(value) !== 1 || integerOf(use, "layout") === 1)
    return undefined
  for (const [index, given] of use.inputs.entries()) {
    if (index === 0 || given === undefined) continue
    const isState = index > 4 && given.kind === "rows" && axisOf(given) === 1
    if (index < 4 ? given.kind !== "fixed" : !isState) return undefined
  }
  const hidden = integerOf(use, "hidden_size") ?? UNKNOWN
  const last = rows([UNKNOWN, ROWS, hidden])
  const all = rows([value.shape[0] ?? UNKNOWN, UNKNOWN, ROWS, hidden])
  return all && last && [all, last, last]
}

const table = (names: string, rule: Rule): ReadonlyArray<readonly [string, Rule]> =>
  names.split(/\s+/).map((name) => [name, rule])

const RULES: ReadonlyMap<string, Rule> = new Map([
  ...table(
    `Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr
    BitwiseXor Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
    HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg
    Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt
    Sub Sum Tan Tanh ThresholdedRelu Where Xor ai.onnx.ml.Binarizer`,
    elementwise,
  ),
  ...table("Identity Cast", passing),
  ...table("Softmax LogSoftmax Hardmax LayerNormalization LpNormalization", alongAxis),
  ...table("CumSum", cumulative),
  ...table(
    `ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare`,
    reducing,
  ),
  ...table("ArgMax ArgMin", choosing),
  ...table("TopK", topOf),
  ...table("MatMul", matrixProduct),
  ...table("Gemm", generalProduct),
  ...table("Conv AveragePool MaxPool LpPool GlobalAveragePool GlobalMaxPool", picture),
  ...table("BatchNormalization InstanceNormalization", scaledChannels),
  ...table("Dropout", dropout),
  ...table("LSTM GRU RNN", recurrent),
  ...layoutRules,
  ...treeRules,
])

/** How this node carries rows; undefined for an operator that is not known. */
export const ruleOf = ({ domain, operator }: OnnxNode): Rule | undefined =>
  RULES.get(domain === "" || domain === "ai.onnx" ? operator : `${domain}.${operator}`)
