// Erasing what the log holds of some ids: recorded first, then removed from the hot log before the
// long one (or the server could copy it again), then from the dead letters, and looked for again.
import { eraseMessage, sweepQueueFiles } from "#core/log/erase"
import { ErasureRecorder } from "#core/log/erasures"
import type { Log } from "#core/log/log"
import { erasureOwner, type Erased } from "#proto/erasure"
import { isModelName } from "#proto/names"
import { DEAD_LETTERS, HISTORY, PREDICTIONS } from "#proto/subjects"
import { startProgress } from "../progress.ts"
import { eraseReferences, type ErasedReference } from "./references.ts"
import { isHeld, type Holdings, type Place } from "./places.ts"

/** The model in the record of a dead letter whose subject named none. */
const UNNAMED_MODEL = "unnamed"
const ORDER: ReadonlyArray<Place["stream"]> = [PREDICTIONS, HISTORY, DEAD_LETTERS]

export interface ErasedId {
  readonly id: string
  readonly model: string
  /** What this command removed. */
  readonly facts: number
  readonly copies: number
  readonly deadLetters: number
  /** Places that still hold something; none unless the server failed. */
  readonly left: number
}

const positionsOf = ({ places }: Holdings): ReadonlyArray<number> => [
  ...new Set(places.flatMap(({ position }) => position ?? [])),
]

const lettersOf = ({ places }: Holdings): ReadonlyArray<number> =>
  places.flatMap(({ stream, sequence }) => (stream === DEAD_LETTERS ? [sequence] : []))

const eraseOne = async (
  log: Log,
  recorder: ErasureRecorder,
  holdings: Holdings,
  by: string,
  at: number,
): Promise<ErasedId | Erased> => {
  const { id, places, caller } = holdings
  const model = isModelName(holdings.model) ? holdings.model : UNNAMED_MODEL
  const before = await recorder.record({
    _tag: "Erased",
    model,
    id,
    positions: positionsOf(holdings),
    deadLetters: lettersOf(holdings),
    ...(caller === undefined ? {} : { owner: erasureOwner(id, caller) }),
    by,
    at,
  })
  const removed: Array<Place> = []
  for (const stream of ORDER) {
    for (const place of places) {
      if (place.stream !== stream) continue
      if (await eraseMessage(log, stream, place.sequence)) removed.push(place)
    }
  }
  const held = await Promise.all(places.map((place) => isHeld(log, place)))
  const left = held.filter((one) => one).length
  // Somebody else erases the same at this moment.
  if (before !== undefined && removed.length + left === 0) return before
  const count = (stream: Place["stream"]) => removed.filter((one) => one.stream === stream).length
  return {
    id,
    model,
    facts: count(PREDICTIONS),
    copies: count(HISTORY),
    deadLetters: count(DEAD_LETTERS),
    left,
  }
}

export interface ErasureResult {
  readonly erased: ReadonlyArray<ErasedId>
  /** What others erased meanwhile. */
  readonly already: ReadonlyArray<Erased>
  /** References of drift that held rows of it. */
  readonly references: ReadonlyArray<ErasedReference>
  /** Whether the files of the queue were given up, in which answered requests may still stand. */
  readonly queueSwept: boolean
}

/** The queue has to be empty for a moment; so often that is looked for. */
const SWEEP_TRIES = 20
const SWEEP_PAUSE_MILLIS = 100

const sweep = async (log: Log): Promise<boolean> => {
  for (let tries = 0; tries < SWEEP_TRIES; tries++) {
    if (await sweepQueueFiles(log)) return true
    await new Promise<void>((resolve) => setTimeout(resolve, SWEEP_PAUSE_MILLIS))
  }
  return false
}

/**
 * `before` was erased earlier: references that may be left of it are swept. `by` says who
 * asked for it, `at` when: milliseconds since 1970.
 */
export const eraseHoldings = async (
  log: Log,
  holdings: ReadonlyArray<Holdings>,
  before: ReadonlyArray<Erased>,
  by: string,
  at: number,
): Promise<ErasureResult> => {
  const progress = startProgress()
  const erased: Array<ErasedId> = []
  const already: Array<Erased> = []
  const recorder = new ErasureRecorder(log)
  for (const one of holdings) {
    progress.show(`erasing ${erased.length + already.length + 1} of ${holdings.length}`)
    const done = await eraseOne(log, recorder, one, by, at)
    if ("_tag" in done) already.push(done)
    else erased.push(done)
  }
  progress.end()
  const rows = [
    ...holdings.map((one) => ({ model: one.model, positions: positionsOf(one), until: at })),
    ...[...before, ...already].map((one) => ({ ...one, until: one.at })),
  ]
  const references = await eraseReferences(log, rows)
  return { erased, already, references, queueSwept: await sweep(log) }
}
