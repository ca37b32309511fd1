// Runs the ONNX graph of the MMD test by the runtime that also serves models. The same bytes, rows
// and runtime give the same floats, so a window that is tested again gets the same p-value.
import { openSession, type ModelSession } from "#core/inference/session"
import { viewOf } from "#core/inference/typed-views"
import { mmdGraph, type MmdGraphRunner } from "#core/statistics/mmd-graph"
import type { Tensor } from "#proto/tensor"

const floats = (name: string, shape: ReadonlyArray<number>, values: Float32Array): Tensor => ({
  name,
  datatype: "FP32",
  shape,
  data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
})

const readFloats = (outputs: ReadonlyArray<Tensor>, name: string, count: number): Float32Array => {
  const found = outputs.find((one) => one.name === name)
  const view = found === undefined ? undefined : viewOf(found, count)
  if (!(view instanceof Float32Array)) throw new Error(`the graph gave no floats ${name}`)
  return view
}

/** One session for all tests with one bandwidth, opened by the first of them. */
export const openMmdRunner = (): MmdGraphRunner => {
  let opened: Promise<ModelSession> | undefined
  return async ({ rows, rest, width, choices, ...values }) => {
    opened ??= openSession(mmdGraph([1]), () => performance.now() * 1_000)
    const session = await opened
    const { outputs } = await session.run([
      floats("x", [rows, width], values.x),
      floats("y", [rest, width], values.y),
      floats("weights", [rest], values.weights),
      floats("chosen", [rows, choices], values.chosen),
      floats("others", [rest, choices], values.others),
    ])
    return {
      within: readFloats(outputs, "within", choices),
      across: readFloats(outputs, "across", rows),
      down: readFloats(outputs, "down", rest),
    }
  }
}
