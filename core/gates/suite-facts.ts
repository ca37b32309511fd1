// The facts about suites on the log: reading them and appending them. The log alone says who was
// first.
import { UnreadableRecord } from "#proto/message-pack"
import { isModelName } from "#proto/names"
import { qualityCodec, type QualityFact } from "#proto/quality"
import { EVENTS, eventSubject, modelOfEvent } from "#proto/subjects"
import { append } from "../log/append.ts"
import { follow, type Entry } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { lookUp } from "../log/leader-lookup.ts"
import { LookupFailed } from "../log/read.ts"
import { readRelease } from "../registry/commands.ts"
import {
  decide,
  evolve,
  noSuites,
  SuiteNotTaken,
  type ModelSuites,
  type SuiteCommand,
} from "./suites.ts"

const CONFLICTS_MAX = 10
/** The facts about one model's suites are few. */
const READ_DEADLINE_MILLIS = 20_000

type Stored = Pick<Entry, "subject" | "data">

/** @throws UnreadableRecord */
export const readQualityFact = ({ subject, data }: Stored): QualityFact => {
  const fact = qualityCodec.decode(data)
  if (fact.model === modelOfEvent(subject)) return fact
  throw new UnreadableRecord({ record: "quality fact", reason: `it belongs to ${fact.model}` })
}

/** The suites of a model as the leader has them; 0 for a model without facts. */
export const readSuites = async (
  log: Log,
  model: string,
): Promise<{ readonly suites: ModelSuites; readonly sequence: number }> => {
  const filter = eventSubject("quality", model)
  let suites = noSuites(model)
  const last = await lookUp(log, EVENTS, { last_by_subj: filter })
  if (last === undefined) return { suites, sequence: 0 }
  const signal = AbortSignal.timeout(READ_DEADLINE_MILLIS)
  for await (const entry of follow(log, { stream: EVENTS, from: 1, filter, signal })) {
    suites = evolve(suites, readQualityFact(entry))
    if (entry.sequence >= last.sequence) return { suites, sequence: entry.sequence }
  }
  throw new LookupFailed({ stream: EVENTS, reason: `${filter} could not be read in time` })
}

/**
 * Decides on what the log holds and appends the fact; resolves to the facts that were appended,
 * none where nothing changed. A gate must suit every version of the model that is loaded.
 *
 * @throws SuiteNotTaken, LogUnavailable, LookupFailed, UnreadableRecord, ReleaseUnreadable.
 */
export const changeSuites = async (
  log: Log,
  model: string,
  command: SuiteCommand,
): Promise<ReadonlyArray<QualityFact>> => {
  if (!isModelName(model)) throw new SuiteNotTaken({ model, reason: "it is no model name" })
  const { release } = await readRelease(log, model)
  const loaded = [...release.versions.values()].filter((version) => version.loaded)
  if (loaded.length === 0) throw new SuiteNotTaken({ model, reason: "there is no such model" })
  const signatures = loaded.map(({ signature }) => signature)
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
    const { suites, sequence } = await readSuites(log, model)
    const facts = decide(command, suites, signatures)
    if (facts instanceof SuiteNotTaken) throw facts
    const [fact] = facts
    if (fact === undefined) return []
    const subject = eventSubject("quality", model)
    const payload = qualityCodec.encode(fact)
    const appended = await append(log.publisher, subject, payload, sequence)
    if (appended.kind === "stored") return facts
    if (appended.kind === "tooLarge")
      throw new SuiteNotTaken({ model, reason: "the suite is larger than the log accepts" })
    // An earlier try of ours may have been stored without its ack reaching us.
    const next = await lookUp(log, EVENTS, { seq: sequence + 1, next_by_subj: subject })
    if (next !== undefined && Buffer.compare(next.data, payload) === 0) return facts
  }
  throw new SuiteNotTaken({ model, reason: "others keep changing its suites; try again" })
}
