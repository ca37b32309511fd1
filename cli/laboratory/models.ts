// Models that nobody would train, for demonstrations that need a slow one or one that fails; and
// their way into the registry, which is that of a user's folder.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ELEMENT, floats, model, node, value } from "#core/inference/onnx-test-models"
import { openSession } from "#core/inference/session"
import type { Log } from "#core/log/log"
import { importDirectory } from "#core/registry/import"
import { importDependencies } from "../up/models.ts"

const MICROS_PER_MILLI = 1_000
const NANOS_PER_MICRO = 1_000
/** Values in a row of the slow model. */
export const SLOW_WIDTH = 128
const CALIBRATION_STEPS = 200
const CALIBRATION_RUNS = 9

/** Imports and promotes these bytes as version 1 of a model. */
export const importModel = async (
  log: Log,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "weir-models-"))
  try {
    await Bun.write(join(folder, name, "1", "model.onnx"), bytes)
    const { versions } = await importDirectory(importDependencies(log), folder)
    for (const version of versions)
      if (version.outcome === "refused") throw new Error(`${name}: ${version.reason}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One row at a time, so that a batch costs as much as its rows; `steps` matrices one by one. */
const slow = (steps: number) =>
  model(
    ...Array.from({ length: steps }, (_, at) =>
      node("MatMul", [at === 0 ? "x" : `x${at}`, "w"], [at + 1 === steps ? "y" : `x${at + 1}`]),
    ),
    floats("w", [SLOW_WIDTH, SLOW_WIDTH], new Float32Array(SLOW_WIDTH ** 2).fill(1 / SLOW_WIDTH)),
    value(11, "x", ELEMENT.FP32, [1, SLOW_WIDTH]),
    value(12, "y", ELEMENT.FP32, [1, SLOW_WIDTH]),
  )

/** The fastest of some runs: what the others take longer is the machine's doing. */
const fastestMicros = async (bytes: Uint8Array): Promise<number> => {
  const session = await openSession(bytes, () => Bun.nanoseconds() / NANOS_PER_MICRO)
  const data = new Uint8Array(new Float32Array(SLOW_WIDTH).fill(1).buffer)
  const input = { name: "x", datatype: "FP32", shape: [1, SLOW_WIDTH], data } as const
  const micros: Array<number> = []
  for (let run = 0; run < CALIBRATION_RUNS; run++) micros.push((await session.run([input])).micros)
  await session.release()
  return Math.min(...micros)
}

/** A model that takes about so long for a row on this machine; measured, not guessed. */
export const slowModel = async (millisPerRow: number): Promise<Uint8Array<ArrayBuffer>> => {
  const micros = await fastestMicros(slow(CALIBRATION_STEPS))
  const steps = (CALIBRATION_STEPS * millisPerRow * MICROS_PER_MILLI) / Math.max(1, micros)
  return slow(Math.max(1, Math.round(steps)))
}
