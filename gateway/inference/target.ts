// Which version a request is checked against. The predictor chooses the version that answers by
// itself, from the same facts.
import type { Releases } from "#core/registry/releases"
import type { ServingConfig } from "#proto/serving-config"
import type { Signature } from "#proto/signature"
import { refuse, type Refusal } from "../http/status.ts"

const MODEL_RETRY_AFTER_SECONDS = 5

export interface Target {
  readonly kind: "target"
  readonly model: string
  readonly version: string
  readonly signature: Signature
  readonly config?: ServingConfig | undefined
}

const unknownModel = (model: string): Refusal =>
  refuse("unknownModel", `Request for unknown model: '${model}' is not found`)

const unknownVersion = (model: string, version: string | undefined): Refusal =>
  refuse("unknownVersion", `Request for unknown model: '${model}' version ${version} is not found`)

const notServed = (pinned: string | undefined, reason: string | undefined): string =>
  (pinned === undefined ? "" : `version ${pinned} `) +
  (reason === undefined ? "is not loaded" : `cannot be served: ${reason}`)

/** What is wrong with the names of a model and, perhaps, its version, loaded or not. */
export const targetFault = (
  releases: Releases,
  model: string,
  version: string | undefined,
): Refusal | undefined => {
  const release = releases.model(model)
  if (release === undefined) return unknownModel(model)
  return version === undefined || release.versions.has(version)
    ? undefined
    : unknownVersion(model, version)
}

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
    case "version": {
      const { version, signature, config } = found
      return { kind: "target", model, version, signature, config }
    }
    case "unknown_model":
      return unknownModel(model)
    case "unknown_version":
      return unknownVersion(model, pinned)
    case "unavailable":
      return refuse(
        "modelUnavailable",
        `Request for unavailable model: '${model}' ${notServed(pinned, found.reason)}`,
        { retryAfterSeconds: MODEL_RETRY_AFTER_SECONDS },
      )
  }
}
