// Named places in the log that people set: here a month ended, here a release began. A mark stands
// behind everything that was stored when it was set.
import { markCodec, markSubject, type MarkSet } from "#proto/finding"
import { FINDINGS, PREDICTIONS } from "#proto/subjects"
import { LogUnavailable } from "../log/append.ts"
import { readRange, type Entry } from "../log/follow.ts"
import type { Log } from "../log/log.ts"

/** The last position that is taken. */
export const lastPosition = async (log: Log): Promise<number> =>
  (await log.manager.streams.info(PREDICTIONS)).state.last_seq

/** Sets a mark behind the last fact. `now` is in milliseconds since 1970. @throws LogUnavailable */
export const setMark = async (
  log: Log,
  model: string,
  name: string,
  now: number,
): Promise<MarkSet> => {
  const mark: MarkSet = {
    _tag: "MarkSet",
    model,
    name,
    position: await lastPosition(log),
    at: now,
  }
  const subject = markSubject(model)
  const published = await log.publisher.publish(subject, markCodec.encode(mark))
  if (published.kind !== "stored") throw new LogUnavailable({ subject, reason: published.kind })
  return mark
}

export const readMark = (entry: Pick<Entry, "data">): MarkSet => markCodec.decode(entry.data)

/** All marks of a model, in the order in which they were set. */
export const readMarks = async (log: Log, model: string): Promise<ReadonlyArray<MarkSet>> => {
  const { state } = await log.manager.streams.info(FINDINGS)
  const marks: Array<MarkSet> = []
  const range = {
    stream: FINDINGS,
    from: state.first_seq,
    to: state.last_seq,
    filter: markSubject(model),
  }
  for await (const entry of readRange(log, range)) marks.push(readMark(entry))
  return marks
}
