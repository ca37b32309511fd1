// From a stored message to the release fact in it. What is stored under a release subject and is no
// such fact means that the log was damaged or written by something else: that is a defect, never
// skipped.
import { Schema } from "effect"
import { releaseCodec } from "#proto/event"
import type { ReleaseFact } from "#proto/release"
import { modelOfEvent } from "#proto/subjects"

/**
 * A message under a release subject holds no fact of its model. Nothing can be said about releases
 * until it is mended.
 */
export class ReleaseUnreadable extends Schema.TaggedError<ReleaseUnreadable>()(
  "ReleaseUnreadable",
  { subject: Schema.String, sequence: Schema.Finite, reason: Schema.String },
) {
  override get message() {
    return `${this.subject} at sequence ${this.sequence} is no release fact: ${this.reason}`
  }
}

export interface StoredFact {
  readonly subject: string
  readonly sequence: number
  readonly data: Uint8Array
}

/** @throws ReleaseUnreadable */
export const readReleaseFact = ({ subject, sequence, data }: StoredFact): ReleaseFact => {
  const unreadable = (reason: string) => new ReleaseUnreadable({ subject, sequence, reason })
  let fact: ReleaseFact
  try {
    fact = releaseCodec.decode(data)
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause))
  }
  if (fact.model !== modelOfEvent(subject)) throw unreadable(`it belongs to ${fact.model}`)
  return fact
}
