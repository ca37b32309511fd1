// Carrying a release command out: read the model's facts, decide, append on condition that nothing
// came in between, and begin again if something did. The log alone says who was first.
import { setTimeout as pause } from "node:timers/promises"
import { Schema } from "effect"
import { releaseCodec } from "#proto/event"
import { isModelName } from "#proto/names"
import type { ReleaseFact } from "#proto/release"
import { EVENTS, eventSubject } from "#proto/subjects"
import { append } from "../log/append.ts"
import { follow } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { LookupFailed } from "../log/read.ts"
import { lookUp } from "../log/leader-lookup.ts"
import { readReleaseFact } from "./release-fact.ts"
import { decide, evolve, initialRelease, ReleaseRefused } from "./release.ts"
import type { Release, ReleaseCommand } from "./release.ts"

/** Decisions made anew because somebody else appended first; eight writers at once needed fewer. */
export const CONFLICTS_MAX = 50
/**
 * Pause after a conflict: a random part of this times the number of conflicts, up to the longest.
 */
const CONFLICT_PAUSE_MILLIS = 4
const CONFLICT_PAUSE_LONGEST_MILLIS = 100
/** Reading the facts of one model: they are few. */
const READ_DEADLINE_MILLIS = 20_000

/** Others kept appending to the model's facts. Nothing is wrong with the command; give it again. */
export class ReleaseContended extends Schema.TaggedError<ReleaseContended>()("ReleaseContended", {
  model: Schema.String,
  conflicts: Schema.Finite,
}) {
  override get message() {
    return `the releases of ${this.model} changed ${this.conflicts} times during one command`
  }
}

/** The state of a model as of one sequence of `EVENTS`; 0 when it has no facts. */
export interface ReleaseAt {
  readonly release: Release
  readonly sequence: number
}

/** Folds in what was stored since `known`. */
const readOn = async (log: Log, known: ReleaseAt): Promise<ReleaseAt> => {
  const subject = eventSubject("release", known.release.model)
  const last = await lookUp(log, EVENTS, { last_by_subj: subject })
  if (last === undefined || last.sequence <= known.sequence) return known
  let { release, sequence } = known
  const from = sequence + 1
  const signal = AbortSignal.timeout(READ_DEADLINE_MILLIS)
  // Not a range: a replica that lags would end it early, and the decision would stand on an old
  // state.
  for await (const entry of follow(log, { stream: EVENTS, from, filter: subject, signal })) {
    release = evolve(release, readReleaseFact(entry), entry.storedAt)
    sequence = entry.sequence
    if (sequence >= last.sequence) return { release, sequence }
  }
  const reason = `the facts of ${release.model} could not be read in time`
  throw new LookupFailed({ stream: EVENTS, reason })
}

/**
 * The releases of one model, as the leader of the stream has them now.
 *
 * @throws LookupFailed, ReleaseUnreadable.
 */
export const readRelease = (log: Log, model: string): Promise<ReleaseAt> =>
  readOn(log, { release: initialRelease(model), sequence: 0 })

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Sequence of the stored fact, or undefined when the subject had moved on. */
const appendFact = async (
  log: Log,
  fact: ReleaseFact,
  expected: number,
): Promise<number | undefined> => {
  const subject = eventSubject("release", fact.model)
  const payload = releaseCodec.encode(fact)
  const appended = await append(log.publisher, subject, payload, expected)
  if (appended.kind === "stored") return appended.sequence
  if (appended.kind === "tooLarge")
    throw new ReleaseRefused({
      model: fact.model,
      command: fact._tag,
      reason: `the fact takes ${payload.byteLength} bytes, more than the log accepts`,
    })
  // An earlier try of ours may have been stored without its ack reaching us.
  const next = await lookUp(log, EVENTS, { seq: expected + 1, next_by_subj: subject })
  return next !== undefined && sameBytes(next.data, payload) ? next.sequence : undefined
}

const conflictPause = (conflicts: number): Promise<void> =>
  pause(Math.random() * Math.min(conflicts * CONFLICT_PAUSE_MILLIS, CONFLICT_PAUSE_LONGEST_MILLIS))

/**
 * Decides on the state that the leader holds and appends the facts, one after another; resolves to
 * the facts that this call appended, none when everything was so already. A command of several
 * facts that is cut off is completed by giving it again.
 *
 * @throws ReleaseRefused, ReleaseContended, LogUnavailable, LookupFailed, ReleaseUnreadable.
 */
export const execute = async (
  log: Log,
  model: string,
  command: ReleaseCommand,
): Promise<ReadonlyArray<ReleaseFact>> => {
  if (!isModelName(model)) {
    const reason = `"${model}" is no model name ([A-Za-z0-9_.-]{1,64})`
    throw new ReleaseRefused({ model, command: command.type, reason })
  }
  const appended: Array<ReleaseFact> = []
  let known: ReleaseAt = { release: initialRelease(model), sequence: 0 }
  for (let conflicts = 0; conflicts <= CONFLICTS_MAX; conflicts++) {
    if (conflicts > 0) await conflictPause(conflicts)
    known = await readOn(log, known)
    const decision = decide(command, known.release)
    if (decision instanceof ReleaseRefused) throw decision
    let expected: number | undefined = known.sequence
    for (const fact of decision) {
      expected = await appendFact(log, fact, expected)
      if (expected === undefined) break
      appended.push(fact)
    }
    if (expected !== undefined) return appended
  }
  throw new ReleaseContended({ model, conflicts: CONFLICTS_MAX })
}
