// What is read of a fact of each version of a model, by the signatures that were registered.
import { columnPlans, type ColumnPlan, type Kinds } from "#core/drift/columns"
import type { KnownModels } from "#core/drift/names"
import { truthPlans } from "#core/drift/truth"
import type { DriftSettings } from "#core/drift/settings"
import type { Release } from "../registry/release.ts"

export type Plans = (version: string | undefined) => ReadonlyArray<ColumnPlan> | undefined

const kindsOf = (settings: DriftSettings): Kinds =>
  Object.fromEntries(
    Object.entries(settings.columns).flatMap(([name, { kind }]) =>
      kind === undefined ? [] : [[name, kind] as const],
    ),
  )

/** Plans by version, made once each; `undefined` for a version that is not registered. */
export const plansOf = (release: () => Release | undefined, settings: DriftSettings): Plans => {
  const made = new Map<string, ReadonlyArray<ColumnPlan>>()
  const kinds = kindsOf(settings)
  return (version) => {
    if (version === undefined) return undefined
    const known = made.get(version)
    if (known !== undefined) return known
    const registered = release()?.versions.get(version)
    if (registered === undefined) return undefined
    const { signature } = registered
    const plans =
      settings.of === "truth" ? truthPlans(signature, kinds) : columnPlans(signature, kinds)
    made.set(version, plans)
    return plans
  }
}

/** Whose columns a file is read by: the champion, or the latest version where none is yet. */
export const versionInForce = (release: Release | undefined): string | undefined =>
  release?.champion ?? [...(release?.versions.keys() ?? [])].at(-1)

/** The training profile that the champion's signature names: the digest of an artifact. */
export const championProfile = (release: Release | undefined): string | undefined =>
  release?.champion === undefined
    ? undefined
    : release.versions.get(release.champion)?.signature.referenceProfile

/** Every version's signature by model: what names in a configuration are checked against. */
export const signaturesByModel = (models: ReadonlyMap<string, Release>): KnownModels =>
  new Map(
    [...models].map(([name, { versions }]) => [
      name,
      [...versions.values()].map(({ signature }) => signature),
    ]),
  )
