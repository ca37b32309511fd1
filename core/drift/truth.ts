// Ground truth as rows that can be tested like any others: an outcome together with the prediction
// that it is about becomes a fact of the rows that it names, with the truth and how far off the
// prediction was beside their inputs. It reads no log.
import { encodeTexts, decodeTexts } from "#core/inference/string-elements"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { ELEMENT_BYTES, type Tensor } from "#proto/tensor"
import { labelOf, misfit } from "../outcomes/labels.ts"
import type { ParsedOutcome } from "../outcomes/outcome.ts"
import { scoredRows } from "../outcomes/scored-rows.ts"
import { inputPlans, type ColumnPlan, type Kinds } from "./columns.ts"
import type { ColumnName } from "./table.ts"

/** What came true: a class, or a number. */
export const TRUTH = "truth"
/** 1 where the predicted class was another one, 0 where it was right. */
export const TRUTH_ERROR = "truth.error"
/** The predicted number less the true one. */
export const TRUTH_RESIDUAL = "truth.residual"

const NAMES: ReadonlySet<string> = new Set([TRUTH, TRUTH_ERROR, TRUTH_RESIDUAL])

/** Whether a column is what windows over ground truth are about; the others only slice them. */
export const isTruth = ({ name }: Pick<ColumnName, "name">): boolean => NAMES.has(name)

const plan = (name: string, kind: ColumnName["kind"]): ColumnPlan => ({
  column: { name, source: "output", kind },
  tensor: name,
  of: "outputs",
  element: 0,
})

/** What is read of a fact with its truth: the features, to slice by, and the truth. */
export const truthPlans = (signature: Signature, kinds: Kinds = {}): ReadonlyArray<ColumnPlan> => {
  const inputs = inputPlans(signature, kinds)
  return signature.task === "regression"
    ? [...inputs, plan(TRUTH, "numeric"), plan(TRUTH_RESIDUAL, "numeric")]
    : [...inputs, plan(TRUTH, "categorical"), plan(TRUTH_ERROR, "categorical")]
}

/** Rows of a tensor, each by its number. */
const pick = (tensor: Tensor, rows: number, wanted: ReadonlyArray<number>): Tensor => {
  const shape = [wanted.length, ...tensor.shape.slice(1)]
  const width = tensor.shape.slice(1).reduce((product, size) => product * size, 1)
  if (tensor.datatype === "BYTES") {
    const texts = decodeTexts(tensor.data, rows * width)
    const picked = wanted.flatMap((row) => texts.slice(row * width, (row + 1) * width))
    return { ...tensor, shape, data: encodeTexts(picked) }
  }
  const bytes = width * ELEMENT_BYTES[tensor.datatype]
  const data = new Uint8Array(wanted.length * bytes)
  wanted.forEach((row, at) =>
    data.set(tensor.data.subarray(row * bytes, (row + 1) * bytes), at * bytes),
  )
  return { ...tensor, shape, data }
}

const texts = (name: string, values: ReadonlyArray<string>): Tensor => ({
  name,
  datatype: "BYTES",
  shape: [values.length],
  data: encodeTexts(values),
})
const numbers = (name: string, values: ReadonlyArray<number>): Tensor => ({
  name,
  datatype: "FP64",
  shape: [values.length],
  data: new Uint8Array(Float64Array.from(values).buffer),
})

const truthTensors = (
  fact: Prediction,
  signature: Signature,
  values: ParsedOutcome["values"],
): ReadonlyArray<Tensor> => {
  const scored = scoredRows(fact, signature, [])
  const rows = values.map(({ row, value }) => ({
    label: labelOf(signature, value),
    predicted: scored[row]?.predicted,
  }))
  const textOf = (label: (typeof rows)[number]["label"]) =>
    typeof label === "object" && "text" in label ? label.text : ""
  if (signature.task !== "regression") {
    const wrong = rows.filter(({ predicted }) => predicted !== undefined)
    return [
      texts(
        TRUTH,
        rows.map(({ label }) => textOf(label)),
      ),
      // Where the caller did not ask for the label, nobody can say whether it was right.
      ...(wrong.length < rows.length
        ? []
        : [
            texts(
              TRUTH_ERROR,
              rows.map(({ label, predicted }) => (textOf(label) === String(predicted) ? "0" : "1")),
            ),
          ]),
    ]
  }
  const truths = rows.map(({ label }) =>
    typeof label === "object" && "number" in label ? label.number : Number.NaN,
  )
  return [
    numbers(TRUTH, truths),
    numbers(
      TRUTH_RESIDUAL,
      rows.map(({ predicted }, at) =>
        typeof predicted === "number" ? predicted - (truths[at] ?? Number.NaN) : Number.NaN,
      ),
    ),
  ]
}

/**
 * The rows of a prediction that an outcome names, with their truth, as of when the outcome came;
 * `undefined` where the two do not go together.
 */
export const withTruth = (
  fact: Prediction,
  signature: Signature,
  outcome: ParsedOutcome,
  at: number,
): Prediction | undefined => {
  const { request, outputs } = fact
  const rows = outputs?.[0]?.shape[0] ?? 0
  if (request === undefined || rows === 0) return undefined
  if (misfit(outcome, signature, rows) !== undefined) return undefined
  const wanted = outcome.values.map(({ row }) => row)
  const inputs = request.inputs
    .filter(({ shape }) => shape[0] === rows)
    .map((tensor) => pick(tensor, rows, wanted))
  return {
    ...fact,
    request: { ...request, inputs },
    outputs: truthTensors(fact, signature, outcome.values),
    times: { ...fact.times, stored: at },
  }
}
