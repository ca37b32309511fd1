// What the live monitor found of a model in the order in which it found it, so that time travel can
// go by the same references and go on from the same place.
import { windowFindingCodec, type ReferenceTaken } from "#proto/finding"
import type { WindowFinding } from "#proto/finding"
import { FINDINGS } from "#proto/subjects"
import { readRange } from "../log/follow.ts"
import { windowsSubject } from "./findings.ts"
import type { WindowsOf } from "./sources.ts"
import type { Log } from "../log/log.ts"

/** All findings about the windows of a model that are kept. */
export const readCourse = async (
  log: Log,
  model: string,
  of: WindowsOf = "predictions",
): Promise<ReadonlyArray<WindowFinding>> => {
  const { state } = await log.manager.streams.info(FINDINGS)
  const course: Array<WindowFinding> = []
  const filter = windowsSubject(model, of)
  const range = { stream: FINDINGS, from: state.first_seq, to: state.last_seq, filter }
  for await (const { data } of readRange(log, range)) course.push(windowFindingCodec.decode(data))
  return course
}

/** The monitor's last window; `undefined` where it made none. */
export const lastEvaluated = async (log: Log, model: string, of: WindowsOf) =>
  (await readCourse(log, model, of)).findLast((one) => one._tag === "WindowEvaluated")

const endOf = (finding: WindowFinding): number =>
  finding._tag === "ReferenceTaken" ? finding.position : finding.window.to

/** The position behind the last reference that began everything anew; 0 without one. */
export const lastBeginning = (course: ReadonlyArray<WindowFinding>): number =>
  course
    .filter((one) => one._tag === "ReferenceTaken")
    .findLast(({ carried }) => carried === undefined)?.position ?? 0

export interface CourseFrom {
  /** Digest of the reference that windows from a position on were compared with. */
  readonly reference: string
  /** What was found right before that position; absent where no window began there. */
  readonly before: WindowFinding | undefined
  /** References that were taken at or behind it. */
  readonly taken: ReadonlyArray<ReferenceTaken>
}

/** How the course goes on from a position; `undefined` where no reference was ever taken. */
export const courseFrom = (
  course: ReadonlyArray<WindowFinding>,
  from: number,
): CourseFrom | undefined => {
  const references = course.filter((one) => one._tag === "ReferenceTaken")
  const behind = references.findLast(({ position }) => position < from)
  const inForce = behind ?? references[0]
  if (inForce === undefined) return undefined
  return {
    reference: inForce.reference,
    before: course.findLast((one) => endOf(one) === from - 1),
    taken: references.filter(({ position }) => position >= from),
  }
}
