// How the operators of classical models (ai.onnx.ml) carry rows. Most take a single dimension for
// one row, so they are known here for rows of columns only.
import { INTEGERS_MAX } from "./onnx-nodes.ts"
import { areFixed, integerOf, one, rowsAt, type Rule, type Use } from "./row-use.ts"
import { axisOf, ROWS, rows, type Rows, UNKNOWN } from "./row-values.ts"

const matrixAt = (use: Use, index: number): Rows | undefined => {
  const value = rowsAt(use, index)
  return value?.shape.length === 2 && axisOf(value) === 0 ? value : undefined
}

const sameShape: Rule = (use) => {
  const value = matrixAt(use, 0)
  return value && areFixed(use, 1) ? [value] : undefined
}

const classifier: Rule = (use) => {
  const [label, scores] = [rows([ROWS]), rows([ROWS, UNKNOWN])]
  return matrixAt(use, 0) && label && scores && areFixed(use, 1) ? [label, scores] : undefined
}

const regressor: Rule = (use) => {
  if (matrixAt(use, 0) === undefined || !areFixed(use, 1)) return undefined
  const targets = integerOf(use, "n_targets") ?? integerOf(use, "targets") ?? 1
  return one(rows([ROWS, targets]))
}

const eachElement: Rule = (use) => {
  const value = rowsAt(use, 0)
  return value && areFixed(use, 1) ? [value] : undefined
}

/** One more dimension, of a place for each category. */
const oneHot: Rule = (use) => {
  const value = rowsAt(use, 0)
  const texts = use.node.texts.get("cats_strings") ?? 0
  const numbers = use.node.integers.get("cats_int64s")?.length ?? 0
  const count = texts > 0 ? texts : numbers > INTEGERS_MAX ? UNKNOWN : numbers
  return one(value && rows([...value.shape, count]))
}

const columns: Rule = (use) =>
  use.inputs.every((_, index) => matrixAt(use, index) !== undefined)
    ? one(rows([ROWS, UNKNOWN]))
    : undefined

/** Takes columns of its first input, or a label for each row out of a fixed list. */
const extractor: Rule = (use) => {
  const [from, which] = use.inputs
  if (from?.kind === "rows" && which?.kind === "fixed") {
    const count = which.shape?.reduce((product, size) => product * size, 1) ?? UNKNOWN
    const last = from.shape.length - 1
    return axisOf(from) === last ? undefined : one(rows(from.shape.with(last, count)))
  }
  if (from?.kind !== "fixed" || which?.kind !== "rows") return undefined
  const isList = from.shape?.slice(0, -1).every((size) => size === 1) ?? false
  const isOneEach = which.shape.every((size) => size === ROWS || size === 1)
  return isList && isOneEach && (from.shape?.length ?? 0) <= 2 ? one(rows([1, ROWS])) : undefined
}

/** By domain and name. */
export const treeRules: ReadonlyArray<readonly [string, Rule]> = (
  [
    ["Scaler", sameShape],
    ["Imputer", sameShape],
    ["Normalizer", sameShape],
    ["LabelEncoder", eachElement],
    ["CategoryMapper", eachElement],
    ["OneHotEncoder", oneHot],
    ["FeatureVectorizer", columns],
    ["ArrayFeatureExtractor", extractor],
    ["TreeEnsembleClassifier", classifier],
    ["LinearClassifier", classifier],
    ["SVMClassifier", classifier],
    ["TreeEnsembleRegressor", regressor],
    ["TreeEnsemble", regressor],
    ["LinearRegressor", regressor],
    ["SVMRegressor", regressor],
  ] as const
).map(([name, rule]) => [`ai.onnx.ml.${name}`, rule])
