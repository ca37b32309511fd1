// Accuracy and Brier score straight from what callers were told and what came true, without the log
// or the code that is judged by them.
import type { AnsweredPrediction } from "./outcome-senders.ts"

export interface DirectQuality {
  /** Undefined for all versions. */
  readonly version: string | undefined
  /** Positions, both included. */
  readonly from: number
  readonly to: number
  readonly rows: number
  readonly labelled: number
  readonly accuracy: number | undefined
  readonly brier: number | undefined
}

/** Of the predictions of a version in a range; those of the way "none" have no labels. */
export const direct = (
  answered: ReadonlyArray<AnsweredPrediction>,
  { version, from, to }: Pick<DirectQuality, "version" | "from" | "to">,
): DirectQuality => {
  let rows = 0
  let labelled = 0
  let right = 0
  let squares = 0
  for (const one of answered) {
    if (one.position < from || one.position > to) continue
    if (version !== undefined && one.version !== version) continue
    rows += one.truth.length
    if (one.way === "none") continue
    labelled += one.truth.length
    one.truth.forEach((label, row) => {
      if (one.predicted[row] === label) right++
      squares += ((one.positive[row] ?? Number.NaN) - label) ** 2
    })
  }
  const share = (sum: number) => (labelled === 0 ? undefined : sum / labelled)
  return { version, from, to, rows, labelled, accuracy: share(right), brier: share(squares) }
}

/** Sums in another order differ in their last bits. */
const SAME = 1e-9

const far = (a: number | undefined, b: number | undefined): boolean =>
  a === undefined || b === undefined ? a !== b : Math.abs(a - b) > SAME

export const differs = (a: DirectQuality, b: DirectQuality): boolean =>
  a.rows !== b.rows ||
  a.labelled !== b.labelled ||
  a.accuracy !== b.accuracy ||
  far(a.brier, b.brier)
