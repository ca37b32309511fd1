// What waits to be run, grouped so that each group can share a run. Pure bookkeeping: it takes what is there and never
// waits for more; its size is bounded by what the predictor may hold.
import { rowsOf, shapeKey } from "../core/inference/batch.ts"
import type { Signature } from "../proto/signature.ts"
import type { Work } from "./work.ts"

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
  /** Why it is not larger: it is full, nothing more was queued, or its requests cannot share a run. */
  readonly closed: "full" | "drained" | "alone"
}

interface Waiting {
  readonly chosen: ChosenVersion
  readonly works: Array<Work>
  readonly alone: boolean
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
   * The group that has waited longest, cut at the rows that its version may run at once; what is cut off goes to the end
   * of the line.
   */
  next(rowsMax: (digest: string) => number): Group | undefined {
    const [first] = this.#groups
    if (first === undefined) return undefined
    const [key, { chosen, works, alone }] = first
    const most = rowsMax(chosen.digest)
    let count = 0
    let rows = 0
    for (const work of works) {
      const more = rowsOf(work.request) ?? 1
      if (count > 0 && rows + more > most) break
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
