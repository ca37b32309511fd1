// From model files on disk to facts and stored bytes: each version is inspected, its bytes are
// stored by digest, it is registered, and the highest one is promoted where nobody else has
// decided. Importing the same again appends nothing.
import { realpath } from "node:fs/promises"
import { dirname, join } from "node:path"
import { isVersionName } from "#proto/names"
import { importSuites } from "../gates/import.ts"
import { execute, readRelease } from "./commands.ts"
import { CONFIG_FILE } from "./model-config.ts"
import {
  isAbsent,
  ModelFileMissing,
  readRegularFile,
  scanDirectory,
  SIGNATURE_FILE,
  type FoundVersion,
} from "./model-files.ts"
import { readConfig, register, type ImportDependencies, type Refusal } from "./register-version.ts"
import { ReleaseUnreadable } from "./release-fact.ts"

export type { ImportDependencies }

/** The version of a single model that comes without a version file. */
export const VERSION_DEFAULT = "1"
const VERSION_FILE_BYTES_MAX = 1_024

export interface AcceptedVersion {
  readonly outcome: "imported" | "unchanged"
  readonly model: string
  readonly version: string
  readonly path: string
}

export interface RefusedImport {
  readonly outcome: "refused"
  /** The file or folder that is at fault. */
  readonly path: string
  readonly reason: string
  /** Missing where the path gives no valid name. */
  readonly model?: string
  readonly version?: string
}

export type ImportedVersion = AcceptedVersion | RefusedImport

export interface ImportReport {
  readonly versions: ReadonlyArray<ImportedVersion>
  /** What this import promoted. */
  readonly promoted: ReadonlyArray<{ readonly model: string; readonly version: string }>
  /** Models whose configuration this import changed. */
  readonly configured: ReadonlyArray<string>
}

const NOTHING: ImportReport = { versions: [], promoted: [], configured: [] }

const importReadable = async (
  deps: ImportDependencies,
  model: string,
  found: ReadonlyArray<FoundVersion>,
  source: string,
  configPath: string,
): Promise<ImportReport> => {
  const configured = await readConfig(configPath, model)
  if ("refused" in configured) {
    const { path, refused: reason } = configured
    return { ...NOTHING, versions: [{ outcome: "refused", path, reason, model }] }
  }
  const { release } = await readRelease(deps.log, model)
  const versions: Array<ImportedVersion> = []
  const accepted: Array<string> = []
  for (const one of found) {
    const { version, path } = one
    const result = await register(deps, one, source, release, configured)
    if ("refused" in result) {
      const { refused: reason, path: at } = result
      versions.push({ outcome: "refused", path: at, reason, model, version })
    } else {
      versions.push({ ...result, model, version, path })
      accepted.push(version)
    }
  }
  if (accepted.length === 0) return { ...NOTHING, versions }
  const at = deps.now()
  const { config } = configured.file
  // Before the promotion: what becomes live is served as it says from its first request on.
  const changes = Bun.deepEquals(config, release.config ?? {})
    ? []
    : await execute(deps.log, model, { type: "Configure", config, source, at })
  const facts = await execute(deps.log, model, { type: "PromoteImported", versions: accepted, at })
  return {
    versions,
    promoted: facts.flatMap((fact) =>
      "version" in fact ? [{ model, version: fact.version }] : [],
    ),
    configured: changes.length === 0 ? [] : [model],
  }
}

/** All versions of one model; refused, all of them, when its releases cannot be read. */
const importModel = async (
  deps: ImportDependencies,
  model: string,
  found: ReadonlyArray<FoundVersion>,
  source: string,
  configPath: string,
): Promise<ImportReport> => {
  try {
    return await importReadable(deps, model, found, source, configPath)
  } catch (cause) {
    if (!(cause instanceof ReleaseUnreadable)) throw cause
    const reason = cause.message
    const refuse = ({ version, path }: FoundVersion): ImportedVersion => ({
      outcome: "refused",
      path,
      reason,
      model,
      version,
    })
    return { ...NOTHING, versions: found.map(refuse) }
  }
}

/**
 * Imports every `<model>/<version>/model.onnx` (with `signature.json` beside it) below a directory,
 * and `<model>/config.pbtxt` for how its versions are served.
 * What cannot be imported is in the report; the rest is imported all the same. A model's highest
 * version becomes champion as `PromoteImported` allows.
 *
 * @throws ModelFileMissing when there is no such directory; what says that log or store are out of
 * reach or full; what `inspect` throws.
 */
export const importDirectory = async (
  deps: ImportDependencies,
  directory: string,
): Promise<ImportReport> => {
  const found = await scanDirectory(directory)
  const versions: Array<ImportedVersion> = found.misplaced.map((misplaced) => ({
    outcome: "refused",
    ...misplaced,
  }))
  const promoted: Array<ImportReport["promoted"][number]> = []
  const configured: Array<string> = []
  for (const [model, ofModel] of Map.groupBy(found.versions, (one) => one.model)) {
    const report = await importModel(
      deps,
      model,
      ofModel,
      "directory",
      join(directory, model, CONFIG_FILE),
    )
    versions.push(...report.versions)
    promoted.push(...report.promoted)
    configured.push(...report.configured)
    if (report.versions.every(({ outcome }) => outcome === "refused")) continue
    const refused = await importSuites(deps, model, join(directory, model))
    if (refused !== undefined) versions.push({ outcome: "refused", model, ...refused })
  }
  return { versions, promoted, configured }
}

export interface SingleModel {
  readonly model: string
  readonly modelPath: string
  /** A file of one line: the version. */
  readonly versionPath: string
  /** Whether the file must be there because somebody named it, rather than a default. */
  readonly modelRequired: boolean
  readonly versionRequired: boolean
}

/**
 * The path behind links, which an operator may well use here; `undefined` when there is nothing.
 */
const located = async (path: string, required: boolean): Promise<string | undefined> => {
  try {
    return await realpath(path)
  } catch (cause) {
    if (!isAbsent(cause)) throw cause
    if (required) throw new ModelFileMissing({ path })
    return undefined
  }
}

const readVersion = async (single: SingleModel): Promise<string | Refusal> => {
  const { versionPath: path, versionRequired } = single
  const real = await located(path, versionRequired)
  if (real === undefined) return VERSION_DEFAULT
  const content = await readRegularFile(real, VERSION_FILE_BYTES_MAX)
  if (content === undefined) return VERSION_DEFAULT
  if ("refused" in content) return { path, ...content }
  const version = new TextDecoder().decode(content.bytes).trim()
  if (isVersionName(version)) return version
  const refused = `"${version}" is no version name (one line, 1 to 64 of A-Z, a-z, 0-9, "_", "-")`
  return { path, refused }
}

/**
 * Imports one model file, with `signature.json` beside it. A file that is not there and was not
 * required gives an empty report; a version file that is not there means version "1".
 *
 * @throws ModelFileMissing when a required file is not there, and as `importDirectory`.
 */
export const importFile = async (
  deps: ImportDependencies,
  single: SingleModel,
): Promise<ImportReport> => {
  const { model, modelPath, modelRequired } = single
  const path = await located(modelPath, modelRequired)
  if (path === undefined) return NOTHING
  const version = await readVersion(single)
  if (typeof version !== "string") {
    const { path: at, refused: reason } = version
    return { ...NOTHING, versions: [{ outcome: "refused", path: at, reason, model }] }
  }
  const signaturePath = join(dirname(modelPath), SIGNATURE_FILE)
  const configPath = join(dirname(modelPath), CONFIG_FILE)
  return importModel(deps, model, [{ model, version, path, signaturePath }], "file", configPath)
}
