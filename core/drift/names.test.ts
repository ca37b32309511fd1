// Names that nothing has are told by key, with what was expected and what came.
import { expect, test } from "bun:test"
import type { Signature } from "#proto/signature"
import { parseDriftConfig } from "./config.ts"
import { misspeltNames } from "./names.ts"

const SIGNATURE: Signature = {
  task: "regression",
  features: [{ name: "km", tensor: "x", column: 0, type: "number" }],
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 1] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [-1, 1] }],
  label: "y",
  batching: true,
}
const known = new Map([["taxi", [SIGNATURE]]])
const found = (text: string) => misspeltNames(parseDriftConfig(text), known)

test("what is spelled right is no error, features, outputs and truth", () => {
  const columns = "{ km: {}, output.label: {}, truth.residual: {} }"
  const text = `defaults: { columns: ${columns}, slices: [{ feature: km }] }\nmodels: { taxi: {} }`
  expect(found(text)).toEqual({ columns: [], models: [] })
})

test("columns, slices and detectors that are misspelt are named with what was expected", () => {
  const text = `
defaults: { columns: { kms: { ignore: true } } }
models:
  taxi:
    slices: [{ feature: zonne }]
    online: [{ detector: adwin, columns: [kn] }]
  nosuch: { alpha: 0.1 }`
  const { columns, models } = found(text)
  const names = "km, output.label, truth, truth.residual"
  expect(columns).toEqual([
    `defaults.columns: expected one of ${names}; got "kms"`,
    `models.taxi.slices[0].feature: expected one of ${names}; got "zonne"`,
    `models.taxi.online[0].columns: expected one of ${names}; got "kn"`,
  ])
  expect(models).toEqual(['models: expected a registered model (taxi); got "nosuch"'])
})
