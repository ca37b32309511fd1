// A model whose every version multiplies by its own number, so that an answer tells which version
// gave it, whatever its headers say.
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { ELEMENT, floats, model, node, value } from "#core/inference/onnx-test-models"
import type { Log } from "#core/log/log"
import { importDirectory } from "#core/registry/import"
import { importDependencies } from "../up/models.ts"

export const SCALE = "scale"

const scaled = (factor: number) =>
  model(
    node("Mul", ["x", "factor"], ["y"]),
    floats("factor", [1], new Float32Array([factor])),
    value(11, "x", ELEMENT.FP32, ["N", 1]),
    value(12, "y", ELEMENT.FP32, ["N", 1]),
  )

/** Puts a version into the folder, and imports the folder as `weir up` does when it changes. */
export const importScale = async (log: Log, folder: string, version: number): Promise<void> => {
  const path = join(folder, SCALE, `${version}`)
  mkdirSync(path, { recursive: true })
  await Bun.write(join(path, "model.onnx"), scaled(version))
  const { versions } = await importDirectory(importDependencies(log), folder)
  for (const one of versions)
    if (one.outcome === "refused") throw new Error(`${one.path}: ${one.reason}`)
}
