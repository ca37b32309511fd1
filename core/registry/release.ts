// Which versions a model has, which are loaded and which one is champion, told as facts: `decide`
// turns a command into facts or refuses it, `evolve` folds facts into state. Pure: time comes in
// with the command; whoever appends the facts checks the expected sequence.
import { Schema } from "effect"
import { compareVersions, isVersionName } from "#proto/names"
import {
  ModelConfigured,
  Promoted,
  ReleaseFact,
  VersionLoaded,
  VersionRegistered,
  VersionUnloaded,
} from "#proto/release"
import type { ServingConfig } from "#proto/serving-config"
import type { Signature } from "#proto/signature"

/** Evidence of a promotion that an import made because nobody else had decided. */
export const DIRECTORY_EVIDENCE = "directory"

export interface Register {
  readonly type: "Register"
  readonly version: string
  /** SHA-256 of the model's bytes, hexadecimal. */
  readonly digest: string
  readonly bytes: number
  readonly signature: Signature
  readonly signatureDigest: string
  readonly source: string
  /** Milliseconds since 1970, as in every command. */
  readonly at: number
}

/** Makes a loaded version the champion, whatever the champion is now. */
export interface Promote {
  readonly type: "Promote"
  readonly version: string
  readonly evidence: string
  readonly at: number
}

/**
 * What an import asks for: makes the highest of its versions that is loaded the champion, but only
 * if there is no champion, or if that is a lower version that an import promoted. It never goes
 * back, never overrules a promotion with other evidence, never serves what somebody unloaded, and
 * is never refused.
 */
export interface PromoteImported {
  readonly type: "PromoteImported"
  readonly versions: ReadonlyArray<string>
  readonly at: number
}

/** Without a version: all versions, as the protocol's unload of a model means it. */
export interface Unload {
  readonly type: "Unload"
  readonly version?: string | undefined
  readonly at: number
}

/** Without a version: all versions. */
export interface Load {
  readonly type: "Load"
  readonly version?: string | undefined
  readonly at: number
}

/** How the model is to be served from now on; all of it. */
export interface Configure {
  readonly type: "Configure"
  readonly config: ServingConfig
  readonly source: string
  readonly at: number
}

export type ReleaseCommand = Register | Promote | PromoteImported | Unload | Load | Configure

export interface RegisteredVersion {
  readonly digest: string
  readonly bytes: number
  readonly signature: Signature
  readonly signatureDigest: string
  readonly source: string
  readonly loaded: boolean
  /**
   * When the server stored that it was unloaded, milliseconds since 1970: what had been queued by
   * then is still answered by it.
   */
  readonly unloadedAt?: number
}

/** The releases of one model. */
export interface Release {
  readonly model: string
  /** In the order of registration. */
  readonly versions: ReadonlyMap<string, RegisteredVersion>
  /**
   * The version that answers when none is pinned. It stays champion while it is unloaded: the model
   * is unavailable then, until it is loaded again or another version is promoted. No request slides
   * silently to another version.
   */
  readonly champion: string | undefined
  /** Why the champion was promoted. */
  readonly evidence: string | undefined
  /** Absent where nothing was configured. */
  readonly config?: ServingConfig
}

export const initialRelease = (model: string): Release => ({
  model,
  versions: new Map(),
  champion: undefined,
  evidence: undefined,
})

/** The command contradicts what was decided before; trying again cannot help. */
export class ReleaseRefused extends Schema.TaggedError<ReleaseRefused>()("ReleaseRefused", {
  model: Schema.String,
  command: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `${this.command} of ${this.model} refused: ${this.reason}`
  }
}

type Decision = ReadonlyArray<ReleaseFact> | ReleaseRefused

/**
 * What the command changes: nothing (it is already so), facts to append in this order, or a
 * refusal.
 */
export const decide = (command: ReleaseCommand, release: Release): Decision => {
  switch (command.type) {
    case "Register":
      return register(command, release)
    case "Promote":
      return promote(command, release)
    case "PromoteImported":
      return promoteImported(command, release)
    case "Unload":
      return setLoaded(command, release, false)
    case "Load":
      return setLoaded(command, release, true)
    case "Configure":
      return configure(command, release)
  }
}

const refused = (command: ReleaseCommand, { model }: Release, reason: string) =>
  new ReleaseRefused({ model, command: command.type, reason })

const register = (command: Register, release: Release): Decision => {
  const { type: _, ...fields } = command
  const { version, digest, signatureDigest } = command
  if (!isVersionName(version))
    return refused(command, release, `"${version}" is no version name ([A-Za-z0-9_-]{1,64})`)
  const known = release.versions.get(version)
  if (known === undefined) return [VersionRegistered.make({ model: release.model, ...fields })]
  const other = (what: string) =>
    refused(
      command,
      release,
      `version ${version} is registered with ${what}; a change needs a new version`,
    )
  if (known.digest !== digest) return other("other bytes")
  if (known.signatureDigest !== signatureDigest) return other("another signature")
  return []
}

const promote = (command: Promote, release: Release): Decision => {
  const { version, evidence, at } = command
  const known = release.versions.get(version)
  if (known === undefined) return refused(command, release, `version ${version} is not registered`)
  if (!known.loaded) return refused(command, release, `version ${version} is unloaded`)
  if (release.champion === version) return []
  return [Promoted.make({ model: release.model, version, evidence, at })]
}

const promoteImported = (command: PromoteImported, release: Release): Decision => {
  const { model, champion, evidence, versions } = release
  const version = command.versions
    .filter((name) => versions.get(name)?.loaded === true)
    .toSorted(compareVersions)
    .at(-1)
  if (version === undefined) return []
  const follows =
    champion === undefined ||
    (evidence === DIRECTORY_EVIDENCE && compareVersions(version, champion) > 0)
  if (!follows) return []
  return [Promoted.make({ model, version, evidence: DIRECTORY_EVIDENCE, at: command.at })]
}

const setLoaded = (command: Unload | Load, release: Release, loaded: boolean): Decision => {
  const { version, at } = command
  const { model, versions } = release
  if (version !== undefined && !versions.has(version))
    return refused(command, release, `version ${version} is not registered`)
  if (versions.size === 0) return refused(command, release, "the model has no versions")
  const Fact = loaded ? VersionLoaded : VersionUnloaded
  return [...versions]
    .filter(([name, known]) => known.loaded !== loaded && (version ?? name) === name)
    .map(([name]) => Fact.make({ model, version: name, at }))
}

/** What is so already, down to nothing at all, is not said again. */
const configure = ({ type: _, ...command }: Configure, { model, config }: Release): Decision =>
  Bun.deepEquals(config ?? {}, command.config) ? [] : [ModelConfigured.make({ model, ...command })]

const withLoaded = (
  release: Release,
  version: string,
  change: { readonly loaded: boolean; readonly unloadedAt?: number },
): Release => {
  const known = release.versions.get(version)
  if (known === undefined) return release
  const { unloadedAt: _, ...rest } = known
  return { ...release, versions: new Map(release.versions).set(version, { ...rest, ...change }) }
}

/** `storedAt` is when the server stored the fact, milliseconds since 1970. */
export const evolve = (release: Release, fact: ReleaseFact, storedAt: number = fact.at): Release =>
  ReleaseFact.match(fact, {
    VersionRegistered: ({ version, digest, bytes, signature, signatureDigest, source }) => ({
      ...release,
      versions: new Map(release.versions).set(version, {
        digest,
        bytes,
        signature,
        signatureDigest,
        source,
        loaded: true,
      }),
    }),
    Promoted: ({ version, evidence }) => ({ ...release, champion: version, evidence }),
    VersionUnloaded: ({ version }) =>
      withLoaded(release, version, { loaded: false, unloadedAt: storedAt }),
    VersionLoaded: ({ version }) => withLoaded(release, version, { loaded: true }),
    ModelConfigured: ({ config }) => ({ ...release, config }),
  })
