// What is taken from a `config.pbtxt`, and what is said of one that is wrong.
import { expect, test } from "bun:test"
import type { Signature } from "#proto/signature"
import { modelConfigFault, parseModelConfig } from "./model-config.ts"

const signature: Signature = {
  task: "other",
  features: [],
  inputs: [
    { name: "x", datatype: "FP32", shape: [-1, 4] },
    { name: "label", datatype: "BYTES", shape: [-1] },
  ],
  outputs: [{ name: "y", datatype: "INT64", shape: [-1, -1] }],
  batching: true,
}

const WHOLE = `
# As a user of Triton has it.
name: "iris"
platform: 'onnxruntime_onnx'
max_batch_size: 8;
input [
  { name: "x" data_type: TYPE_FP32 dims: [ 4 ] },
  { name: "la" "bel", data_type: TYPE_STRING, dims: [ 1 ] reshape { shape: [ ] } }
]
output: [ { name: "y", data_type: TYPE_INT64, dims: [ 3 ], label_filename: "labels.txt" } ]
instance_group [ { count: 2 kind: KIND_CPU } ]
version_policy: { all { } }
dynamic_batching {
  preferred_batch_size: [ 8, 4 ]
  max_queue_delay_microseconds: 100
  priority_levels: 3
  default_priority_level: 2
  default_queue_policy < timeout_action: REJECT default_timeout_microseconds: 250000 >
}
parameters { key: "k" value: { string_value: "v\\n\\x41" } }
`

const configOf = (text: string) => {
  const file = parseModelConfig(text, "iris")
  if ("refused" in file) throw new Error(file.refused)
  return file
}

const refusalOf = (text: string): string => {
  const file = parseModelConfig(text, "iris")
  return "refused" in file ? file.refused : (modelConfigFault(file, signature) ?? "")
}

test("a whole configuration is taken over and fits its model", () => {
  const file = configOf(WHOLE)
  expect(file.config).toEqual({
    maxBatchSize: 8,
    preferredBatchSizes: [4, 8],
    queueDelayMicros: 100,
    priorityLevels: 3,
    defaultPriority: 2,
    timeoutMicros: 250_000,
  })
  expect(modelConfigFault(file, signature)).toBeUndefined()
})

test("an empty file, and one of dims with or without the batch, say nothing wrong", () => {
  expect(configOf("").config).toEqual({})
  const label = 'input { name: "label" data_type: TYPE_STRING dims: -1 }'
  for (const dims of ["[ 4 ]", "[ -1, 4 ]"])
    expect(refusalOf(`input { name: "x" data_type: TYPE_FP32 dims: ${dims} } ${label}`)).toBe("")
})

const WRONG: ReadonlyArray<readonly [text: string, refusal: string]> = [
  ['name: "other"', 'line 1: name: expected "iris", got "other"'],
  ['\nbackend: "python"', 'line 2: backend: expected "onnxruntime" or "", got "python"'],
  ["max_batch_size: -1", "line 1: max_batch_size: expected a whole number from 0, got -1"],
  ["max_batch_size: 1.5", "line 1: max_batch_size: expected a whole number from 0, got 1.5"],
  [
    "max_batch_size: 4\n\nmax_batch_size: 8",
    "line 3: max_batch_size: expected it once, got it in line 1 too",
  ],
  ["max_batch_size: [4, 8]", "line 1: max_batch_size: expected it once, got it in line 1 too"],
  ['name: "iris" name: "iris"', "line 1: name: expected it once, got it in line 1 too"],
  [
    "dynamic_batching { }\ndynamic_batching { }",
    "line 2: dynamic_batching: expected it once, got it in line 1 too",
  ],
  ['input { name: "x"\nname: "label" }', "line 2: name: expected it once, got it in line 1 too"],
  [
    "dynamic_batching { priority_levels: 2 priority_levels: 3 }",
    "line 1: priority_levels: expected it once, got it in line 1 too",
  ],
  ["max_batch_size 4", 'line 1: expected a colon or {, got "4"'],
  ["\n\nsequence_batching { }", "line 3: sequence_batching: it is not supported"],
  ["max_bach_size: 4", "line 1: max_bach_size: unknown field"],
  ["__proto__: 4", "line 1: __proto__: unknown field"],
  ["dynamic_batching { delay: 4 }", "line 1: delay: unknown field"],
  ["dynamic_batching {\n", "line 2: expected the name of a field or }, got the end"],
  ['name: "iris', 'line 1: expected a field, got "\\""'],
  ["input [ { dims: 1 } ", "line 1: expected a comma or ], got the end"],
  ["input { dims: 1 }", "line 1: input: expected a name, got none"],
  [
    'input { name: "x" data_type: TYPE_BF16 }',
    "line 1: data_type: expected a TYPE_ that is served here, got TYPE_BF16",
  ],
  [
    'max_batch_size: 4\noutput { name: "z" }',
    'line 2: output "z": the model has none of that name, but y',
  ],
  [
    'input { name: "x" data_type: TYPE_FP64 dims: 4 }',
    `line 1: input "x": expected the model's FP32, got FP64`,
  ],
  [
    'max_batch_size: 4 input { name: "x" dims: [ 5 ] }',
    `line 1: input "x": expected the model's dims [4], got [5]`,
  ],
  ['input { name: "x" }', 'input "label" of the model is not declared'],
  [
    "max_batch_size: 4 dynamic_batching { preferred_batch_size: 8 }",
    "preferred_batch_size: expected at most 4 (max_batch_size), got 8",
  ],
  [
    "dynamic_batching { priority_levels: 2 default_priority_level: 3 }",
    "default_priority_level: expected at most 2, got 3",
  ],
  [
    "dynamic_batching { default_queue_policy { timeout_action: DELAY } }",
    'line 1: timeout_action: expected "REJECT", got DELAY',
  ],
  [`${"a {".repeat(40)}`, "line 1: expected at most 32 messages deep, got more"],
]

for (const [text, refusal] of WRONG)
  test(`${JSON.stringify(text.slice(0, 60))} is refused by its line`, () => {
    expect(refusalOf(text)).toBe(refusal)
  })

test("a batch of a model whose rows are fixed is refused", () => {
  const fixed = { ...signature, inputs: [{ name: "x", datatype: "FP32" as const, shape: [1, 4] }] }
  expect(modelConfigFault(configOf("max_batch_size: 2"), fixed)).toContain('input "x" are fixed')
  expect(modelConfigFault(configOf("max_batch_size: 0"), fixed)).toBeUndefined()
})
