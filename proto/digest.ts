// The digest of what was asked. Two requests have the same one exactly when they ask the same
// thing, however they were written: as JSON, as binary tensors, with inputs in another order.
import { createHash, hash } from "node:crypto"
import type { InferenceRequest } from "./request.ts"
import { tensorBytes, type Tensor } from "./tensor.ts"

/** Bytes that UTF-8 needs at most for a UTF-16 unit. */
const UNIT_BYTES = 3
/** Up to here what is digested is put together: a digest at once costs half of one in steps. */
const AT_ONCE_BYTES = 16 * 1024
const together = Buffer.allocUnsafeSlow(AT_ONCE_BYTES)

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0

const digestOf = (head: string, inputs: ReadonlyArray<Tensor>): string => {
  if (head.length * UNIT_BYTES + tensorBytes(inputs) > AT_ONCE_BYTES) {
    const steps = createHash("sha256").update(head)
    for (const input of inputs) steps.update(input.data)
    return steps.digest("hex")
  }
  let length = together.write(head)
  for (const input of inputs) {
    together.set(input.data, length)
    length += input.data.byteLength
  }
  return hash("sha256", together.subarray(0, length), "hex")
}

/**
 * SHA-256, hexadecimal, over model, pinned version, tensors by name with datatype, shape and bytes,
 * and the requested outputs. The caller's own id and the parameters do not count.
 */
export const requestDigest = (
  model: string,
  pinned: string | undefined,
  request: InferenceRequest,
): string => {
  const inputs = request.inputs.length > 1 ? request.inputs.toSorted(byName) : request.inputs
  const heads: Array<ReadonlyArray<unknown>> = []
  for (const input of inputs)
    heads.push([input.name, input.datatype, input.shape, input.data.byteLength])
  const head = JSON.stringify([model, pinned ?? null, heads, request.outputs ?? null])
  return digestOf(head, inputs)
}

/**
 * The digest that names a batch's members: SHA-256 over their ids in order, hexadecimal, first 32
 * characters.
 */
export const membersDigest = (ids: ReadonlyArray<string>): string =>
  hash("sha256", ids.join(" "), "hex").slice(0, 32)
