// What every detector over a stream of single values offers: one verb, and what it says after it.

export interface StreamDetector {
  /** Takes the next value; the detector starts anew on the value after a drift. */
  readonly update: (value: number) => void
  /** Whether the last value completed a drift. */
  readonly drift: boolean
  /** All that it remembers; infinities are among it. */
  readonly save: () => ReadonlyArray<number>
  /** Goes on from what a detector with the same options saved, as if it had never stopped. */
  readonly restore: (saved: ReadonlyArray<number>) => void
}

/** A detector of rising error rates also warns before it is sure; its values are 0 or 1 (error). */
export interface ErrorRateDetector extends StreamDetector {
  readonly warning: boolean
}

/** The saved numbers one after the other, 0 where there are no more. */
export const reading = (saved: ReadonlyArray<number>) => {
  let at = 0
  const next = (): number => saved[at++] ?? 0
  const list = (): Array<number> => Array.from({ length: next() }, next)
  return { next, list, flag: () => next() === 1 }
}

/** A running mean by West's update (1979), in river's order of operations. */
export class RunningMean {
  n = 0
  mean = 0
  update(value: number): void {
    this.n += 1
    this.mean += (1 / this.n) * (value - this.mean)
  }
  save(): ReadonlyArray<number> {
    return [this.n, this.mean]
  }
  static from(next: () => number): RunningMean {
    const read = new RunningMean()
    read.n = next()
    read.mean = next()
    return read
  }
  copy(): RunningMean {
    const copy = new RunningMean()
    copy.n = this.n
    copy.mean = this.mean
    return copy
  }
}
