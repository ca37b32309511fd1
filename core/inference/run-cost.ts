// How long a run of one model blocks a thread, learnt from the runs themselves: an average for each
// size of input, where a size is a power of two of elements. It decides nothing; the engine
// compares its estimate with a limit.

/** Weight of the newest run. */
const NEWEST_WEIGHT = 0.2
/**
 * One slow run among fast ones (a collection, a busy core) counts as at most so many times the
 * average.
 */
const OUTLIER_FACTOR = 4
/** Sizes up to 2^40 elements. */
const SIZES = 41

export interface RunCost {
  readonly observe: (elements: number, micros: number) => void
  /** Microseconds; undefined before the first run. */
  readonly estimate: (elements: number) => number | undefined
}

const sizeOf = (elements: number): number =>
  Math.min(SIZES - 1, Math.max(0, Math.ceil(Math.log2(Math.max(1, elements)))))

export const makeRunCost = (): RunCost => {
  const averages: Array<number | undefined> = Array.from({ length: SIZES }, () => undefined)
  return {
    observe: (elements, micros) => {
      const size = sizeOf(elements)
      const average = averages[size]
      averages[size] =
        average === undefined
          ? micros
          : average + NEWEST_WEIGHT * (Math.min(micros, average * OUTLIER_FACTOR) - average)
    },
    estimate: (elements) => {
      const size = sizeOf(elements)
      // A size never seen costs at most in proportion to the next smaller one, and no more than the
      // next larger one.
      let below = size
      while (below >= 0 && averages[below] === undefined) below--
      if (below === size) return averages[size]
      let above = size
      while (above < SIZES && averages[above] === undefined) above++
      const scaled = (averages[below] ?? Number.POSITIVE_INFINITY) * 2 ** (size - below)
      const estimate = Math.min(scaled, averages[above] ?? Number.POSITIVE_INFINITY)
      return Number.isFinite(estimate) ? estimate : undefined
    },
  }
}
