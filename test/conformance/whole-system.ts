// For tests of this folder: a real system with models of every datatype, and of two outputs.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  ELEMENT,
  identity,
  integer,
  message,
  model,
  node,
  text,
  value,
  type Dimensions,
} from "#core/inference/onnx-test-models"
import { FLIGHTS_MODEL, FLIGHTS_SIGNATURE, startSystem } from "../support/system.ts"
import { DATATYPES } from "./models.ts"

const ROWS: Dimensions = ["N", 3]

/** Two outputs of one form: the values, and the values with their signs turned. */
const twins = model(
  node("Identity", ["x"], ["same"]),
  node("Neg", ["x"], ["turned"]),
  value(11, "x", ELEMENT.FP32, ROWS),
  value(12, "same", ELEMENT.FP32, ROWS),
  value(12, "turned", ELEMENT.FP32, ROWS),
)

/** Two inputs of two datatypes, two outputs: their sum as floats, and the integers. */
const mixed = model(
  node("Cast", ["count"], ["floats"], message(5, text(1, "to"), integer(3, 1), integer(20, 2))),
  node("Add", ["value", "floats"], ["sum"]),
  node("Identity", ["count"], ["counts"]),
  value(11, "value", ELEMENT.FP32, ROWS),
  value(11, "count", ELEMENT.INT64, ROWS),
  value(12, "sum", ELEMENT.FP32, ROWS),
  value(12, "counts", ELEMENT.INT64, ROWS),
)

/** The files of the models, by their names; `remove` when they are registered. */
export const writeModels = async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-conformance-"))
  const bytes = new Map<string, Uint8Array>([
    ...DATATYPES.map((name) => [name.toLowerCase(), identity(ELEMENT[name], ROWS)] as const),
    ["twins", twins],
    ["mixed", mixed],
  ])
  const files = new Map<string, string>()
  for (const [name, content] of bytes) {
    const path = join(folder, `${name}.onnx`)
    await Bun.write(path, content)
    files.set(name, path)
  }
  return { folder, files, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export interface WholeSystem {
  readonly url: string
  /** `host:port`. */
  readonly grpc: string
  readonly stop: () => Promise<void>
}

export const startWholeSystem = async (): Promise<WholeSystem> => {
  const system = await startSystem()
  const { files, remove } = await writeModels()
  for (const [name, path] of files) await system.release(name, "1", path)
  await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
  remove()
  await system.predictor()
  const { url, log } = await system.gateway({ WEIR_GRPC_PORT: "0" })
  const [, grpc = ""] = /"grpc":"([^"]+)"/.exec(log.join("\n")) ?? []
  return { url, grpc, stop: system.stop }
}
