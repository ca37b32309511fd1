// A model whose run takes milliseconds a row, for the tests of what that changes.
import { join } from "node:path"
import { multiplied } from "../core/inference/onnx-test-models.ts"
import type { InferenceRequest } from "../proto/request.ts"
import { fp32 } from "./test-traffic.ts"

export const SLOW = "slow"
const WIDTH = 512
/** Some milliseconds a row, in batches too. */
const MATRICES = 300

/** So many rows that are full of `value`. */
export const slowRows = (count: number, value: number): InferenceRequest => ({
  inputs: [fp32("x", [count, WIDTH], Array(count * WIDTH).fill(value))],
})

export interface SlowModelHost {
  readonly nats: { readonly directory: string }
  readonly release: (model: string, version: string, file: string) => Promise<unknown>
}

/** Writes the model and releases it as version 1. */
export const releaseSlow = async ({ nats, release }: SlowModelHost): Promise<void> => {
  const file = join(nats.directory, "slow.onnx")
  await Bun.write(file, multiplied(WIDTH, MATRICES))
  await release(SLOW, "1", file)
}
