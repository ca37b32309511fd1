// The decisions about one model as they were taken: facts of its releases with when the server
// stored them. A message that holds no such fact is among them, and says so.
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { readReleaseFact, ReleaseUnreadable } from "#core/registry/release-fact"
import type { ReleaseFact } from "#proto/release"
import { EVENTS, eventSubject } from "#proto/subjects"

interface Stored {
  readonly sequence: number
  readonly storedAt: number
}

export interface UnreadableEvent extends Stored {
  readonly kind: "unreadable"
  readonly reason: string
}

export type ReleaseEvent =
  (Stored & { readonly kind: "fact"; readonly fact: ReleaseFact }) | UnreadableEvent

/** All release facts of a model, the oldest first. */
export const releaseHistory = async (
  log: Log,
  model: string,
): Promise<ReadonlyArray<ReleaseEvent>> => {
  const events: Array<ReleaseEvent> = []
  // Nothing is ever dropped from this stream, but its beginning may have been mended away.
  const { state } = await log.manager.streams.info(EVENTS)
  const from = Math.max(1, state.first_seq)
  const range = { stream: EVENTS, from, to: Infinity, filter: eventSubject("release", model) }
  for await (const entry of readRange(log, range)) {
    const { sequence, storedAt } = entry
    try {
      events.push({ kind: "fact", sequence, storedAt, fact: readReleaseFact(entry) })
    } catch (cause) {
      if (!(cause instanceof ReleaseUnreadable)) throw cause
      events.push({ kind: "unreadable", sequence, storedAt, reason: cause.reason })
    }
  }
  return events
}

/** What a release fact says, in a few words. */
export const releaseWords = (fact: ReleaseFact): string => {
  switch (fact._tag) {
    case "VersionRegistered":
      return `version ${fact.version} registered (${fact.source})`
    case "Promoted":
      return `version ${fact.version} promoted (${fact.evidence})`
    case "VersionUnloaded":
      return `version ${fact.version} unloaded`
    case "VersionLoaded":
      return `version ${fact.version} loaded`
    case "ModelConfigured":
      return `configured (${fact.source}): ${JSON.stringify(fact.config)}`
    default:
      return fact satisfies never
  }
}

export const eventWords = (event: ReleaseEvent): string =>
  event.kind === "fact" ? releaseWords(event.fact) : `unreadable: ${event.reason}`

/** For programs, without the signature, which stands elsewhere. */
export const eventDocument = (event: ReleaseEvent) => {
  const { sequence, storedAt } = event
  if (event.kind === "unreadable") return { sequence, storedAt, unreadable: event.reason }
  const { signature: _, ...shown } = { signature: undefined, ...event.fact }
  return { sequence, storedAt, ...shown }
}
