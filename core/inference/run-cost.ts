// How long a run of one model blocks a thread, learnt from the runs themselves: an average for each
// size of input, where a size is a power of two of elements. It decides nothing; the engine
// compares its estimate with a limit.

/**
 * Weight of a run that was faster than the average, and of one that was slower. A busy machine
 * makes runs look slow and nothing makes them look fast: what is learnt is what a run costs, not
 * how busy the machine was.
 */
const FASTER_WEIGHT = 0.3
const SLOWER_WEIGHT = 0.05
/**
 * One slow run among fast ones (a collection, a busy core) counts as at most so many times the
 * average.
 */
const OUTLIER_FACTOR = 4
/** The first runs of a size compile and allocate: so many say little of the others. */
const FIRST_RUNS = 8
/** Sizes up to 2^40 elements. */
const SIZES = 41

export interface RunCost {
  readonly observe: (elements: number, micros: number) => void
  /** Microseconds; undefined before the first run. */
  readonly estimate: (elements: number) => number | undefined
  /** Whether runs of this size are known by more than the first few of them. */
  readonly isKnown: (elements: number) => boolean
}

const sizeOf = (elements: number): number =>
  Math.min(SIZES - 1, Math.max(0, Math.ceil(Math.log2(Math.max(1, elements)))))

export const makeRunCost = (): RunCost => {
  const averages: Array<number | undefined> = Array.from({ length: SIZES }, () => undefined)
  const runs = new Uint32Array(SIZES)
  /** A size never seen costs at most in proportion to the next smaller one. */
  const scaledFromBelow = (size: number): number => {
    let below = size - 1
    while (below >= 0 && averages[below] === undefined) below--
    return (averages[below] ?? Number.POSITIVE_INFINITY) * 2 ** (size - below)
  }
  return {
    observe: (elements, micros) => {
      const size = sizeOf(elements)
      const average = averages[size]
      runs[size] = (runs[size] ?? 0) + 1
      // The first run of a size is the slowest, too.
      if (average === undefined) averages[size] = Math.min(micros, scaledFromBelow(size))
      else {
        const weight = micros < average ? FASTER_WEIGHT : SLOWER_WEIGHT
        const counted = Math.min(micros, average * OUTLIER_FACTOR)
        averages[size] = average + weight * (counted - average)
      }
    },
    estimate: (elements) => {
      const size = sizeOf(elements)
      if (averages[size] !== undefined) return averages[size]
      // And no more than the next larger one.
      let above = size
      while (above < SIZES && averages[above] === undefined) above++
      const most = averages[above] ?? Number.POSITIVE_INFINITY
      const estimate = Math.min(scaledFromBelow(size), most)
      return Number.isFinite(estimate) ? estimate : undefined
    },
    isKnown: (elements) => (runs[sizeOf(elements)] ?? 0) >= FIRST_RUNS,
  }
}
