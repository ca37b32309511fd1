// Models and versions for people and for programs.
import type { RegisteredVersion, Release } from "#core/registry/release"
import type { Feature } from "#proto/signature"
import { bytesText, fields, shorten, table, timeText } from "../table.ts"
import { releaseWords, type ReleaseEvent } from "./release-history.ts"

const DIGEST_SHOWN_CHARACTERS = 12

const loadedVersions = ({ versions }: Release): ReadonlyArray<string> =>
  [...versions].flatMap(([version, { loaded }]) => (loaded ? [version] : []))

const isServed = ({ champion, versions }: Release): boolean =>
  champion !== undefined && versions.get(champion)?.loaded === true

/** One model in the form for programs. */
export const modelDocument = (release: Release) => ({
  model: release.model,
  champion: release.champion,
  evidence: release.evidence,
  served: isServed(release),
  versions: [...release.versions].map(([version, known]) => ({
    version,
    loaded: known.loaded,
    digest: known.digest,
    bytes: known.bytes,
    source: known.source,
    signatureDigest: known.signatureDigest,
  })),
})

export const modelsText = (releases: ReadonlyArray<Release>): string =>
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
          isServed(release) ? "yes" : "no",
          loadedVersions(release).join(", ") || "-",
          `${release.versions.size}`,
          release.evidence ?? "-",
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
      events.map(({ storedAt, fact }) => [timeText(storedAt), releaseWords(fact)]),
    ),
  )
  return blocks.join("\n\n")
}
