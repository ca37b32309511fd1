// From a stored message to the release fact in it. What is stored under a release subject and is no
// such fact means that the log was damaged or written by something else: it is never skipped, since
// what follows it would be folded into a wrong state. The model waits until it is mended.
import { Schema } from "effect"
import { releaseCodec } from "#proto/event"
import type { ReleaseFact } from "#proto/release"
import { modelOfEvent } from "#proto/subjects"

/**
 * A message under a release subject holds no fact of its model. Nothing can be said about that
 * model until the message is removed; every other model goes on.
 */
export class ReleaseUnreadable extends Schema.TaggedError<ReleaseUnreadable>()(
  "ReleaseUnreadable",
  { subject: Schema.String, sequence: Schema.Finite, reason: Schema.String },
) {
  override get message() {
    const { subject, sequence, reason } = this
    const remedy = `./weir models mend ${this.model} shows and removes it`
    return `${subject} at sequence ${sequence} is no release fact (${reason}); ${remedy}`
  }

  get model(): string {
    return modelOfEvent(this.subject)
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
