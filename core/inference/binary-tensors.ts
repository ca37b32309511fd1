// Tensors as raw bytes behind the JSON of a request, or in messages of gRPC: found, measured and
// taken as views of the bytes that came. Whether their values suit a model is for check.ts.
import type { InferenceRequest } from "#proto/request"
import type { Signature, TensorSpec } from "#proto/signature"
import { ELEMENT_BYTES, elementCount, type Tensor } from "#proto/tensor"
import { BadRequest, cut, shown } from "./bad-request.ts"
import { encodeBlobs } from "./string-elements.ts"

/** All of a tensor but its bytes. */
export type TensorHead = Omit<Tensor, "data">

/**
 * What keeps `bytes` from being the length of this tensor's data; `field` is the caller's name for
 * it. Elements of BYTES say their own lengths, which check.ts reads.
 */
export const rawLengthFault = (
  field: string,
  { name, datatype, shape }: TensorHead,
  bytes: number,
): BadRequest | undefined => {
  if (datatype === "BYTES") return undefined
  const expected = elementCount(shape) * ELEMENT_BYTES[datatype]
  if (bytes === expected) return undefined
  const wanted = `${expected} bytes for ${datatype} [${shape.join(",")}]`
  return new BadRequest(`${field} (${cut(name)})`, wanted, `${bytes}`)
}

/** The tensor of `data`, without a copy; `field` is the caller's name for the data. */
export const rawTensor = (
  field: string,
  head: TensorHead,
  data: Uint8Array,
): Tensor | BadRequest => {
  const { name, datatype, shape } = head
  return rawLengthFault(field, head, data.byteLength) ?? { name, datatype, shape, data }
}

/** The bytes behind the JSON of a request, given out from front to back. */
export class BinaryTail {
  readonly #data: Uint8Array
  #at = 0
  #last = ""

  constructor(data: Uint8Array) {
    this.#data = data
  }

  /** The next `size` bytes as the data of the tensor at `path`: a view. */
  take(path: string, head: TensorHead, size: unknown): Tensor | BadRequest {
    const field = `${path}.parameters.binary_data_size`
    const named = `${field} (${cut(head.name)})`
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
      return new BadRequest(named, "a number of bytes", shown(size))
    const left = this.#data.byteLength - this.#at
    if (size > left)
      return new BadRequest(named, `at most the ${left} bytes that the body still has`, `${size}`)
    const data = this.#data.subarray(this.#at, this.#at + size)
    this.#at += size
    this.#last = named
    return rawTensor(field, head, data)
  }

  /** Whether bytes are left that no tensor has taken. */
  end(): BadRequest | undefined {
    const left = this.#data.byteLength - this.#at
    if (left === 0) return undefined
    if (this.#last !== "")
      return new BadRequest(this.#last, "the last bytes of the body", `${left} bytes more`)
    const none = "parameters.binary_data_size in an input, as bytes follow the JSON"
    return new BadRequest("inputs", none, "none")
  }
}

const varying = (shape: ReadonlyArray<number>): number =>
  shape.filter((dimension) => dimension < 0).length

/** The shape of `bytes` of this input; undefined where they do not tell it. */
const shapeOf = (
  { shape, datatype }: TensorSpec,
  batching: boolean,
  bytes: number,
): ReadonlyArray<number> | undefined => {
  if (datatype === "BYTES") {
    const one = shape.map((dimension) => (dimension < 0 ? 1 : dimension))
    return elementCount(one) === 1 ? one : undefined
  }
  const isOneRow = batching && varying(shape) === 2 && shape[0] === -1
  const known = isOneRow ? [1, ...shape.slice(1)] : shape
  if (varying(known) > 1) return undefined
  if (varying(known) === 0) return known
  const rest = known.reduce((product, dimension) => product * Math.abs(dimension), 1)
  const size = bytes / (rest * ELEMENT_BYTES[datatype])
  if (!Number.isInteger(size) || size < 1) return undefined
  return known.map((dimension) => (dimension < 0 ? size : dimension))
}

/**
 * A request without JSON: the whole body is the data of the model's only input, whose shape the
 * number of bytes tells. At most one dimension may vary, or two where the first is that of rows,
 * which are then one; BYTES is one element, without a length before it.
 */
export const rawInferRequest = (
  signature: Signature,
  body: Uint8Array,
): InferenceRequest | BadRequest => {
  const [spec] = signature.inputs
  if (spec === undefined || signature.inputs.length > 1)
    return new BadRequest(
      "body",
      `JSON, as the model has ${signature.inputs.length} inputs`,
      "raw bytes alone",
    )
  const { name, datatype } = spec
  const shape = shapeOf(spec, signature.batching, body.byteLength)
  if (shape === undefined) {
    const wanted = `${datatype} of shape [${spec.shape.join(",")}] for ${cut(name)}`
    return new BadRequest("body", wanted, `${body.byteLength} bytes, which tell no shape`)
  }
  const data = datatype === "BYTES" ? encodeBlobs([body]) : body
  const input = rawTensor("body", { name, datatype, shape }, data)
  return input instanceof BadRequest ? input : { inputs: [input] }
}
