// What waits to be run, grouped so that each group can share a run. Pure bookkeeping: it takes what
// is there and never waits for more; its size is bounded by what the predictor may hold.
import { rowsOf, shapeKey } from "../core/inference/batch.ts"
import type { Signature } from "../proto/signature.ts"
import { ELEMENT_BYTES, elementCount } from "../proto/tensor.ts"
import { tensorBytes } from "../proto/tensor.ts"
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
  readonly works: Array<Work>
  readonly alone: boolean
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

export class Batcher {
  readonly #groups = new Map<string, Waiting>()
  #size = 0
  #loners = 0

  get size(): number {
    return this.#size
  }

  add(work: Work, chosen: ChosenVersion): void {
    const shape = shapeKey(chosen.signature, work.request)
    const key =
      shape === undefined ? `alone ${this.#loners++}` : `${work.model} ${chosen.version} ${shape}`
    const waiting = this.#groups.get(key)
    if (waiting === undefined)
      this.#groups.set(key, { chosen, works: [work], alone: shape === undefined })
    else waiting.works.push(work)
    this.#size++
  }

  /**
   * The group that has waited longest, cut at the rows that its version may run at once and at
   * `BATCH_BYTES_MAX`; what is cut off goes to the end of the line.
   */
  next(rowsMax: (digest: string) => number): Group | undefined {
    const [first] = this.#groups
    if (first === undefined) return undefined
    const [key, { chosen, works, alone }] = first
    const most = Math.min(rowsMax(chosen.digest), outputRowsMax(chosen.signature))
    let count = 0
    let rows = 0
    let bytes = 0
    for (const { request } of works) {
      const more = rowsOf(request) ?? 1
      bytes += tensorBytes(request.inputs)
      if (count > 0 && (rows + more > most || bytes > BATCH_BYTES_MAX)) break
      rows += more
      count++
    }
    this.#groups.delete(key)
    const rest = works.slice(count)
    if (rest.length > 0) this.#groups.set(key, { chosen, works: rest, alone })
    this.#size -= count
    const closed = alone ? "alone" : rest.length > 0 ? "full" : "drained"
    return { chosen, works: rest.length > 0 ? works.slice(0, count) : works, rows, closed }
  }

  /** Takes out everything that has not begun. */
  clear(): ReadonlyArray<Work> {
    const works = [...this.#groups.values()].flatMap((waiting) => waiting.works)
    this.#groups.clear()
    this.#size = 0
    return works
  }
}
