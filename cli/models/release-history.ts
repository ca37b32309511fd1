// The decisions about one model as they were taken: facts of its releases with when the server
// stored them.
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { readReleaseFact } from "#core/registry/release-fact"
import type { ReleaseFact } from "#proto/release"
import { EVENTS, eventSubject } from "#proto/subjects"

export interface ReleaseEvent {
  readonly sequence: number
  readonly storedAt: number
  readonly fact: ReleaseFact
}

/** All release facts of a model, the oldest first. @throws ReleaseUnreadable. */
export const releaseHistory = async (
  log: Log,
  model: string,
): Promise<ReadonlyArray<ReleaseEvent>> => {
  const events: Array<ReleaseEvent> = []
  // Nothing is ever dropped from this stream, so that 1 is always there to begin at.
  const range = { stream: EVENTS, from: 1, to: Infinity, filter: eventSubject("release", model) }
  for await (const entry of readRange(log, range)) {
    const { sequence, storedAt } = entry
    events.push({ sequence, storedAt, fact: readReleaseFact(entry) })
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
    default:
      return fact satisfies never
  }
}
