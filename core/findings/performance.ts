// The findings about the quality of a model's windows: the last one of each window counts. They are
// appended only behind what their writer knows, so that of two writers one learns of the other.
import { canonicalJson } from "#core/drift/evaluated"
import { performanceCodec, performanceSubject, type PerformanceMeasured } from "#proto/outcome"
import { FINDINGS } from "#proto/subjects"
import { append, LogUnavailable } from "../log/append.ts"
import { readRange } from "../log/follow.ts"
import type { Log } from "../log/log.ts"
import { readable } from "../log/readable.ts"

export interface KnownPerformance {
  /** The last finding of each window, by its number. */
  readonly windows: Map<number, PerformanceMeasured>
  /** Sequence of the last finding about the model; 0 where there is none. */
  readonly sequence: number
}

/** What is known of a model. A finding that cannot be read is written anew. */
export const readPerformance = async (log: Log, model: string): Promise<KnownPerformance> => {
  const { state } = await log.manager.streams.info(FINDINGS)
  const windows = new Map<number, PerformanceMeasured>()
  let last = 0
  const range = { stream: FINDINGS, from: Math.max(1, state.first_seq), to: Infinity }
  const filter = performanceSubject(model)
  for await (const { data, sequence } of readRange(log, { ...range, filter })) {
    const read = readable(performanceCodec, data)
    if (read.kind === "read") windows.set(read.value.number, read.value)
    last = sequence
  }
  return { windows, sequence: last }
}

/**
 * Appends behind `expected`; answers the new sequence, or undefined when the subject had moved on.
 *
 * @throws LogUnavailable
 */
export const appendPerformance = async (
  log: Log,
  finding: PerformanceMeasured,
  expected: number,
): Promise<number | undefined> => {
  const subject = performanceSubject(finding.model)
  const payload = performanceCodec.encode(finding)
  const appended = await append(log.publisher, subject, payload, expected)
  if (appended.kind === "tooLarge")
    throw new LogUnavailable({ subject, reason: `a finding of ${payload.byteLength} bytes` })
  return appended.kind === "stored" ? appended.sequence : undefined
}

/** Whether two findings say the same, whenever they were written. */
export const samePerformance = (a: PerformanceMeasured, b: PerformanceMeasured): boolean =>
  canonicalJson({ ...a, at: 0 }) === canonicalJson({ ...b, at: 0 })
