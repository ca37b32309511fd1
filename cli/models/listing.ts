// Models and versions for people and for programs.
import { initialRelease, type RegisteredVersion, type Release } from "#core/registry/release"
import type { ReleaseUnreadable } from "#core/registry/release-fact"
import type { Feature } from "#proto/signature"
import { bytesText, fields, shorten, table, timeText } from "../table.ts"
import { eventWords, type ReleaseEvent } from "./release-history.ts"

const DIGEST_SHOWN_CHARACTERS = 12

const loadedVersions = ({ versions }: Release): ReadonlyArray<string> =>
  [...versions].flatMap(([version, { loaded }]) => (loaded ? [version] : []))

const isServed = ({ champion, versions }: Release): boolean =>
  champion !== undefined && versions.get(champion)?.loaded === true

/** Models by name, with what makes them unreadable. */
export type Broken = ReadonlyMap<string, ReleaseUnreadable>

/** Every model that has a release or something unreadable in its place. */
export const allModels = (
  known: ReadonlyMap<string, Release>,
  broken: Broken,
): ReadonlyArray<Release> => [
  ...known.values(),
  ...[...broken.keys()].filter((model) => !known.has(model)).map(initialRelease),
]

/** One model in the form for programs. */
export const modelDocument = (release: Release, unreadable?: ReleaseUnreadable) => ({
  model: release.model,
  champion: release.champion,
  evidence: release.evidence,
  served: unreadable === undefined && isServed(release),
  unreadable: unreadable && { sequence: unreadable.sequence, reason: unreadable.message },
  versions: [...release.versions].map(([version, known]) => ({
    version,
    loaded: known.loaded,
    digest: known.digest,
    bytes: known.bytes,
    source: known.source,
    signatureDigest: known.signatureDigest,
  })),
})

const evidenceOf = ({ evidence }: Release, unreadable: ReleaseUnreadable | undefined): string =>
  unreadable === undefined
    ? (evidence ?? "-")
    : `unreadable at event ${unreadable.sequence}: ./weir models mend ${unreadable.model}`

export const modelsText = (releases: ReadonlyArray<Release>, broken: Broken): string =>
  releases.length === 0
    ? "no model is registered; ./weir models import DIR registers some"
    : table(
        [
          { name: "MODEL" },
          { name: "CHAMPION" },
          { name: "SERVED" },
          { name: "LOADED" },
          { name: "VERSIONS", align: "right" },
          { name: "EVIDENCE" },
        ],
        releases.map((release) => [
          release.model,
          release.champion ?? "-",
          isServed(release) && !broken.has(release.model) ? "yes" : "no",
          loadedVersions(release).join(", ") || "-",
          `${release.versions.size}`,
          evidenceOf(release, broken.get(release.model)),
        ]),
      )

const versionRow = (
  { champion }: Release,
  version: string,
  known: RegisteredVersion,
): ReadonlyArray<string> => [
  version,
  version === champion ? "champion" : "",
  known.loaded ? "yes" : "no",
  bytesText(known.bytes),
  known.digest.slice(0, DIGEST_SHOWN_CHARACTERS),
  known.source,
]

const featureRow = ({ name, type, missing, range, categories }: Feature): ReadonlyArray<string> => [
  name,
  type,
  missing === "nan" ? "may be missing" : "required",
  range === undefined ? shorten((categories ?? []).join(", "), 60) : `${range[0]} to ${range[1]}`,
]

/** Everything about one model: versions, what the champion takes, and what was decided when. */
export const modelText = (release: Release, events: ReadonlyArray<ReleaseEvent>): string => {
  const signature = release.versions.get(release.champion ?? "")?.signature
  const blocks = [
    fields([
      ["model", release.model],
      ["champion", release.champion ?? "none"],
      ["evidence", release.evidence],
      ["task", signature?.task],
    ]),
    table(
      [
        { name: "VERSION" },
        { name: "" },
        { name: "LOADED" },
        { name: "SIZE", align: "right" },
        { name: "DIGEST" },
        { name: "SOURCE" },
      ],
      [...release.versions].map(([version, known]) => versionRow(release, version, known)),
    ),
  ]
  if (signature !== undefined && signature.features.length > 0) {
    const heads = [{ name: "FEATURE" }, { name: "TYPE" }, { name: "MISSING" }, { name: "SEEN" }]
    blocks.push(table(heads, signature.features.map(featureRow)))
  }
  blocks.push(
    table(
      [{ name: "WHEN" }, { name: "DECISION" }],
      events.map((event) => [timeText(event.storedAt), eventWords(event)]),
    ),
  )
  return blocks.join("\n\n")
}
