// Model bytes by their SHA-256: where they are kept is behind `ArtifactStore`; here they become a
// verified file of the local cache, which several processes may share. A file whose bytes do not
// match its name is never handed out.
import { createHash, randomUUID } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { Schema } from "effect"

/** A temporary file that is older was left by a process that died while it fetched. */
const TEMPORARY_AGE_MAX_MILLIS = 3_600_000
const TEMPORARY_SUFFIX = ".part"
const DIGEST = /^[0-9a-f]{64}$/

/** Where model bytes are kept, by digest (SHA-256, hexadecimal). */
export interface ArtifactStore {
  /**
   * Stores the bytes unless they are there already, and resolves to their digest. `bytes` must not
   * change meanwhile.
   *
   * @throws ArtifactStoreFull, ArtifactStoreMissing, or what says that the store cannot be reached
   * now.
   */
  readonly put: (bytes: Uint8Array) => Promise<string>
  /**
   * The bytes, piece by piece, at the reader's pace.
   *
   * @throws ArtifactMissing, ArtifactCorrupt, ArtifactStoreMissing.
   */
  readonly open: (digest: string) => AsyncIterable<Uint8Array>
}

export class ArtifactMissing extends Schema.TaggedError<ArtifactMissing>()("ArtifactMissing", {
  digest: Schema.String,
}) {
  override get message() {
    return `the store holds no model with the digest ${this.digest}`
  }
}

/**
 * What the store returned is not what was put. Importing the model again mends a store that lost a
 * part.
 */
export class ArtifactCorrupt extends Schema.TaggedError<ArtifactCorrupt>()("ArtifactCorrupt", {
  digest: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `the stored model ${this.digest} is damaged: ${this.reason}`
  }
}

export class ArtifactStoreFull extends Schema.TaggedError<ArtifactStoreFull>()(
  "ArtifactStoreFull",
  { bytes: Schema.Finite, usedBytes: Schema.Finite, bytesMax: Schema.Finite },
) {
  override get message() {
    return (
      `a model of ${this.bytes} bytes does not fit into the store, ` +
      `which holds ${this.usedBytes} of at most ${this.bytesMax} bytes`
    )
  }
}

/** The store was never made: that is what provisioning does. */
export class ArtifactStoreMissing extends Schema.TaggedError<ArtifactStoreMissing>()(
  "ArtifactStoreMissing",
  { store: Schema.String },
) {
  override get message() {
    return `the store of models "${this.store}" does not exist; provision the log`
  }
}

/** SHA-256, hexadecimal. */
export const artifactDigest = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex")

const isAbsent = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ENOENT"

/** Digest of a file, or undefined when there is none. */
const fileDigest = async (path: string): Promise<string | undefined> => {
  const hash = createHash("sha256")
  try {
    for await (const piece of createReadStream(path)) hash.update(piece)
  } catch (cause) {
    if (isAbsent(cause)) return undefined
    throw cause
  }
  return hash.digest("hex")
}

const removeAbandoned = async (cacheDir: string): Promise<void> => {
  const oldest = Date.now() - TEMPORARY_AGE_MAX_MILLIS
  for (const name of await readdir(cacheDir)) {
    if (!name.endsWith(TEMPORARY_SUFFIX)) continue
    const path = join(cacheDir, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && found.mtimeMs < oldest) await rm(path, { force: true })
  }
}

/** Writes what the store has into a new file, on disk when it resolves. */
const download = async (store: ArtifactStore, digest: string, path: string): Promise<void> => {
  const file = await open(path, "wx")
  try {
    const hash = createHash("sha256")
    for await (const piece of store.open(digest)) {
      hash.update(piece)
      await file.writeFile(piece)
    }
    const found = hash.digest("hex")
    if (found !== digest)
      throw new ArtifactCorrupt({ digest, reason: `its bytes have the digest ${found}` })
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Path of a local file with exactly these bytes: taken from the cache when it is there and
 * undamaged, else fetched. Its whole content is verified on every call, so call it when a version
 * is loaded, not for each request.
 *
 * @throws ArtifactMissing, ArtifactCorrupt, ArtifactStoreMissing, or an error of the file system.
 */
export const fetchArtifact = async (
  store: ArtifactStore,
  digest: string,
  cacheDir: string,
): Promise<string> => {
  if (!DIGEST.test(digest)) throw new ArtifactMissing({ digest })
  const path = join(cacheDir, `${digest}.onnx`)
  if ((await fileDigest(path)) === digest) return path
  await mkdir(cacheDir, { recursive: true })
  await removeAbandoned(cacheDir)
  const temporary = join(cacheDir, `${digest}.${randomUUID()}${TEMPORARY_SUFFIX}`)
  try {
    await download(store, digest, temporary)
    // Whoever has the damaged or an equal file open keeps it; whoever opens next gets this one
    // whole.
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  return path
}
