// Detectors of a rising error rate: DDM watches the rate, EDDM the distance between two errors.
// As river 0.26.1 has them.
import { reading, RunningMean, type ErrorRateDetector } from "./stream-detector.ts"

export interface DdmOptions {
  /** Values before the first verdict. */
  readonly warmStart?: number
  /** Standard deviations above the lowest rate seen. */
  readonly warningThreshold?: number
  readonly driftThreshold?: number
}

/** Gama et al. 2004. */
export class Ddm implements ErrorRateDetector {
  drift = false
  warning = false
  #rate = new RunningMean()
  #rateMin = 0
  #deviationMin = 0
  #sumMin = Infinity
  readonly #warmStart: number
  readonly #warningThreshold: number
  readonly #driftThreshold: number

  constructor(options: DdmOptions = {}) {
    this.#warmStart = options.warmStart ?? 30
    this.#warningThreshold = options.warningThreshold ?? 2
    this.#driftThreshold = options.driftThreshold ?? 3
  }

  update(value: number): void {
    if (this.drift) this.#reset()
    this.#rate.update(value)
    const rate = this.#rate.mean
    const deviation = Math.sqrt((rate * (1 - rate)) / this.#rate.n)
    if (this.#rate.n <= this.#warmStart) return
    const sum = rate + deviation
    if (sum <= this.#sumMin) {
      this.#rateMin = rate
      this.#deviationMin = deviation
      this.#sumMin = rate + deviation
    }
    this.drift = sum > this.#rateMin + this.#driftThreshold * this.#deviationMin
    this.warning = !this.drift && sum > this.#rateMin + this.#warningThreshold * this.#deviationMin
  }

  save(): ReadonlyArray<number> {
    const least = [this.#rateMin, this.#deviationMin, this.#sumMin]
    return [Number(this.drift), Number(this.warning), ...this.#rate.save(), ...least]
  }

  restore(saved: ReadonlyArray<number>): void {
    const { next, flag } = reading(saved)
    this.drift = flag()
    this.warning = flag()
    this.#rate = RunningMean.from(next)
    this.#rateMin = next()
    this.#deviationMin = next()
    this.#sumMin = next()
  }

  #reset(): void {
    this.drift = false
    this.warning = false
    this.#rate = new RunningMean()
    this.#sumMin = Infinity
  }
}

export interface EddmOptions {
  /** Values and errors before the first verdict. */
  readonly warmStart?: number
  /** Share of the largest distance below which it warns. */
  readonly alpha?: number
  /** Share of the largest distance below which it is a drift. */
  readonly beta?: number
}

/** Baena-García et al. 2006. A warning stands until an error says otherwise. */
export class Eddm implements ErrorRateDetector {
  drift = false
  warning = false
  #distances = new RunningMean()
  #squares = 0
  #values = 0
  #lastError = 0
  #largest = -1
  readonly #warmStart: number
  readonly #alpha: number
  readonly #beta: number

  constructor(options: EddmOptions = {}) {
    this.#warmStart = options.warmStart ?? 30
    this.#alpha = options.alpha ?? 0.95
    this.#beta = options.beta ?? 0.9
  }

  update(value: number): void {
    if (this.drift) this.#reset()
    this.#values += 1
    if (value !== 1) return
    const distance = this.#values - this.#lastError
    this.#lastError = this.#values
    const before = this.#distances.mean
    this.#distances.update(distance)
    this.#squares += (distance - before) * (distance - this.#distances.mean)
    if (this.#values <= this.#warmStart) return
    const errors = this.#distances.n
    const deviation = Math.sqrt(errors > 1 ? this.#squares / (errors - 1) : 0)
    const level = this.#distances.mean + 2 * deviation
    if (level > this.#largest) {
      this.#largest = level
      return
    }
    if (errors <= this.#warmStart) return
    const share = level / this.#largest
    // The warning is left as it is on a drift, and is forgotten with the restart that follows.
    if (share < this.#beta) this.drift = true
    else this.warning = share < this.#alpha
  }

  save(): ReadonlyArray<number> {
    const rest = [this.#squares, this.#values, this.#lastError, this.#largest]
    return [Number(this.drift), Number(this.warning), ...this.#distances.save(), ...rest]
  }

  restore(saved: ReadonlyArray<number>): void {
    const { next, flag } = reading(saved)
    this.drift = flag()
    this.warning = flag()
    this.#distances = RunningMean.from(next)
    this.#squares = next()
    this.#values = next()
    this.#lastError = next()
    this.#largest = next()
  }

  #reset(): void {
    this.drift = false
    this.warning = false
    this.#distances = new RunningMean()
    this.#squares = 0
    this.#values = 0
    this.#lastError = 0
    this.#largest = -1
  }
}
