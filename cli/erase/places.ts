// Where the inputs of one id lie: its fact and its outcomes in the hot log, their copies in the
// long log, and its dead letter.
import { findLetters } from "#core/log/dead-letters"
import {
  ANY_MODEL,
  findHot,
  findMatching,
  historyAt,
  scanHistory,
  type Placed,
} from "#core/log/find"
import { readRange } from "#core/log/follow"
import { historyStatus, readSource } from "#core/log/history"
import { readFromLeader } from "#core/log/read"
import type { Log } from "#core/log/log"
import { CALLER, RETRY_OF } from "#proto/headers"
import { historyOutcomeSubject } from "#proto/outcome"
import { predictionCodec } from "#proto/prediction"
import {
  DEAD_LETTERS,
  HISTORY,
  modelAndId,
  outcomeSubject,
  predictionSubject,
  PREDICTIONS,
  REQUESTS,
  requestSubject,
} from "#proto/subjects"
import { startProgress } from "../progress.ts"

/** Outcomes of one id, and models that know it. */
const OUTCOMES_MOST = 1_000
const QUEUED_MOST = 64

export interface Place {
  readonly stream: typeof PREDICTIONS | typeof HISTORY | typeof DEAD_LETTERS
  readonly sequence: number
  /** Sequence in `PREDICTIONS`; undefined for a dead letter. */
  readonly position: number | undefined
}

export interface Holdings {
  readonly id: string
  readonly model: string
  readonly places: ReadonlyArray<Place>
  /** Whether there is a failure, which may have been sent again. */
  readonly failed: boolean
  readonly retryOf: string | undefined
  readonly caller: string | undefined
}

interface Growing {
  readonly id: string
  readonly model: string
  readonly places: Array<Place>
  failed: boolean
  retryOf: string | undefined
  caller: string | undefined
}

const placeOf = ({ stream, position, message }: Placed): Place => ({
  stream,
  position,
  sequence: message.sequence,
})

/** The models in whose queue an id still waits. */
export const waitingModels = async (
  log: Log,
  id: string,
  model: string | undefined,
): Promise<ReadonlyArray<string>> => {
  const subject = requestSubject(model ?? ANY_MODEL, id)
  const found = await findMatching(log, REQUESTS, subject, QUEUED_MOST)
  return found.map((message) => modelAndId(message.subject)?.model ?? "")
}

/** What was found so far, by model and id. */
class Finds {
  readonly #found = new Map<string, Growing>()

  get all(): ReadonlyArray<Holdings> {
    return [...this.#found.values()]
  }

  add(id: string, model: string, place: Place): Growing {
    const key = `${model} ${id}`
    const known = this.#found.get(key) ?? {
      id,
      model,
      places: [],
      failed: false,
      retryOf: undefined,
      caller: undefined,
    }
    this.#found.set(key, known)
    const isNew = known.places.every(
      ({ stream, sequence }) => stream !== place.stream || sequence !== place.sequence,
    )
    if (isNew) known.places.push(place)
    return known
  }

  addPlaced(placed: Placed): void {
    const names = modelAndId(placed.subject)
    if (names === undefined) return
    const known = this.add(names.id, names.model, placeOf(placed))
    if (placed.subject !== predictionSubject(names.model, names.id)) return
    const { failure, retryOf, caller } = predictionCodec.decode(placed.message.data)
    known.failed ||= failure !== undefined
    known.retryOf ??= retryOf
    known.caller ??= caller
  }
}

/** Facts, outcomes and the copies of both; false when the hot log has none. */
const findByHotLog = async (
  log: Log,
  id: string,
  model: string,
  finds: Finds,
): Promise<boolean> => {
  const facts = await findHot(log, id, model)
  const found = await findMatching(log, PREDICTIONS, outcomeSubject(model, id), OUTCOMES_MOST)
  const outcomes = found.map((message): Placed => {
    const { sequence: position, subject } = message
    return { stream: PREDICTIONS, position, subject, message }
  })
  for (const placed of [...facts, ...outcomes]) {
    finds.addPlaced(placed)
    const copy = await historyAt(log, placed.position)
    if (copy !== undefined) finds.addPlaced(copy)
  }
  return facts.length > 0
}

/**
 * Copies of outcomes that came before their fact, which the hot log may have dropped while it still
 * holds the fact.
 */
const findOutcomeCopies = async (
  log: Log,
  ids: ReadonlySet<string>,
  model: string,
  finds: Finds,
): Promise<void> => {
  const { state } = await log.manager.streams.info(HISTORY)
  const range = { stream: HISTORY, from: Math.max(1, state.first_seq), to: state.last_seq }
  const filter = historyOutcomeSubject(model)
  for await (const { headers } of readRange(log, { ...range, filter, headersOnly: true })) {
    const source = readSource(headers)
    if (source === undefined || !ids.has(modelAndId(source.subject)?.id ?? "")) continue
    const copy = await historyAt(log, source.position)
    if (copy !== undefined) finds.addPlaced(copy)
  }
}

const findByScan = async (
  log: Log,
  ids: ReadonlySet<string>,
  options: { readonly model: string | undefined; readonly scanMost: number },
  finds: Finds,
): Promise<void> => {
  const progress = startProgress()
  const onProgress = (read: number, of: number) =>
    progress.show(`reading the long log: ${read} of ${of} facts`)
  const scan = { ids, most: options.scanMost, onProgress }
  for await (const placed of scanHistory(log, scan)) {
    const model = modelAndId(placed.subject)?.model
    if (options.model === undefined || model === options.model) finds.addPlaced(placed)
  }
  progress.end()
}

/**
 * Everything that the log holds of these ids. The copies of what the hot log holds are found by
 * their positions; the long log is read for ids whose fact the hot log does not have.
 *
 * @throws LookupFailed, UnreadableRecord.
 */
export const findHoldings = async (
  log: Log,
  ids: ReadonlySet<string>,
  options: { readonly model: string | undefined; readonly scanMost: number },
): Promise<ReadonlyArray<Holdings>> => {
  const finds = new Finds()
  const scanned = new Set<string>()
  const hot = new Set<string>()
  for (const id of ids) {
    const isHot = await findByHotLog(log, id, options.model ?? ANY_MODEL, finds)
    if (isHot) hot.add(id)
    else scanned.add(id)
    for (const found of await findLetters(log, id, options.model)) {
      const place = { stream: DEAD_LETTERS, sequence: found.sequence, position: undefined } as const
      const known = finds.add(id, found.model, place)
      known.failed = true
      if (found.kind === "unreadable") continue
      known.retryOf ??= found.letter.headers[RETRY_OF]
      known.caller ??= found.letter.headers[CALLER]
    }
  }
  if (hot.size > 0) await findOutcomeCopies(log, hot, options.model ?? ANY_MODEL, finds)
  if (scanned.size > 0) await findByScan(log, scanned, options, finds)
  return finds.all
}

const COPY_WAIT_MILLIS = 20_000
const COPY_LOOK_AGAIN_MILLIS = 50

/**
 * Resolves when the long log has copied everything that the hot log held at the time of the call;
 * false when that did not happen in time. What is erased before it is copied leaves no copy, but a
 * copy may be on its way.
 */
export const copiedSoFar = async (log: Log): Promise<boolean> => {
  const { state } = await log.manager.streams.info(PREDICTIONS)
  const deadline = performance.now() + COPY_WAIT_MILLIS
  while (performance.now() < deadline) {
    const { copiedPosition } = await historyStatus(log, 1)
    if (copiedPosition >= state.last_seq) return true
    await new Promise<void>((resolve) => setTimeout(resolve, COPY_LOOK_AGAIN_MILLIS))
  }
  return false
}

/** Whether a place still holds a message. */
export const isHeld = async (log: Log, { stream, sequence }: Place): Promise<boolean> =>
  (await readFromLeader(log, stream, { seq: sequence })) !== undefined
