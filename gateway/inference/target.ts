// Which version a request is checked against. The predictor chooses the version that answers by
// itself, from the same facts.
import type { Releases } from "#core/registry/releases"
import type { Signature } from "#proto/signature"
import { refuse, type Refusal } from "../http/status.ts"

const MODEL_RETRY_AFTER_SECONDS = 5

export interface Target {
  readonly kind: "target"
  readonly model: string
  readonly version: string
  readonly signature: Signature
}

const unknownModel = (model: string): Refusal =>
  refuse("unknownModel", `Request for unknown model: '${model}' is not found`)

const notServed = (reason: string | undefined): string =>
  reason === undefined ? "is not loaded" : `cannot be served: ${reason}`

/**
 * The pinned version, or the one that is live; else why there is none, in the words that Triton
 * uses.
 */
export const targetOf = (
  releases: Releases,
  model: string,
  pinned: string | undefined,
): Target | Refusal => {
  const found = releases.resolve(model, pinned)
  switch (found.kind) {
    case "version":
      return { kind: "target", model, version: found.version, signature: found.signature }
    case "unknown_model":
      return unknownModel(model)
    case "unknown_version":
      return refuse(
        "unknownVersion",
        `Request for unknown model: '${model}' version ${pinned} is not found`,
      )
    case "unavailable":
      return refuse(
        "modelUnavailable",
        `Request for unavailable model: '${model}' ${notServed(found.reason)}`,
        { retryAfterSeconds: MODEL_RETRY_AFTER_SECONDS },
      )
  }
}
