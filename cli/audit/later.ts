// What came after the answer: the windows of drift detection that it fell into, and its ground
// truth, as far as the log has them.
import { findMatching, type Placed } from "#core/log/find"
import { readRange } from "#core/log/follow"
import type { Log } from "#core/log/log"
import { readable } from "#core/log/readable"
import {
  driftFindingCodec,
  driftSubject,
  windowFindingCodec,
  windowSubject,
  type DriftFinding,
  type WindowEvaluated,
} from "#proto/finding"
import { FINDINGS, outcomeSubject, PREDICTIONS } from "#proto/subjects"

/** One outcome and its corrections. */
const OUTCOMES_MOST = 100

export interface Outcome {
  readonly position: number
  readonly storedAt: number
  /** As it was sent; text where it is no JSON. */
  readonly value: unknown
}

/** A message that stands where something about the id could stand, and cannot be read. */
export interface UnreadableNote {
  readonly stream: string
  readonly sequence: number
  readonly reason: string
}

export interface Later {
  readonly windows: ReadonlyArray<WindowEvaluated>
  /** Drift that began or ended with one of these windows. */
  readonly drift: ReadonlyArray<DriftFinding>
  readonly outcomes: ReadonlyArray<Outcome>
  readonly unreadable: ReadonlyArray<UnreadableNote>
}

const findings = async <A>(
  log: Log,
  filter: string,
  codec: { readonly decode: (bytes: Uint8Array) => A },
  unreadable: Array<UnreadableNote>,
): Promise<ReadonlyArray<A>> => {
  const { state } = await log.manager.streams.info(FINDINGS)
  const found: Array<A> = []
  const range = { stream: FINDINGS, from: state.first_seq, to: Infinity, filter }
  for await (const { data, sequence } of readRange(log, range)) {
    const read = readable(codec, data)
    if (read.kind === "read") found.push(read.value)
    else unreadable.push({ stream: FINDINGS, sequence, reason: read.reason })
  }
  return found
}

const valueOf = (data: Uint8Array): unknown => {
  const text = new TextDecoder().decode(data)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const outcomeOf = ({ position, message }: Placed): Outcome => ({
  position,
  storedAt: message.storedAt,
  value: valueOf(message.data),
})

/** `known` are outcomes that were found on the way, in the long log. */
export const findLater = async (
  log: Log,
  model: string,
  id: string,
  position: number,
  known: ReadonlyArray<Outcome>,
): Promise<Later> => {
  const unreadable: Array<UnreadableNote> = []
  const windows = (await findings(log, windowSubject(model), windowFindingCodec, unreadable))
    .filter((finding) => finding._tag === "WindowEvaluated")
    .filter(({ window }) => window.from <= position && position <= window.to)
  const numbers = new Set(windows.map(({ number }) => number))
  const allDrift = await findings(log, driftSubject(model), driftFindingCodec, unreadable)
  const drift = allDrift.filter(
    ({ number, window }) => numbers.has(number) && window.to >= position,
  )
  const subject = outcomeSubject(model, id)
  const hot = await findMatching(log, PREDICTIONS, subject, OUTCOMES_MOST)
  const outcomes = hot.map((message) =>
    outcomeOf({ stream: PREDICTIONS, position: message.sequence, subject, message }),
  )
  const seen = new Set(outcomes.map((outcome) => outcome.position))
  return {
    windows,
    drift,
    outcomes: [...known.filter((one) => !seen.has(one.position)), ...outcomes],
    unreadable,
  }
}
