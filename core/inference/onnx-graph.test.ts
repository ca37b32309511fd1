import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ModelRefused } from "./model-refused.ts"
import { readGraph } from "./onnx-graph.ts"
import * as Onnx from "./onnx-test-models.ts"
import { openSession } from "./session.ts"
import { datatypeOfRuntime } from "./tensor-data.ts"

const { ELEMENT } = Onnx
const FOLDER = join(import.meta.dir, "golden")
const MODELS = readdirSync(FOLDER).filter((name) => name.endsWith(".onnx"))

const reasonOf = (bytes: Uint8Array): string => {
  try {
    readGraph(bytes)
  } catch (cause) {
    if (cause instanceof ModelRefused) return cause.reason
    throw cause
  }
  throw new Error("it was read")
}

test.each(MODELS.filter((name) => !name.startsWith("zipmap")))(
  "%s reads as the runtime reads it",
  async (name) => {
    const bytes = readFileSync(join(FOLDER, name))
    const graph = readGraph(bytes)
    const session = await openSession(bytes, () => 0)
    const theirs = (specs: typeof session.inputs) =>
      specs.map(({ name: tensor, type, shape }) => ({
        name: tensor,
        datatype: datatypeOfRuntime(type ?? ""),
        shape: shape.map((dimension) => (typeof dimension === "string" ? -1 : dimension)),
      }))
    expect<unknown>(theirs(session.inputs)).toEqual([...graph.inputs])
    expect<unknown>(theirs(session.outputs)).toEqual([...graph.outputs])
    await session.release()
  },
)

test("a sequence of maps is refused with what to do about it", () => {
  const reason = reasonOf(readFileSync(join(FOLDER, "zipmap-on-int-labels.onnx")))
  expect(reason).toStartWith("output output_probability is a sequence<map>: export the model")
})

test("an initializer that is also listed as an input is no input", () => {
  const graph = readGraph(
    Onnx.model(
      Onnx.node("Add", ["x", "w"], ["y"]),
      Onnx.value(11, "x", ELEMENT.FP32, ["N", 2]),
      Onnx.value(11, "w", ELEMENT.FP32, [2]),
      Onnx.floats("w", [2], new Float32Array(2)),
      Onnx.value(12, "y", ELEMENT.FP32),
    ),
  )
  expect(graph.inputs).toEqual([{ name: "x", datatype: "FP32", shape: [-1, 2] }])
  expect(graph.unranked).toEqual(new Set(["y"]))
  expect(graph.irVersion).toBe(8)
  expect(graph.opsets).toEqual(new Map([["ai.onnx", 17]]))
})

test("metadata that was appended to the file is read", () => {
  const entry = Onnx.message(14, Onnx.text(1, "key"), Onnx.text(2, "välue"))
  const bytes = new Uint8Array([...Onnx.identity(ELEMENT.FP32), ...entry])
  expect(readGraph(bytes).metadata).toEqual(new Map([["key", "välue"]]))
})

const external = Onnx.message(13, Onnx.text(1, "location"), Onnx.text(2, "/etc/passwd"))
const outside = (field: number) =>
  Onnx.message(field, Onnx.integer(1, 2), Onnx.integer(2, 1), Onnx.text(8, "w"), external)
const x = Onnx.value(11, "x", ELEMENT.FP32, ["N"])
const y = Onnx.value(12, "y", ELEMENT.FP32, ["N"])
const typed = (field: 11 | 12, type: Onnx.Field) =>
  Onnx.message(field, Onnx.text(1, "z"), Onnx.message(2, type))

test.each([
  ["external data of an initializer", Onnx.model(outside(5), x, y), "tensor w has external data"],
  [
    "external data of an attribute inside a nested graph",
    Onnx.model(
      Onnx.node(
        "If",
        ["x"],
        ["y"],
        Onnx.message(
          5,
          Onnx.message(6, Onnx.node("Constant", [], ["c"], Onnx.message(5, outside(5)))),
        ),
      ),
      x,
      y,
    ),
    "tensor w has external data",
  ],
  [
    "a BFLOAT16 input",
    Onnx.model(Onnx.value(11, "x", ELEMENT.BF16, ["N"]), y),
    "input x has elements of BFLOAT16",
  ],
  ["a sequence input", Onnx.model(typed(11, Onnx.message(4)), y), "input z is a sequence"],
  ["a map output", Onnx.model(x, typed(12, Onnx.message(5))), "output z is a map"],
  ["an optional input", Onnx.model(typed(11, Onnx.message(9)), y), "input z is an optional"],
  ["a sparse output", Onnx.model(x, typed(12, Onnx.message(8))), "output z is a sparse"],
  ["an input of unknown rank", Onnx.model(Onnx.value(11, "x", 1), y), "input x declares no shape"],
  [
    "a name that no request may have",
    Onnx.model(Onnx.value(11, "x".repeat(257), 1, ["N"]), y),
    "the name of an input has 257 characters; the limit is 256",
  ],
  ["two inputs of one name", Onnx.model(x, x, y), "two of the model's inputs have the same name"],
  ["a model without outputs", Onnx.model(x), "the model has no output"],
  ["an empty file", new Uint8Array(), "the file is no ONNX model: it has no graph"],
  ["text", new TextEncoder().encode("#!/bin/sh\n"), "the file is no ONNX model"],
])("%s is refused", (_, bytes, reason) => {
  expect(reasonOf(bytes)).toStartWith(reason)
})

test("graphs nested without end are refused, not followed", () => {
  let graph: Onnx.Field = []
  for (let depth = 0; depth < 100; depth++)
    graph = Onnx.message(1, Onnx.message(5, Onnx.message(6, graph)))
  expect(reasonOf(Onnx.model(graph, x, y))).toBe("graphs are nested deeper than 32")
})

test("a file that was cut or changed anywhere is read or refused, nothing else", () => {
  const bytes = readFileSync(join(FOLDER, "string-and-number-columns.onnx"))
  const settle = (candidate: Uint8Array) => {
    try {
      readGraph(candidate)
    } catch (cause) {
      expect(cause).toBeInstanceOf(ModelRefused)
    }
  }
  for (let end = 0; end < bytes.byteLength; end++) settle(bytes.subarray(0, end))
  for (let at = 0; at < bytes.byteLength; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const changed = new Uint8Array(bytes)
      changed[at] = (changed[at] ?? 0) ^ flip
      settle(changed)
    }
  }
})
