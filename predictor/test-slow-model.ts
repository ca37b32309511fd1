// Models whose run takes milliseconds a row, for the tests of what that changes.
import { join } from "node:path"
import {
  ELEMENT,
  floats,
  integer,
  message,
  model,
  multiplied,
  node,
  text,
  value,
} from "../core/inference/onnx-test-models.ts"
import type { InferenceRequest } from "../proto/request.ts"
import { fp32, int64 } from "./test-traffic.ts"

export const SLOW = "slow"
/** As slow, and then it looks a column up, which may not be there. */
export const SLOW_LOOKUP = "slow.lookup"
const WIDTH = 512
/** Some milliseconds a row, in batches too. */
const MATRICES = 300
/** The second axis, as the attribute of a node. */
const OF_COLUMNS = message(5, text(1, "axis"), integer(3, 1), integer(20, 2))

/** So many rows that are full of `value`. */
export const slowRows = (count: number, value: number): InferenceRequest => ({
  inputs: [fp32("x", [count, WIDTH], Array(count * WIDTH).fill(value))],
})

/** So many rows whose run fails at its end. */
export const failingRows = (count: number): InferenceRequest => ({
  inputs: [...slowRows(count, 1).inputs, int64("at", [count, 1], Array(count).fill(WIDTH))],
})

export interface SlowModelHost {
  readonly nats: { readonly directory: string }
  readonly release: (model: string, version: string, file: string) => Promise<unknown>
}

const releaseBytes = async (
  { nats, release }: SlowModelHost,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> => {
  const file = join(nats.directory, `${name}.onnx`)
  await Bun.write(file, bytes)
  await release(name, "1", file)
}

/** Writes the model and releases it as version 1. */
export const releaseSlow = (host: SlowModelHost): Promise<void> =>
  releaseBytes(host, SLOW, multiplied(WIDTH, MATRICES))

/** The same of the one that looks a column up. */
export const releaseSlowLookup = (host: SlowModelHost): Promise<void> =>
  releaseBytes(
    host,
    SLOW_LOOKUP,
    model(
      ...Array.from({ length: MATRICES }, (_, at) =>
        node("MatMul", [at === 0 ? "x" : `x${at}`, "w"], [`x${at + 1}`]),
      ),
      node("GatherElements", [`x${MATRICES}`, "at"], ["y"], OF_COLUMNS),
      floats("w", [WIDTH, WIDTH], new Float32Array(WIDTH * WIDTH).fill(1 / WIDTH)),
      value(11, "x", ELEMENT.FP32, ["N", WIDTH]),
      value(11, "at", ELEMENT.INT64, ["N", 1]),
      value(12, "y", ELEMENT.FP32, ["N", 1]),
    ),
  )
