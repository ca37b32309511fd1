// The digest of what was asked. Two requests have the same one exactly when they ask the same
// thing, however they were written: as JSON, as binary tensors, with inputs in another order.
import { createHash } from "node:crypto"
import type { InferenceRequest } from "./request.ts"

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0

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
  const head = JSON.stringify([
    model,
    pinned ?? null,
    inputs.map((input) => [input.name, input.datatype, input.shape, input.data.byteLength]),
    request.outputs ?? null,
  ])
  const hash = createHash("sha256").update(head)
  for (const input of inputs) hash.update(input.data)
  return hash.digest("hex")
}

/**
 * The digest that names a batch's members: SHA-256 over their ids in order, hexadecimal, first 32
 * characters.
 */
export const membersDigest = (ids: ReadonlyArray<string>): string =>
  createHash("sha256").update(ids.join(" ")).digest("hex").slice(0, 32)
