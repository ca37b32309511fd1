// One version on its way into the registry: its files are read and held against what is configured,
// its bytes are stored, and it is registered. What the release holds already is left as it is.
import type { DeclaredSignature, Signature } from "#proto/signature"
import { ModelRefused } from "../inference/model-refused.ts"
import { parseDeclaredSignature, signatureDigest } from "../inference/signature-derivation.ts"
import type { Log } from "../log/log.ts"
import { artifactDigest, type ArtifactStore } from "./artifacts.ts"
import { execute } from "./commands.ts"
import type { Inspect } from "./inspection.ts"
import {
  CONFIG_BYTES_MAX,
  modelConfigFault,
  parseModelConfig,
  type ModelConfigFile,
} from "./model-config.ts"
import {
  MODEL_BYTES_MAX,
  readRegularFile,
  SIGNATURE_BYTES_MAX,
  type FoundVersion,
} from "./model-files.ts"
import { decide, ReleaseRefused, type Register, type Release } from "./release.ts"

export interface ImportDependencies {
  readonly log: Log
  readonly artifacts: ArtifactStore
  readonly inspect: Inspect
  /** Milliseconds since 1970; goes into the facts. */
  readonly now: () => number
}

interface Files {
  readonly bytes: Uint8Array
  readonly declared: DeclaredSignature | undefined
}
export type Refusal = { readonly path: string; readonly refused: string }

const readDeclared = async (
  path: string,
): Promise<{ readonly declared: DeclaredSignature | undefined } | Refusal> => {
  const content = await readRegularFile(path, SIGNATURE_BYTES_MAX)
  if (content === undefined) return { declared: undefined }
  if ("refused" in content) return { path, ...content }
  try {
    return { declared: parseDeclaredSignature(new TextDecoder().decode(content.bytes)) }
  } catch (cause) {
    if (cause instanceof ModelRefused) return { path, refused: cause.reason }
    throw cause
  }
}

const readFiles = async ({ path, signaturePath }: FoundVersion): Promise<Files | Refusal> => {
  const model = await readRegularFile(path, MODEL_BYTES_MAX)
  if (model === undefined) return { path, refused: "it was removed" }
  if ("refused" in model) return { path, ...model }
  const signature = await readDeclared(signaturePath)
  return "refused" in signature ? signature : { ...model, ...signature }
}

/** Whether the registered signature already says all that is declared. */
const says = (signature: Signature, declared: DeclaredSignature | undefined): boolean => {
  const said = new Map<string, unknown>(Object.entries(signature))
  return Object.entries(declared ?? {}).every(([field, value]) =>
    Bun.deepEquals(said.get(field), value),
  )
}

/** What says how all versions of a model are served; nothing where there is no such file. */
export interface Configured {
  readonly path: string
  readonly file: ModelConfigFile
}

const NO_CONFIG: ModelConfigFile = { config: {}, inputs: [], outputs: [] }

/** The configuration beside a model; an empty one where there is none. */
export const readConfig = async (path: string, model: string): Promise<Configured | Refusal> => {
  const content = await readRegularFile(path, CONFIG_BYTES_MAX)
  if (content === undefined) return { path, file: NO_CONFIG }
  if ("refused" in content) return { path, ...content }
  const file = parseModelConfig(new TextDecoder().decode(content.bytes), model)
  return "refused" in file ? { path, ...file } : { path, file }
}

const misfit = ({ path, file }: Configured, signature: Signature): Refusal | undefined => {
  const fault = modelConfigFault(file, signature)
  return fault === undefined ? undefined : { path, refused: fault }
}

export type Outcome = { readonly outcome: "imported" | "unchanged" } | Refusal

/**
 * Registers what was read, unless the release already holds it: then nothing is loaded, which makes
 * starts quick.
 */
export const register = async (
  deps: ImportDependencies,
  found: FoundVersion,
  source: string,
  release: Release,
  configured: Configured,
): Promise<Outcome> => {
  const { model, version, path } = found
  const files = await readFiles(found)
  if ("refused" in files) return files
  const { bytes, declared } = files
  const of = (signature: Signature, digestOfSignature: string): Register => ({
    type: "Register",
    version,
    digest: artifactDigest(bytes),
    bytes: bytes.byteLength,
    signature,
    signatureDigest: digestOfSignature,
    source,
    at: deps.now(),
  })
  const known = release.versions.get(version)
  if (known !== undefined) {
    const decision = decide(of(known.signature, known.signatureDigest), release)
    if (decision instanceof ReleaseRefused) return { path, refused: decision.reason }
    if (says(known.signature, declared)) {
      const unfit = misfit(configured, known.signature)
      if (unfit !== undefined) return unfit
      // Mends a store that lost the bytes; otherwise it only looks.
      await deps.artifacts.put(bytes)
      return { outcome: "unchanged" }
    }
  }
  const inspection = await deps.inspect(bytes, declared)
  if ("refused" in inspection) return { path, ...inspection }
  const unfit = misfit(configured, inspection.signature)
  if (unfit !== undefined) return unfit
  await deps.artifacts.put(bytes)
  const command = of(inspection.signature, signatureDigest(inspection.signature))
  try {
    const facts = await execute(deps.log, model, command)
    return { outcome: facts.length > 0 ? "imported" : "unchanged" }
  } catch (cause) {
    if (cause instanceof ReleaseRefused) return { path, refused: cause.reason }
    throw cause
  }
}
