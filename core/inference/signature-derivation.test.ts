import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { DeclaredSignature } from "#proto/signature"
import { ModelRefused } from "./model-refused.ts"
import { readGraph } from "./onnx-graph.ts"
import * as Onnx from "./onnx-test-models.ts"
import { deriveSignature, parseDeclaredSignature, signatureDigest } from "./signature-derivation.ts"

const graphOf = (name: string) =>
  readGraph(readFileSync(join(import.meta.dir, "golden", `${name}.onnx`)))

test("a classifier's label, probability and classes come from its graph", () => {
  const signature = deriveSignature(graphOf("pipeline-scaler-logreg"))
  expect(signature).toMatchObject({
    task: "classification",
    label: "label",
    probability: "probabilities",
    classes: [0, 1, 2],
  })
  expect(signature.features.map(({ name }) => name)).toEqual(["X_0", "X_1", "X_2", "X_3"])
})

test("one column of floats is a regression, anything else is other", () => {
  expect(deriveSignature(graphOf("gbdt-regressor"))).toMatchObject({
    task: "regression",
    label: "variable",
  })
  expect(deriveSignature(graphOf("fixed-batch-1")).task).toBe("other")
  expect(deriveSignature(graphOf("int64-embedding-mean"))).toMatchObject({
    task: "other",
    features: [],
  })
})

test("each input of one column is a feature of its own name and kind", () => {
  const { features } = deriveSignature(graphOf("string-and-number-columns"))
  expect(features).toEqual([
    { name: "origin", tensor: "origin", column: 0, type: "string" },
    { name: "carrier", tensor: "carrier", column: 0, type: "string" },
    { name: "distance", tensor: "distance", column: 0, type: "number" },
  ])
})

test("derived names stay distinct when a tensor is called like another's column", () => {
  const graph = readGraph(
    Onnx.model(
      Onnx.value(11, "a", Onnx.ELEMENT.FP32, ["N", 2]),
      Onnx.value(11, "a_0", Onnx.ELEMENT.BOOL, ["N"]),
      Onnx.value(12, "y", Onnx.ELEMENT.FP32, ["N"]),
    ),
  )
  expect(deriveSignature(graph).features.map(({ name, type }) => [name, type])).toEqual([
    ["a[0]", "number"],
    ["a[1]", "number"],
    ["a_0", "boolean"],
  ])
})

test("the model carries its declaration, and a file beside it replaces that", () => {
  const json = JSON.stringify({ task: "other", label: "y" } satisfies DeclaredSignature)
  const entry = Onnx.message(14, Onnx.text(1, "weir.signature"), Onnx.text(2, json))
  const graph = readGraph(new Uint8Array([...Onnx.identity(Onnx.ELEMENT.FP32), ...entry]))
  expect(deriveSignature(graph)).toMatchObject({ task: "other", label: "y" })
  expect(deriveSignature(graph, { task: "regression" })).toMatchObject({ task: "regression" })
})

describe("a declaration that does not fit is refused by the name of the field", () => {
  const feature = { name: "origin", tensor: "origin", column: 0, type: "string" } as const
  const others = [
    { name: "carrier", tensor: "carrier", column: 0, type: "string" },
    { name: "distance", tensor: "distance", column: 0, type: "number" },
  ] as const
  const withFeature = (change: object) => ({ features: [{ ...feature, ...change }, ...others] })
  const at = "features[0] (origin)"
  test.each<[DeclaredSignature, string]>([
    [withFeature({ tensor: "from" }), `${at}.tensor: the model has no input from; it has origin,`],
    [withFeature({ column: 1 }), `${at}.column: 1 is out of range; origin has 1 column(s)`],
    [withFeature({ type: "number" }), `${at}.type: number does not fit BYTES; expected string`],
    [withFeature({ missing: "nan" }), `${at}.missing: BYTES has no NaN`],
    [withFeature({ range: [2, 1] }), `${at}.range: 2 is above 1`],
    [withFeature({ categories: ["a", 1] }), `${at}.categories: 1 is no string`],
    [{ features: [feature, feature] }, "features[1] (origin).name: two features have this name"],
    [{ features: [feature] }, "features: 0 of 1 column(s) of carrier are named; expected all"],
    [{ label: "class" }, "label: the model has no output class; it has label, probabilities"],
    [{ probability: "label" }, "probability: label is INT64; expected FP16, FP32 or FP64"],
    [{ classes: [0, 0] }, "classes: one is listed twice"],
    [
      { probability: "probabilities", classes: [0, 1, 2] },
      "classes: 3 are listed, but probabilities has 2 columns",
    ],
    [{ positiveClass: "yes" }, 'positiveClass: "yes" is none of the classes [0,1]'],
  ])("%j", (declared, reason) => {
    const graph = graphOf("string-and-number-columns")
    expect(() => deriveSignature(graph, declared)).toThrow(ModelRefused)
    expect(() => deriveSignature(graph, declared)).toThrow(reason)
  })

  test("batching, where a first dimension is fixed", () => {
    const graph = graphOf("multi-input-mixed-types")
    expect(() => deriveSignature(graph, { batching: true })).toThrow(
      "batching: the first dimension of c does not vary",
    )
  })

  test.each([
    ["not JSON", "{", "JSON"],
    ["a misspelt field", '{"tasks":"other"}', "tasks"],
    ["a wrong type", '{"features":[{"name":1}]}', '["features"][0]["name"]'],
  ])("a text with %s", (_, json, named) => {
    expect(() => parseDeclaredSignature(json)).toThrow(ModelRefused)
    expect(() => parseDeclaredSignature(json)).toThrow(named)
  })
})

test("the digest depends on what a signature says, not on the order in which it is written", () => {
  const signature = { ...deriveSignature(graphOf("mlp-classifier")), batching: true }
  const turned = Object.fromEntries(Object.entries(signature).toReversed())
  expect(signatureDigest({ ...signature, ...turned })).toBe(signatureDigest(signature))
  expect(signatureDigest({ ...signature, batching: false })).not.toBe(signatureDigest(signature))
})
