// The story of an id for programs: one JSON document with everything that the log has.
import { letterWhole } from "../dead/listing.ts"
import { eventDocument } from "../models/release-history.ts"
import { tensorJson } from "../tensor-json.ts"
import type { FactStory, Story } from "./story.ts"
import { stateOf } from "./story-text.ts"

const factDocument = ({ fact, placed, batch, releases }: FactStory) => {
  const { request, outputs, batch: ran, ...rest } = fact
  return {
    position: placed.position,
    stream: placed.stream,
    sequence: placed.message.sequence,
    /** Of the fact, or of its copy where that is what was read; milliseconds since 1970. */
    factStoredAt: placed.message.storedAt,
    ...rest,
    request: request && { ...request, inputs: request.inputs.map(tensorJson) },
    outputs: outputs?.map(tensorJson),
    batch: batch && { ...ran, proof: batch.proof, memberList: batch.members },
    releases: releases.map(eventDocument),
  }
}

const headersOf = ({ queued }: Story): Readonly<Record<string, string>> =>
  Object.fromEntries((queued?.headers?.keys() ?? []).map((n) => [n, queued?.headers?.get(n) ?? ""]))

export const storyDocument = (story: Story): unknown => ({
  id: story.id,
  model: story.model,
  state: stateOf(story),
  queued: story.queued && {
    sequence: story.queued.sequence,
    storedAt: story.queued.storedAt,
    headers: headersOf(story),
  },
  fact: story.told && factDocument(story.told),
  unreadableFact: story.unreadable && {
    position: story.unreadable.placed.position,
    stream: story.unreadable.placed.stream,
    sequence: story.unreadable.placed.message.sequence,
    bytes: story.unreadable.placed.message.data.byteLength,
    reason: story.unreadable.reason,
  },
  deadLetter: story.letter && letterWhole(story.letter, []),
  chain: story.chain,
  ...story.later,
  erasures: story.erasures,
})
