// Inputs made up from a signature, to warm a model up and to see whether its rows are independent.
// The same seed gives the same rows; they are plausible, not realistic.
import type { Feature, TensorSpec } from "#proto/signature"
import { type Datatype, ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import type { DerivedSignature } from "./signature-derivation.ts"
import { encodeTexts } from "./string-elements.ts"

/** Whole numbers may be indexes into a table of unknown length: small ones exist in every table. */
const INTEGER_MAX = 3
const TEXTS = ["a", "b", "c", ""]
/** A generated tensor never has more elements; a model that needs more is not warmed up. */
const ELEMENTS_MAX = 4 << 20

/** mulberry32: a number in [0, 1) for each call. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Generation {
  /** The first dimension where it varies. */
  readonly rows: number
  readonly seed: number
  /** Every other dimension that varies. */
  readonly varying: number
}

/** One tensor for each input of the signature; undefined when one would be too large. */
export const generateInputs = (
  signature: DerivedSignature,
  generation: Generation,
): ReadonlyArray<Tensor> | undefined => {
  const random = randomFrom(generation.seed)
  const tensors: Array<Tensor> = []
  for (const input of signature.inputs) {
    const shape = input.shape.map((dimension, at) =>
      dimension >= 0 ? dimension : at === 0 ? generation.rows : generation.varying,
    )
    if (elementCount(shape) > ELEMENTS_MAX) return undefined
    const features = signature.features.filter(({ tensor }) => tensor === input.name)
    tensors.push(generateTensor(input, shape, features, random))
  }
  return tensors
}

const generateTensor = (
  input: TensorSpec,
  shape: ReadonlyArray<number>,
  features: ReadonlyArray<Feature>,
  random: () => number,
): Tensor => {
  const columns = shape.length === 2 ? (shape[1] ?? 1) : 1
  const byColumn = new Map(features.map((feature) => [feature.column, feature]))
  const count = elementCount(shape)
  const featureAt = (at: number) =>
    shape.length <= 2 ? byColumn.get(columns === 0 ? 0 : at % columns) : undefined
  if (input.datatype === "BYTES") {
    const texts = Array.from({ length: count }, (_, at) => pickText(featureAt(at), random))
    return { name: input.name, datatype: "BYTES", shape, data: encodeTexts(texts) }
  }
  const data = new Uint8Array(count * ELEMENT_BYTES[input.datatype])
  const view = new DataView(data.buffer)
  for (let at = 0; at < count; at++) {
    write(view, input.datatype, at, pickNumber(input.datatype, featureAt(at), random))
  }
  return { name: input.name, datatype: input.datatype, shape, data }
}

const pickText = (feature: Feature | undefined, random: () => number): string => {
  const known = feature?.categories?.filter((category) => typeof category === "string") ?? TEXTS
  return known[Math.floor(random() * known.length)] ?? ""
}

const pickNumber = (
  datatype: Datatype,
  feature: Feature | undefined,
  random: () => number,
): number => {
  if (datatype === "BOOL") return random() < 0.5 ? 0 : 1
  const known = feature?.categories?.filter((category) => typeof category === "number") ?? []
  if (known.length > 0) return known[Math.floor(random() * known.length)] ?? 0
  const whole = !datatype.startsWith("FP") || feature?.type === "integer"
  const [low, high] = feature?.range ?? (whole ? [0, INTEGER_MAX] : [-1, 1])
  if (!whole)
    return feature?.type === "boolean" ? Math.round(random()) : low + (high - low) * random()
  return Math.floor(low + (high - low + 1) * random())
}

const write = (view: DataView, datatype: Datatype, at: number, value: number): void => {
  switch (datatype) {
    case "BOOL":
    case "UINT8":
      return view.setUint8(at, value)
    case "INT8":
      return view.setInt8(at, value)
    case "UINT16":
      return view.setUint16(at * 2, value, true)
    case "INT16":
      return view.setInt16(at * 2, value, true)
    case "UINT32":
      return view.setUint32(at * 4, value, true)
    case "INT32":
      return view.setInt32(at * 4, value, true)
    case "UINT64":
      return view.setBigUint64(at * 8, BigInt(Math.max(value, 0)), true)
    case "INT64":
      return view.setBigInt64(at * 8, BigInt(value), true)
    case "FP16":
      return view.setFloat16(at * 2, value, true)
    case "FP32":
      return view.setFloat32(at * 4, value, true)
    case "FP64":
      return view.setFloat64(at * 8, value, true)
    case "BYTES":
      return
  }
}
