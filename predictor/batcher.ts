// What waits to be run, grouped so that each group can share a run, and in each group by priority.
// Pure bookkeeping: it takes what is there, and lets a group wait for more only where its model is
// configured so; its size is bounded by what the predictor may hold.
import { rowsOf, shapeKey } from "../core/inference/batch.ts"
import { priorityOf, type ServingConfig } from "../proto/serving-config.ts"
import type { Signature } from "../proto/signature.ts"
import { ELEMENT_BYTES, elementCount, tensorBytes } from "../proto/tensor.ts"
import type { Work } from "./work.ts"

/**
 * Most bytes of inputs, and of outputs where the signature tells their size, in one run of several
 * requests.
 */
export const BATCH_BYTES_MAX = 32 * 1024 * 1024

/** The version that a request was given, by id and release state or by the caller's pin. */
export interface ChosenVersion {
  readonly version: string
  readonly digest: string
  readonly signature: Signature
  readonly signatureDigest: string
  /** How its model is served; absent where nothing was configured. */
  readonly config?: ServingConfig
}

export interface Group {
  readonly chosen: ChosenVersion
  readonly works: ReadonlyArray<Work>
  readonly rows: number
  /**
   * Why it is not larger: it is full, nothing more was queued, or its requests cannot share a run.
   */
  readonly closed: "full" | "drained" | "alone"
}

interface Waiting {
  readonly chosen: ChosenVersion
  /** When its first request came, milliseconds of a steady clock. */
  readonly since: number
  readonly works: Array<Work>
  readonly model: string
  /** What its requests must have in common; undefined where each runs alone. */
  readonly shape: string | undefined
}

/**
 * Rows whose outputs take `BATCH_BYTES_MAX` in all; a dimension of −1 is known only after a run.
 */
const outputRowsMax = ({ outputs }: Signature): number => {
  let rowBytes = 0
  for (const { datatype, shape } of outputs) {
    const elements = elementCount(shape.slice(1))
    if (elements > 0) rowBytes += elements * ELEMENT_BYTES[datatype]
  }
  return rowBytes === 0 ? Number.POSITIVE_INFINITY : Math.max(1, BATCH_BYTES_MAX / rowBytes)
}

/** Rows at which a group need not wait any more, and at most how many it is cut at. */
interface Sizes {
  readonly enough: number
  readonly most: number
}

/** A size that is preferred and can be filled is taken instead of all that could be. */
const sizesOf = (config: ServingConfig | undefined, limit: number, rows: number): Sizes => {
  const { maxBatchSize = 0, preferredBatchSizes = [] } = config ?? {}
  const most = maxBatchSize === 0 ? limit : Math.min(limit, maxBatchSize)
  const filled = preferredBatchSizes.findLast((size) => size <= Math.min(rows, most))
  return { enough: Math.min(preferredBatchSizes[0] ?? most, most), most: filled ?? most }
}

const rowsIn = (works: ReadonlyArray<Work>): number =>
  works.reduce((sum, { request }) => sum + (rowsOf(request) ?? 1), 0)

const MICROS_PER_MILLI = 1_000

export class Batcher {
  readonly #now: () => number
  readonly #groups = new Map<string, Waiting>()
  /** The group that was added to last: most requests join it, and need no key made for that. */
  #newest: Waiting | undefined
  #size = 0
  #loners = 0

  /** `now` is in milliseconds of a steady clock. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  get size(): number {
    return this.#size
  }

  /** How long until a group has waited enough, where all wait for more; undefined where none do. */
  get waitMillis(): number | undefined {
    if (this.#groups.size === 0) return undefined
    const now = this.#now()
    let least = Number.POSITIVE_INFINITY
    for (const waiting of this.#groups.values()) least = Math.min(least, dueAt(waiting) - now)
    return Math.max(0, least)
  }

  add(work: Work, chosen: ChosenVersion): void {
    const { config } = chosen
    const shape = config?.maxBatchSize === 0 ? undefined : shapeKey(chosen.signature, work.request)
    const levels = config?.priorityLevels
    this.#size++
    const joins = shape !== undefined || levels !== undefined
    if (!joins || !isGroupOf(this.#newest, work, chosen, shape))
      this.#newest = this.#groupFor(work, chosen, shape, joins)
    if (levels === undefined) this.#newest.works.push(work)
    else insert(this.#newest.works, work, config)
  }

  #groupFor(work: Work, chosen: ChosenVersion, shape: string | undefined, joins: boolean): Waiting {
    const { model } = work
    const key = joins ? `${model} ${chosen.version} ${shape ?? "alone"}` : `alone ${this.#loners++}`
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    const since = chosen.config?.queueDelayMicros === undefined ? 0 : this.#now()
    const made = { chosen, since, works: [], model, shape }
    this.#groups.set(key, made)
    return made
  }

  /**
   * The group that has waited longest, cut at the rows that its version may run at once and at
   * `BATCH_BYTES_MAX`; what is cut off goes to the end of the line. A group that may still wait for
   * more is passed over.
   */
  next(rowsMax: (digest: string) => number): Group | undefined {
    for (const [key, waiting] of this.#groups) {
      const { chosen } = waiting
      const limit = Math.min(rowsMax(chosen.digest), outputRowsMax(chosen.signature))
      if (chosen.config === undefined) return this.#cut(key, waiting, limit)
      const rows = rowsIn(waiting.works)
      const { enough, most } = sizesOf(chosen.config, limit, rows)
      if (rows >= enough || waiting.shape === undefined || dueAt(waiting) <= this.#now())
        return this.#cut(key, waiting, most)
    }
    return undefined
  }

  #cut(key: string, waiting: Waiting, most: number): Group {
    const { chosen, works, shape } = waiting
    const alone = shape === undefined
    let count = 0
    let rows = 0
    let bytes = 0
    for (const { request } of works) {
      const more = rowsOf(request) ?? 1
      bytes += tensorBytes(request.inputs)
      if (count > 0 && (alone || rows + more > most || bytes > BATCH_BYTES_MAX)) break
      rows += more
      count++
    }
    this.#groups.delete(key)
    this.#newest = undefined
    const rest = works.slice(count)
    // The rest has waited as long.
    if (rest.length > 0) this.#groups.set(key, { ...waiting, since: 0, works: rest })
    this.#size -= count
    const closed = alone ? "alone" : rest.length > 0 ? "full" : "drained"
    return { chosen, works: rest.length > 0 ? works.slice(0, count) : works, rows, closed }
  }

  /** Takes out everything that has not begun. */
  clear(): ReadonlyArray<Work> {
    const works = [...this.#groups.values()].flatMap((waiting) => waiting.works)
    this.#groups.clear()
    this.#newest = undefined
    this.#size = 0
    return works
  }
}

const isGroupOf = (
  group: Waiting | undefined,
  { model }: Work,
  { version }: ChosenVersion,
  shape: string | undefined,
): group is Waiting =>
  group?.shape === shape && group?.chosen.version === version && group.model === model

/** Milliseconds of the steady clock at which a group goes, however few it is. */
const dueAt = ({ since, chosen }: Waiting): number =>
  since + (chosen.config?.queueDelayMicros ?? 0) / MICROS_PER_MILLI

/** Behind the last of the same or a higher priority; 1 is the highest. */
const insert = (works: Array<Work>, work: Work, config: ServingConfig | undefined): void => {
  const placeOf = ({ request }: Work) => priorityOf(config, request.parameters?.["priority"])
  const place = placeOf(work)
  const before = works.findLastIndex((one) => placeOf(one) <= place)
  works.splice(before + 1, 0, work)
}
