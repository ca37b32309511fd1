// Finding and reading model files on disk: which versions a directory holds, and what lies there
// but cannot be one. It follows no symbolic link below the directory and takes only regular files.
import { constants } from "node:fs"
import { lstat, open, readdir, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { Schema } from "effect"
import { isModelName, isVersionName } from "#proto/names"

export const MODEL_FILE = "model.onnx"
export const SIGNATURE_FILE = "signature.json"
/** An ONNX file is one protobuf message, which cannot be larger. */
export const MODEL_BYTES_MAX = 2 * 1024 ** 3 - 1
export const SIGNATURE_BYTES_MAX = 4 * 1024 ** 2

/** A file or directory that was named explicitly is not there. */
export class ModelFileMissing extends Schema.TaggedError<ModelFileMissing>()("ModelFileMissing", {
  path: Schema.String,
}) {
  override get message() {
    return `${this.path} does not exist`
  }
}

export interface FoundVersion {
  readonly model: string
  readonly version: string
  /** The model file. */
  readonly path: string
  readonly signaturePath: string
}

/** Something that has no place in the layout `<model>/<version>/model.onnx`. */
export interface Misplaced {
  readonly path: string
  readonly reason: string
}

export interface FoundFiles {
  readonly versions: ReadonlyArray<FoundVersion>
  readonly misplaced: ReadonlyArray<Misplaced>
}

/** Whether the file system says that there is nothing under the path. */
export const isAbsent = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && ["ENOENT", "ENOTDIR"].includes(String(cause.code))

const LAYOUT = `expected <model>/<version>/${MODEL_FILE}`
const LINK = "it is a symbolic link; only regular files and folders are imported"

interface Listed {
  readonly folders: ReadonlyArray<{ readonly name: string; readonly path: string }>
  readonly misplaced: ReadonlyArray<Misplaced>
}

/**
 * Hidden entries are passed over, and so are files that belong to other servers (model code,
 * labels).
 */
const list = async (directory: string): Promise<Listed> => {
  const entries = (await readdir(directory, { withFileTypes: true }))
    .filter(({ name }) => !name.startsWith("."))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const folders: Array<{ name: string; path: string }> = []
  const misplaced: Array<Misplaced> = []
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isSymbolicLink()) misplaced.push({ path, reason: LINK })
    else if (entry.isDirectory()) folders.push({ name: entry.name, path })
    else if (entry.name.endsWith(".onnx")) misplaced.push({ path, reason: LAYOUT })
  }
  return { folders, misplaced }
}

const unfitVersion = async (folder: string, version: string): Promise<string | undefined> => {
  if (!isVersionName(version))
    return `"${version}" is no version name (1 to 64 of A-Z, a-z, 0-9, "_", "-")`
  try {
    const found = await lstat(join(folder, MODEL_FILE))
    if (found.isSymbolicLink()) return LINK
    return found.isFile() ? undefined : `${MODEL_FILE} is no regular file`
  } catch (cause) {
    if (isAbsent(cause)) return `it holds no ${MODEL_FILE}`
    throw cause
  }
}

const scanModel = async (model: string, folder: string): Promise<FoundFiles> => {
  if (!isModelName(model)) {
    const reason = `"${model}" is no model name (1 to 64 of A-Z, a-z, 0-9, "_", "-", ".")`
    return { versions: [], misplaced: [{ path: folder, reason }] }
  }
  const listed = await list(folder)
  const versions: Array<FoundVersion> = []
  const misplaced: Array<Misplaced> = [...listed.misplaced]
  for (const { name: version, path } of listed.folders) {
    const reason = await unfitVersion(path, version)
    if (reason !== undefined) misplaced.push({ path, reason })
    else {
      const signaturePath = join(path, SIGNATURE_FILE)
      versions.push({ model, version, path: join(path, MODEL_FILE), signaturePath })
    }
  }
  if (versions.length + misplaced.length === 0)
    misplaced.push({ path: folder, reason: `it holds no version; ${LAYOUT}` })
  return { versions, misplaced }
}

/**
 * The versions in a directory of the layout `<model>/<version>/model.onnx`, by model and version
 * name.
 *
 * @throws ModelFileMissing when the directory does not exist.
 */
export const scanDirectory = async (directory: string): Promise<FoundFiles> => {
  const top = await list(directory).catch((cause: unknown) => {
    throw isAbsent(cause) ? new ModelFileMissing({ path: directory }) : cause
  })
  const models: Array<FoundFiles> = []
  for (const { name, path } of top.folders) models.push(await scanModel(name, path))
  return {
    versions: models.flatMap(({ versions }) => versions),
    misplaced: [...top.misplaced, ...models.flatMap(({ misplaced }) => misplaced)],
  }
}

/** Bytes, or why they are none; `undefined` when there is no file. */
export type FileContent = { readonly bytes: Uint8Array } | { readonly refused: string } | undefined

const read = async (file: FileHandle, bytesMax: number): Promise<FileContent> => {
  const before = await file.stat()
  if (!before.isFile()) return { refused: "it is no regular file" }
  if (before.size > bytesMax)
    return { refused: `it has ${before.size} bytes, more than ${bytesMax}` }
  const bytes = await file.readFile()
  const after = await file.stat()
  if (after.mtimeMs !== before.mtimeMs || bytes.byteLength !== before.size)
    return { refused: "it changed while it was read" }
  return { bytes }
}

/** Reads a regular file, whole. A link in the place of the file is refused, not followed. */
export const readRegularFile = async (path: string, bytesMax: number): Promise<FileContent> => {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  let file: FileHandle
  try {
    file = await open(path, flags)
  } catch (cause) {
    if (isAbsent(cause)) return undefined
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
    return { refused: code === "ELOOP" ? LINK : `it cannot be opened: ${code}` }
  }
  try {
    return await read(file, bytesMax)
  } finally {
    await file.close()
  }
}
