// The story of an id for people: one section after another, in the order in which things happened.
import { HISTORY } from "#proto/subjects"
import { letterText } from "../dead/listing.ts"
import { eventWords } from "../models/release-history.ts"
import { bytesText, durationText, fields, shorten, timeText } from "../table.ts"
import { tensorLine } from "../tensor-json.ts"
import type { BatchStory } from "./batch.ts"
import type { Link } from "./chain.ts"
import type { FactStory, Story } from "./story.ts"

const DIGEST_SHOWN_CHARACTERS = 16
const MEMBERS_SHOWN = 16
const OUTCOME_SHOWN_CHARACTERS = 200
const UNREADABLE_SHOWN = 16

type Pairs = ReadonlyArray<readonly [name: string, value: string | undefined]>

const section = (title: string, body: string): string => (body === "" ? "" : `${title}\n${body}`)
const pairs = (title: string, list: Pairs): string => section(title, fields(list, "  "))

const requestText = ({ fact }: FactStory): string =>
  pairs("REQUEST", [
    ["caller", fact.caller ?? "not named"],
    ["request id", fact.requestId],
    ["trace", fact.traceparent],
    ["client's id", fact.request?.clientId],
    ["pinned version", fact.pinned],
    ["idempotency key", fact.keyed === true ? "yes, the id was made from it" : undefined],
    ["data quality", fact.quality?.message],
    ["digest", fact.digest],
    ...(fact.request?.inputs.map(tensorLine) ?? [
      ["inputs", "could not be read, or are too large for the fact; the dead letter has the bytes"],
    ]),
  ])

const since = (at: number | undefined, start: number): string | undefined =>
  at === undefined ? undefined : `${timeText(at)}  +${durationText(Math.max(0, at - start))}`

const timesText = ({ fact: { times, deliveries }, placed }: FactStory): string => {
  const isCopy = placed.stream === HISTORY
  return pairs("TIMES", [
    ["stored", `${timeText(times.stored)}  in the queue`],
    ["taken", `${since(times.taken, times.stored)}  by a predictor, delivery ${deliveries}`],
    ["begun", since(times.begun, times.stored)],
    ["ended", since(times.ended, times.stored)],
    [isCopy ? "copied" : "fact stored", since(placed.message.storedAt, times.stored)],
  ])
}

const PROOFS = {
  verified: "verified: the digest in the fact is that of these members",
  incomplete: "not all of its rows are found, so that the digest cannot be checked",
  wrong: "WRONG: the digest in the fact is not that of these members",
} as const

const batchText = ({ batch, members, proof }: BatchStory, id: string): string => {
  const shown = members.slice(0, MEMBERS_SHOWN).map((member): Pairs[number] => {
    const last = member.offset + member.size - 1
    const rows = member.size === 1 ? `row ${member.offset}` : `rows ${member.offset} to ${last}`
    return [member.id, `${rows}, position ${member.position}${member.id === id ? "  (this)" : ""}`]
  })
  const more = members.length - shown.length
  return [
    pairs("BATCH", [
      ["id", batch.id],
      ["rows", `${batch.rows}, this request's from ${batch.offset}, ${batch.size} of them`],
      ["ran", batch.ran],
      ["members", `${members.length}, digest ${batch.members}`],
      ["proof", PROOFS[proof]],
    ]),
    fields(shown, "    "),
    ...(more > 0 ? [`    and ${more} more`] : []),
  ].join("\n")
}

const modelText = ({ fact, releases }: FactStory): string =>
  [
    pairs("MODEL", [
      ["version", fact.version ?? "none could be chosen"],
      ["model digest", fact.modelDigest],
      ["signature digest", fact.signatureDigest],
      ["runtime", fact.runtime],
    ]),
    ...releases.map(
      (event) => `  ${timeText(event.storedAt)}  ${eventWords(event)}, event ${event.sequence}`,
    ),
  ].join("\n")

const answerText = ({ fact }: FactStory): string =>
  fact.failure === undefined
    ? pairs("OUTPUT", fact.outputs?.map(tensorLine) ?? [])
    : pairs("FAILURE", [
        ["reason", fact.failure.reason],
        ["message", fact.failure.message],
      ])

const chainText = ({ id, chain }: Story): string => {
  const line = (link: Link): Pairs[number] => [
    link.id,
    link.retryOf === undefined ? link.state : `${link.state}, sent again for ${link.retryOf}`,
  ]
  const links = [...chain.before.map(line), [id, "this"] as const, ...chain.after.map(line)]
  return links.length === 1 ? "" : pairs("CHAIN OF RETRIES", links)
}

const laterText = ({ later }: Story): string => {
  const windows = later.windows.map((window): Pairs[number] => [
    `drift window ${window.number}`,
    `positions ${window.window.from} to ${window.window.to}, verdict ${window.verdict}, ` +
      `reference ${window.reference.slice(0, DIGEST_SHOWN_CHARACTERS)}`,
  ])
  const drift = later.drift.map((one): Pairs[number] => [
    one._tag === "DriftDetected" ? "drift began" : "drift over",
    `window ${one.number}: ${one.features.map(({ name }) => name).join(", ")}`,
  ])
  const outcomes = later.outcomes.map(({ storedAt, value }): Pairs[number] => [
    "ground truth",
    `${timeText(storedAt)} ${shorten(JSON.stringify(value), OUTCOME_SHOWN_CHARACTERS)}`,
  ])
  return pairs("LATER", [
    ...(windows.length === 0 ? [["drift windows", "none"] as const] : windows),
    ...drift,
    ...(outcomes.length === 0 ? [["ground truth", "none"] as const] : outcomes),
  ])
}

/** In one word, what became of it. */
export const stateOf = ({ told, unreadable, queued, letter, erasures }: Story): string => {
  if (unreadable !== undefined) return "unreadable"
  if (told !== undefined) return told.fact.failure === undefined ? "answered" : "failed"
  if (queued !== undefined) return "queued"
  if (letter !== undefined) return "dead"
  return erasures.length > 0 ? "erased" : "unknown"
}

const unreadableText = ({ unreadable }: Story): string =>
  unreadable === undefined
    ? ""
    : pairs("UNREADABLE FACT", [
        ["why", unreadable.reason],
        ["stored", timeText(unreadable.placed.message.storedAt)],
        ["sequence", `${unreadable.placed.message.sequence} of ${unreadable.placed.stream}`],
        ["size", bytesText(unreadable.placed.message.data.byteLength)],
      ])

/** What stands where a finding or a record could tell of this id, and cannot be read. */
const notesText = ({ later: { unreadable } }: Story): string =>
  pairs(
    "UNREADABLE",
    unreadable
      .slice(0, UNREADABLE_SHOWN)
      .map(({ stream, sequence, reason }) => [`${stream} ${sequence}`, reason]),
  )

const erasuresText = ({ erasures }: Story): string =>
  pairs(
    "ERASED",
    erasures.map(({ at, by, positions }) => [
      timeText(at),
      `by ${by}; positions ${positions.join(", ") || "none"}`,
    ]),
  )

const queuedText = ({ queued }: Story): string =>
  queued === undefined
    ? ""
    : pairs("QUEUED", [
        ["stored", timeText(queued.storedAt)],
        ["sequence", `${queued.sequence} of the queue; it has not ended yet`],
        ...(queued.headers?.keys() ?? []).map((name): Pairs[number] => [
          name,
          queued.headers?.get(name),
        ]),
      ])

export const storyText = (story: Story): string => {
  const { told, letter } = story
  return [
    fields([
      ["id", story.id],
      ["model", story.model],
      ["state", stateOf(story)],
      ["position", told === undefined ? undefined : `${told.placed.position}`],
      ["read from", told?.placed.stream],
    ]),
    queuedText(story),
    unreadableText(story),
    ...(told === undefined
      ? []
      : [
          requestText(told),
          timesText(told),
          modelText(told),
          told.batch === undefined ? "" : batchText(told.batch, story.id),
          answerText(told),
        ]),
    letter === undefined
      ? ""
      : section("DEAD LETTER", letterText(letter, []).replaceAll(/^/gmu, "  ")),
    chainText(story),
    told === undefined ? "" : laterText(story),
    notesText(story),
    erasuresText(story),
  ]
    .filter((text) => text !== "")
    .join("\n\n")
}
