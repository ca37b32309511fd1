// Reading and appending what suites said about windows. The last finding is the state of the watch:
// appending expects it, so that of two monitors one is first, and one learns it.
import { canonicalJson } from "#core/drift/evaluated"
import type { JsonCodec } from "#proto/event"
import {
  qualityEvaluatedCodec,
  qualityReportCodec,
  qualityReportSubject,
  qualitySubject,
  type QualityEvaluated,
  type QualityReport,
} from "#proto/quality-finding"
import { FINDINGS } from "#proto/subjects"
import { append, LogUnavailable } from "../log/append.ts"
import { lookUp } from "../log/leader-lookup.ts"
import type { Log } from "../log/log.ts"
import type { Stored } from "./findings.ts"

const last = async <A>(log: Log, subject: string, codec: JsonCodec<A>): Promise<Stored<A>> => {
  const found = await lookUp(log, FINDINGS, { last_by_subj: subject })
  return found === undefined
    ? { finding: undefined, sequence: 0 }
    : { finding: codec.decode(found.data), sequence: found.sequence }
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

export const lastQuality = (log: Log, model: string): Promise<Stored<QualityEvaluated>> =>
  last(log, qualitySubject(model), qualityEvaluatedCodec)

export const lastQualityReport = (log: Log, model: string): Promise<Stored<QualityReport>> =>
  last(log, qualityReportSubject(model), qualityReportCodec)

/** The new sequence, or `undefined` when the subject had moved on. @throws LogUnavailable */
export const appendQuality = (
  log: Log,
  finding: QualityEvaluated,
  expected: number,
): Promise<number | undefined> =>
  appendTo(log, qualitySubject(finding.model), qualityEvaluatedCodec.encode(finding), expected)

/** As `appendQuality`, for reports. */
export const appendQualityReport = (
  log: Log,
  report: QualityReport,
  expected: number,
): Promise<number | undefined> =>
  appendTo(log, qualityReportSubject(report.model), qualityReportCodec.encode(report), expected)

/** Whether two findings say the same, whenever they were written. */
export const sameQuality = (a: QualityEvaluated, b: QualityEvaluated): boolean =>
  canonicalJson({ ...a, at: 0 }) === canonicalJson({ ...b, at: 0 })
