// Reading and appending what observers found. The last finding about a model's windows is the state
// of its monitor: appending expects it, so that of two monitors one is first, and one learns it.
import { canonicalJson } from "#core/drift/evaluated"
import {
  driftFindingCodec,
  driftSubject,
  truthSubject,
  windowFindingCodec,
  windowSubject,
  type DriftFinding,
  type WindowFinding,
} from "#proto/finding"
import { FINDINGS } from "#proto/subjects"
import { readRange } from "../log/follow.ts"
import { append, LogUnavailable } from "../log/append.ts"
import type { Log } from "../log/log.ts"
import { lookUp } from "../log/leader-lookup.ts"
import type { WindowsOf } from "./sources.ts"

/** A finding and its sequence in `FINDINGS`; 0 where there is none. */
export interface Stored<A> {
  readonly finding: A | undefined
  readonly sequence: number
}

/** Where the findings about windows of a model are, by what the windows are of. */
export const windowsSubject = (model: string, of: WindowsOf): string =>
  of === "truth" ? truthSubject(model) : windowSubject(model)

/** The last finding about the windows of a model, as the leader has it. */
export const lastWindow = async (
  log: Log,
  model: string,
  of: WindowsOf = "predictions",
): Promise<Stored<WindowFinding>> => {
  const found = await lookUp(log, FINDINGS, { last_by_subj: windowsSubject(model, of) })
  return found === undefined
    ? { finding: undefined, sequence: 0 }
    : { finding: windowFindingCodec.decode(found.data), sequence: found.sequence }
}

/** The last report of drift of a model. */
export const lastDrift = async (log: Log, model: string): Promise<Stored<DriftFinding>> => {
  const found = await lookUp(log, FINDINGS, { last_by_subj: driftSubject(model) })
  return found === undefined
    ? { finding: undefined, sequence: 0 }
    : { finding: driftFindingCodec.decode(found.data), sequence: found.sequence }
}

const appendTo = async (
  log: Log,
  subject: string,
  payload: Uint8Array,
  expected: number,
): Promise<number | undefined> => {
  const appended = await append(log.publisher, subject, payload, expected)
  if (appended.kind === "stored") return appended.sequence
  if (appended.kind === "tooLarge")
    throw new LogUnavailable({ subject, reason: `a finding of ${payload.byteLength} bytes` })
  return undefined
}

/**
 * Appends behind `expected`; answers the new sequence, or `undefined` when the subject had moved
 * on: by somebody else, or by an earlier try of this one.
 *
 * @throws LogUnavailable
 */
export const appendWindow = (
  log: Log,
  finding: WindowFinding,
  expected: number,
  of: WindowsOf = "predictions",
): Promise<number | undefined> => {
  const subject = windowsSubject(finding.model, of)
  return appendTo(log, subject, windowFindingCodec.encode(finding), expected)
}

/** Ids of the reports of drift of a model from a sequence of `FINDINGS` on. */
export const reportedSince = async (
  log: Log,
  model: string,
  sequence: number,
): Promise<ReadonlySet<string>> => {
  const { state } = await log.manager.streams.info(FINDINGS)
  const ids = new Set<string>()
  const range = { from: Math.max(1, sequence), to: state.last_seq, filter: driftSubject(model) }
  for await (const { data } of readRange(log, { stream: FINDINGS, ...range }))
    ids.add(driftFindingCodec.decode(data).id)
  return ids
}

/** As `appendWindow`, for reports of drift. */
export const appendDrift = (
  log: Log,
  finding: DriftFinding,
  expected: number,
): Promise<number | undefined> =>
  appendTo(log, driftSubject(finding.model), driftFindingCodec.encode(finding), expected)

/** Whether two findings say the same, whenever they were written. */
export const sameFinding = (
  a: WindowFinding | DriftFinding,
  b: WindowFinding | DriftFinding,
): boolean => canonicalJson({ ...a, at: 0 }) === canonicalJson({ ...b, at: 0 })
