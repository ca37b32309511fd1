// The facts about keys on the log: reading them and appending them. The log alone says who was
// first.
import { Schema } from "effect"
import { accessCodec, isCallerName, type AccessFact } from "#proto/access"
import { EVENTS, eventSubject, modelOfEvent } from "#proto/subjects"
import { append } from "../log/append.ts"
import { follow, type Entry } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { lookUp } from "../log/leader-lookup.ts"
import { LookupFailed } from "../log/read.ts"
import {
  AccessRefused,
  decide,
  evolve,
  initialCaller,
  type AccessCommand,
  type CallerKeys,
} from "./access.ts"

const CONFLICTS_MAX = 10
/** The facts about one caller are few. */
const READ_DEADLINE_MILLIS = 20_000

/** A message under a key's subject is no fact about it: nobody is let in until it is mended. */
export class AccessUnreadable extends Schema.TaggedError<AccessUnreadable>()("AccessUnreadable", {
  subject: Schema.String,
  sequence: Schema.Finite,
  reason: Schema.String,
}) {
  override get message() {
    return `${this.subject} at sequence ${this.sequence} is no fact about a key: ${this.reason}`
  }
}

/** @throws AccessUnreadable */
export const readAccessFact = (entry: Pick<Entry, "subject" | "sequence" | "data">): AccessFact => {
  const { subject, sequence, data } = entry
  let fact: AccessFact
  try {
    fact = accessCodec.decode(data)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new AccessUnreadable({ subject, sequence, reason })
  }
  if (fact.name === modelOfEvent(subject)) return fact
  throw new AccessUnreadable({ subject, sequence, reason: `it belongs to ${fact.name}` })
}

interface CallerAt {
  readonly caller: CallerKeys
  readonly sequence: number
}

const readCaller = async (log: Log, name: string): Promise<CallerAt> => {
  const filter = eventSubject("key", name)
  let caller = initialCaller(name)
  const last = await lookUp(log, EVENTS, { last_by_subj: filter })
  if (last === undefined) return { caller, sequence: 0 }
  const signal = AbortSignal.timeout(READ_DEADLINE_MILLIS)
  for await (const entry of follow(log, { stream: EVENTS, from: 1, filter, signal })) {
    caller = evolve(caller, readAccessFact(entry))
    if (entry.sequence >= last.sequence) return { caller, sequence: entry.sequence }
  }
  throw new LookupFailed({ stream: EVENTS, reason: `${filter} could not be read in time` })
}

/** Sequence of the stored fact, or undefined when the subject had moved on. */
const appendFact = async (
  log: Log,
  fact: AccessFact,
  expected: number,
): Promise<number | undefined> => {
  const subject = eventSubject("key", fact.name)
  const payload = accessCodec.encode(fact)
  const appended = await append(log.publisher, subject, payload, expected)
  if (appended.kind === "stored") return appended.sequence
  // An earlier try of ours may have been stored without its ack reaching us.
  const next = await lookUp(log, EVENTS, { seq: expected + 1, next_by_subj: subject })
  return next !== undefined && Buffer.compare(next.data, payload) === 0 ? next.sequence : undefined
}

/**
 * Decides on what the log holds about a caller and appends the facts; resolves to those that were
 * appended.
 *
 * @throws AccessRefused, LogUnavailable, LookupFailed, AccessUnreadable.
 */
export const changeAccess = async (
  log: Log,
  name: string,
  command: AccessCommand,
): Promise<ReadonlyArray<AccessFact>> => {
  const facts: Array<AccessFact> = []
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
    // What is no name must not become part of a subject: the decision refuses it.
    const known = isCallerName(name)
      ? await readCaller(log, name)
      : { caller: initialCaller(name), sequence: 0 }
    const decision = decide(command, known.caller)
    if (decision instanceof AccessRefused) throw decision
    let expected: number | undefined = known.sequence
    for (const fact of decision) {
      expected = await appendFact(log, fact, expected)
      if (expected === undefined) break
      facts.push(fact)
    }
    if (expected !== undefined) return facts
  }
  throw new AccessRefused({ name, reason: "others keep changing it; try again" })
}
