// What an import needs to know of a model before it registers it. Kept apart from the import, so
// that whoever has another way to vouch for a model can give that instead.
import type { DeclaredSignature, Signature } from "#proto/signature"
import { firstLoad } from "../inference/first-load.ts"
import { ModelRefused } from "../inference/model-refused.ts"

export type Inspection = { readonly signature: Signature } | { readonly refused: string }

/** Rejects only for what is not the model's fault. */
export type Inspect = (
  bytes: Uint8Array,
  declared: DeclaredSignature | undefined,
) => Promise<Inspection>

/**
 * Loads and runs the model in a child process.
 *
 * @throws FirstLoadFailed when the child failed for a reason that is not the model's.
 */
export const inspectByFirstLoad: Inspect = async (bytes, declared) => {
  try {
    return { signature: (await firstLoad(bytes, declared)).signature }
  } catch (cause) {
    if (cause instanceof ModelRefused) return { refused: cause.reason }
    throw cause
  }
}
