// Runs a model on generated inputs before it serves: the first runs are slow, and their times tell
// where it should run.
import type { Signature } from "#proto/signature"
import { elementCount, type Tensor } from "#proto/tensor"
import { ModelRefused } from "./model-refused.ts"
import { generateInputs } from "./generated-inputs.ts"
import type { DerivedSignature } from "./signature-derivation.ts"
import type { Ran } from "./session.ts"

/** Batches that are tried, in rows, and how often: the first runs of each size allocate. */
const ROUNDS = [
  { rows: 1, runs: 8 },
  { rows: 8, runs: 4 },
  { rows: 64, runs: 3 },
] as const
/** Sizes of the dimensions that vary beside the rows: the first that the model takes. */
export const VARYING_SIZES = [4, 1, 32, 224] as const
const SEED = 1

export type Run = (inputs: ReadonlyArray<Tensor>) => Promise<Ran>

/** Elements of all inputs: what the cost of a run is counted by. */
export const elementsOf = (inputs: ReadonlyArray<Tensor>): number =>
  inputs.reduce((sum, { shape }) => sum + elementCount(shape), 0)

/** Sizes worth trying for the dimensions that vary beside the rows: one, when there are none. */
export const varyingSizes = (signature: DerivedSignature): ReadonlyArray<number> =>
  signature.inputs.some(({ shape }) => shape.slice(1).includes(-1))
    ? VARYING_SIZES
    : VARYING_SIZES.slice(0, 1)

/**
 * Runs 1, 8 and 64 rows (only 1 where rows may not share a run) and reports the fastest time of
 * each size. Stops after the first size that takes longer than `enoughMicros`, and when the model
 * takes none of the generated inputs.
 */
export const warmUp = async (
  signature: Signature,
  run: Run,
  enoughMicros: number,
  observe: (elements: number, micros: number) => void,
): Promise<void> => {
  for (const varying of varyingSizes(signature)) {
    let ran = false
    for (const { rows, runs } of signature.batching ? ROUNDS : ROUNDS.slice(0, 1)) {
      const inputs = generateInputs(signature, { rows, seed: SEED, varying })
      if (inputs === undefined) break
      const micros = await fastest(inputs, run, runs, enoughMicros)
      if (micros === undefined) break
      ran = true
      observe(elementsOf(inputs), micros)
      if (micros > enoughMicros) return
    }
    if (ran) return
  }
}

/** Microseconds of the fastest run; undefined when the model does not take the inputs. */
const fastest = async (
  inputs: ReadonlyArray<Tensor>,
  run: Run,
  runs: number,
  enoughMicros: number,
): Promise<number | undefined> => {
  let best: number | undefined
  for (let count = 0; count < runs; count++) {
    try {
      const { micros } = await run(inputs)
      best = Math.min(best ?? micros, micros)
      // The first run of a fast model may be slow; a second one tells.
      if (count > 0 && best > enoughMicros) return best
    } catch (cause) {
      if (cause instanceof ModelRefused) throw cause
      // Made-up inputs may be outside of what the model knows: that is no fault of the model.
      return best
    }
  }
  return best
}
