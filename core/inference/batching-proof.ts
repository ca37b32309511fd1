// Finds out whether rows of different requests may share a run: the graph must keep them apart, and
// made-up rows, run one by one and together, must give the same answers. The rows alone would not
// do, for what mixes rows may show only with values that nobody made up.
import type { Signature, TensorSpec } from "#proto/signature"
import { type Datatype, elementCount, type Tensor } from "#proto/tensor"
import { concatenate, split } from "./batch.ts"
import { generateInputs } from "./generated-inputs.ts"
import type { DerivedSignature } from "./signature-derivation.ts"
import { varyingSizes, type Run } from "./warm-up.ts"

/** Kernels for several rows round differently. */
const TOLERANCE_RELATIVE = 1e-4
const TOLERANCE_ABSOLUTE = 1e-6
/** Rows of the members of each joint run that is tried. */
const COMPOSITIONS = [
  [1, 1, 1],
  [2, 3],
] as const
const SEED = 11

export interface BatchingProof {
  readonly batching: boolean
  /** How it was decided, for whoever imports the model. */
  readonly note: string
  /** The outputs of one run with one row, when there was one. */
  readonly sample: ReadonlyArray<Tensor> | undefined
}

const varies = (signature: DerivedSignature): boolean =>
  signature.inputs.length > 0 &&
  [...signature.inputs, ...signature.outputs].every(({ shape }) => shape[0] === -1)

/**
 * Decides `batching`; `run` is one run of the model that rejects when it fails, `mixing` why the
 * graph does not keep rows apart, if so. Declared batching is believed before the graph.
 */
export const proveBatching = async (
  signature: DerivedSignature,
  run: Run,
  mixing: string | undefined,
): Promise<BatchingProof> => {
  const sample = await firstSample(signature, run)
  const no = (note: string): BatchingProof => ({
    batching: false,
    note,
    sample: sample?.outputs,
  })
  if (signature.batching === false) return no("Requests run one by one, as declared.")
  if (sample === undefined) {
    const failed = "The model took none of the generated inputs"
    if (signature.batching !== true)
      return no(`${failed}; requests run one by one. Declare batching to join them.`)
    return { batching: true, note: `${failed}; requests are joined as declared.`, sample }
  }
  const shaped = withSample(signature, sample.outputs)
  if (!varies(shaped))
    return no("Requests run one by one: the first dimension of an input or output is fixed.")
  for (const [index, sizes] of COMPOSITIONS.entries()) {
    const fault = await compare(shaped, sample.varying, sizes, SEED * (index + 1), run)
    if (fault !== undefined) return no(`Requests run one by one: ${fault}.`)
  }
  if (mixing !== undefined && signature.batching !== true)
    return no(`Requests run one by one: ${mixing}. Declare batching to join them all the same.`)
  return {
    batching: true,
    note: `Rows of different requests share a run: ${
      mixing === undefined ? "the graph keeps them apart" : `declared, though ${mixing}`
    }, and generated rows gave the same answers alone and together.`,
    sample: sample.outputs,
  }
}

interface Sample {
  readonly outputs: ReadonlyArray<Tensor>
  readonly varying: number
}

const firstSample = async (signature: DerivedSignature, run: Run): Promise<Sample | undefined> => {
  for (const varying of varyingSizes(signature)) {
    const inputs = generateInputs(signature, { rows: 1, seed: SEED, varying })
    const ran = inputs === undefined ? undefined : await run(inputs).catch(() => undefined)
    if (ran !== undefined) return { outputs: ran.outputs, varying }
  }
  return undefined
}

/** The same with as many dimensions as the outputs really have, where the file does not tell. */
export const withSample = <Described extends { readonly outputs: ReadonlyArray<TensorSpec> }>(
  described: Described,
  sample: ReadonlyArray<Tensor> | undefined,
): Described => ({
  ...described,
  outputs: described.outputs.map((output) => {
    const seen = sample?.find(({ name }) => name === output.name)
    if (seen === undefined || output.shape.length > 0 || seen.shape.length === 0) return output
    return { ...output, shape: seen.shape.map(() => -1) }
  }),
})

/** Undefined when the members' own runs and their joint run agree; else what differs. */
const compare = async (
  signature: DerivedSignature,
  varying: number,
  sizes: ReadonlyArray<number>,
  seed: number,
  run: Run,
): Promise<string | undefined> => {
  const whole: Signature = { ...signature, batching: true }
  const members = sizes.map((rows, index) => ({
    inputs: generateInputs(signature, { rows, seed: seed + index, varying }) ?? [],
  }))
  try {
    const alone: Array<ReadonlyArray<Tensor>> = []
    for (const member of members) alone.push((await run(member.inputs)).outputs)
    const batch = concatenate(whole, members)
    const joint = await run(batch.inputs)
    const parts = split(joint.outputs, members, batch.sizes)
    return parts.map((part, index) => difference(part, alone[index] ?? [])).find(Boolean)
  } catch (cause) {
    return `generated rows cannot be joined (${cause instanceof Error ? cause.message : cause})`
  }
}

const difference = (
  joint: ReadonlyArray<Tensor>,
  alone: ReadonlyArray<Tensor>,
): string | undefined => {
  for (const [index, output] of joint.entries()) {
    const expected = alone[index]
    if (expected === undefined || expected.shape.join() !== output.shape.join())
      return `output ${output.name} has another shape when requests are joined`
    if (!sameElements(output, expected))
      return `output ${output.name} has other values when requests are joined`
  }
  return undefined
}

type ReadFloat = (view: DataView, at: number) => number

const READ_FLOAT: Partial<Record<Datatype, ReadFloat>> = {
  FP16: (view, at) => view.getFloat16(at * 2, true),
  FP32: (view, at) => view.getFloat32(at * 4, true),
  FP64: (view, at) => view.getFloat64(at * 8, true),
}

/** FP16 keeps three digits, so its last bit is above the tolerance of the others. */
const FP16_TOLERANCE_RELATIVE = 4e-3

const sameElements = (a: Tensor, b: Tensor): boolean => {
  const read = READ_FLOAT[a.datatype]
  if (read === undefined) return Buffer.compare(a.data, b.data) === 0
  const relative = a.datatype === "FP16" ? FP16_TOLERANCE_RELATIVE : TOLERANCE_RELATIVE
  const viewA = new DataView(a.data.buffer, a.data.byteOffset, a.data.byteLength)
  const viewB = new DataView(b.data.buffer, b.data.byteOffset, b.data.byteLength)
  for (let at = 0; at < elementCount(a.shape); at++) {
    const left = read(viewA, at)
    const right = read(viewB, at)
    if (Object.is(left, right) || left === right) continue
    const allowed = TOLERANCE_ABSOLUTE + relative * Math.abs(right)
    // Not `>`: a NaN beside a number is a difference.
    if (!(Math.abs(left - right) <= allowed)) return false
  }
  return true
}
