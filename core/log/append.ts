// Appending with an expectation, and trying again until the outcome is known. The log decides who
// was first; this module only makes sure that we learn what it decided.
import { setTimeout as pause } from "node:timers/promises"
import { Schema } from "effect"
import { EXPECTED_LAST_SUBJECT_SEQUENCE } from "../../proto/headers.ts"
import type { HeaderList } from "./header-list.ts"
import type { Published, Publisher } from "./publisher.ts"

/** First and longest pause between two tries; doubled each time. */
const PAUSE_FIRST_MILLIS = 2
const PAUSE_LONGEST_MILLIS = 250
/** How long an append may take in all. A leader that was killed is replaced within some 6 s. */
export const APPEND_DEADLINE_MILLIS = 20_000

/**
 * The log could not take the message in time. Whether it was stored is not known: append it again.
 */
export class LogUnavailable extends Schema.TaggedError<LogUnavailable>()("LogUnavailable", {
  subject: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `the log did not take a message: ${this.reason}`
  }
}

export type Appended =
  | { readonly kind: "stored"; readonly sequence: number }
  /**
   * The subject had moved on: it holds a message, from an earlier try of ours or from somebody
   * else.
   */
  | { readonly kind: "exists" }
  /** Larger than the server takes; trying again cannot help. */
  | { readonly kind: "tooLarge" }

const final = (subject: string, published: Published): Appended | undefined => {
  switch (published.kind) {
    case "stored":
      return { kind: "stored", sequence: published.sequence }
    case "exists":
    case "tooLarge":
      return { kind: published.kind }
    case "refused":
      throw new LogUnavailable({
        subject,
        reason: `refused with ${published.code} ${published.description}`,
      })
    case "undecided":
    case "queued":
    case "full":
    case "storeFull":
    case "unavailable":
      return undefined
  }
}

const describe = (published: Published): string =>
  published.kind === "unavailable" ? published.reason : published.kind

/**
 * Appends a message on condition that the last message of its subject has the sequence `expected`
 * (0: there is none).
 *
 * @throws LogUnavailable when the outcome is still open after `deadlineMillis`.
 */
export const append = async (
  publisher: Publisher,
  subject: string,
  payload: Uint8Array,
  expected: number,
  headers: HeaderList = [],
  deadlineMillis: number = APPEND_DEADLINE_MILLIS,
): Promise<Appended> => {
  const all: HeaderList = [[EXPECTED_LAST_SUBJECT_SEQUENCE, String(expected)], ...headers]
  const deadline = performance.now() + deadlineMillis
  for (let wait = PAUSE_FIRST_MILLIS; ; wait = Math.min(wait * 2, PAUSE_LONGEST_MILLIS)) {
    const published = await publisher.publish(subject, payload, all)
    const outcome = final(subject, published)
    if (outcome !== undefined) return outcome
    if (performance.now() + wait > deadline)
      throw new LogUnavailable({ subject, reason: describe(published) })
    await pause(wait)
  }
}
