// Facts about which versions of a model exist and which is live. They are never evicted; state is
// their fold.
import { Schema } from "effect"
import { ModelName, VersionName } from "./names.ts"
import { ServingConfig } from "./serving-config.ts"
import { Signature } from "./signature.ts"

/** Milliseconds since 1970. */
const At = Schema.Finite

/** Both stand in every fact of the version, where no other text has room. */
const Sha256 = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u))

export const VersionRegistered = Schema.TaggedStruct("VersionRegistered", {
  model: ModelName,
  version: VersionName,
  /** SHA-256 of the model's bytes, hexadecimal: its name in the object store. */
  digest: Sha256,
  bytes: Schema.Int,
  signature: Signature,
  signatureDigest: Sha256,
  /** Where the bytes came from: a directory, a file, the protocol, a training run. */
  source: Schema.String,
  at: At,
})
export const Promoted = Schema.TaggedStruct("Promoted", {
  model: ModelName,
  version: VersionName,
  evidence: Schema.String,
  at: At,
})
/** The version is no longer served. It stays registered and can be loaded again. */
export const VersionUnloaded = Schema.TaggedStruct("VersionUnloaded", {
  model: ModelName,
  version: VersionName,
  at: At,
})
export const VersionLoaded = Schema.TaggedStruct("VersionLoaded", {
  model: ModelName,
  version: VersionName,
  at: At,
})

/** How the model is served from now on; all of it, not what changed. */
export const ModelConfigured = Schema.TaggedStruct("ModelConfigured", {
  model: ModelName,
  config: ServingConfig,
  source: Schema.String,
  at: At,
})

export const ReleaseFact = Schema.Union([
  VersionRegistered,
  Promoted,
  VersionUnloaded,
  VersionLoaded,
  ModelConfigured,
]).pipe(Schema.toTaggedUnion("_tag"))
export type ReleaseFact = typeof ReleaseFact.Type
