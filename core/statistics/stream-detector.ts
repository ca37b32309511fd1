// What every detector over a stream of single values offers: one verb, and what it says after it.

export interface StreamDetector {
  /** Takes the next value; the detector starts anew on the value after a drift. */
  readonly update: (value: number) => void
  /** Whether the last value completed a drift. */
  readonly drift: boolean
}

/** A detector of rising error rates also warns before it is sure; its values are 0 or 1 (error). */
export interface ErrorRateDetector extends StreamDetector {
  readonly warning: boolean
}

/** A running mean by West's update (1979), in river's order of operations. */
export class RunningMean {
  n = 0
  mean = 0
  update(value: number): void {
    this.n += 1
    this.mean += (1 / this.n) * (value - this.mean)
  }
  copy(): RunningMean {
    const copy = new RunningMean()
    copy.n = this.n
    copy.mean = this.mean
    return copy
  }
}
