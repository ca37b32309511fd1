// Which figures each task gets, and that they are those of the statistics behind them.
import { expect, test } from "bun:test"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { measure } from "./measure.ts"
import { FIRST_AT, SCORES, scoredFact, scoresLedger, tell } from "./test-scores.ts"

const fold = (
  signature: Signature,
  facts: ReadonlyArray<Prediction>,
  truths: ReadonlyArray<unknown>,
) => {
  const ledger = scoresLedger({ signatureOf: () => signature, sliceFeatures: [], factsMax: 10_000 })
  facts.forEach((fact, at) => ledger.takeFact(fact, at + 1))
  truths.forEach((value, at) => tell(ledger, `id-${at}`, { value }, 100 + at))
  return { ledger, all: measure(ledger).groups[0] }
}

const floats = (name: string, shape: ReadonlyArray<number>, values: ReadonlyArray<number>) => ({
  name,
  datatype: "FP64" as const,
  shape,
  data: new Uint8Array(Float64Array.from(values).buffer),
})
const about = (at: number) => ({
  id: `id-${at}`,
  model: "m",
  version: "1",
  times: { stored: FIRST_AT, taken: FIRST_AT },
  deliveries: 1,
})

test("regression has errors in units of the target", () => {
  const signature: Signature = { ...SCORES, task: "regression", label: "y" }
  const facts = [1, 2, 3].map((y, at) => ({ ...about(at), outputs: [floats("y", [1], [y])] }))
  const { all, ledger } = fold(signature, facts, [2, "2", 1])
  expect(all?.metrics).toEqual({
    mae: 1,
    rmse: Math.sqrt(5 / 3),
    r2: expect.closeTo(1 - 5 / (2 / 3), 12),
  })
  expect(all?.estimate).toBeUndefined()
  tell(ledger, "id-0", { value: "fast" }, 200)
  tell(ledger, "id-0", { value: true }, 201)
  expect(ledger.counts.misfit).toBe(2)
})

test("more than two classes have accuracy, F1, log loss and the error of the confidence", () => {
  const { positiveClass: _, ...rest } = SCORES
  const signature: Signature = { ...rest, classes: ["sun", "rain", "snow"] }
  const chances = [
    [0.7, 0.2, 0.1],
    [0.1, 0.6, 0.3],
    [0.2, 0.3, 0.5],
  ]
  const { label: __, ...unlabelled } = signature
  const facts = chances.map((row, at) => ({
    ...about(at),
    outputs: [floats("probabilities", [1, 3], row)],
  }))
  const { all } = fold(unlabelled, facts, ["sun", "rain", "rain"])
  expect(all?.metrics["accuracy"]).toBeCloseTo(2 / 3, 12)
  expect(all?.metrics["log_loss"]).toBeCloseTo(-Math.log(0.7 * 0.6 * 0.3) / 3, 12)
  expect(all?.metrics["f1"]).toBeCloseTo((1 + 2 / 3 + 0) / 3, 12)
  expect(all?.metrics).not.toHaveProperty("auc")
  expect(all?.estimate?.metrics).toEqual({ accuracy: expect.closeTo(0.6, 12) })
})

test("a model of no known task has its labels counted alone", () => {
  const { all } = fold({ ...SCORES, task: "other" }, [scoredFact(0, [0.9])], [1])
  expect(all).toEqual({ rows: 1, labelled: 1, metrics: {} })
})

test("labels of a model without classes may be anything, and cost no table of all", () => {
  const { classes: _, positiveClass: __, ...bare } = SCORES
  const facts = Array.from({ length: 2_000 }, (_none, at) => scoredFact(at, [0.9]))
  const some = facts.map((_none, at) => (at < 500 ? "1" : `other-${at}`))
  expect(fold(bare, facts, some).all?.metrics).toEqual({ accuracy: 0.25 })
  const few = fold(bare, facts.slice(0, 4), ["1", "1", "1", "0"])
  expect(few.all?.metrics).toMatchObject({ accuracy: 0.75, f1: (2 * 3) / (3 + 4) / 2 })
})

test("outputs that a caller did not ask for leave the row out of what needs them", () => {
  const [label] = scoredFact(0, [0.9]).outputs ?? []
  const bare = { ...scoredFact(0, [0.9]), outputs: label === undefined ? [] : [label] }
  const { all } = fold(SCORES, [bare, scoredFact(1, [0.2])], [1, 1])
  expect(all?.metrics["accuracy"]).toBe(0.5)
  expect(all?.metrics["log_loss"]).toBeCloseTo(-Math.log(0.2), 12)
})

test("calibration rests on the first labels in steps, and says on how many", () => {
  const facts = Array.from({ length: 300 }, (_, at) => scoredFact(at, [(at % 10) / 10 + 0.05]))
  const none = fold(SCORES, facts, [])
  expect(none.all?.estimate?.calibratedOn).toBe(0)
  const some = fold(
    SCORES,
    facts,
    facts.slice(0, 150).map((_, at) => Number(at % 10 > 7)),
  )
  expect(some.all?.estimate?.calibratedOn).toBe(100)
  expect(some.all?.estimate?.metrics["accuracy"]).toBeCloseTo(0.7, 12)
})
