// HDDM (Frías-Blanco et al. 2015): rising error rates by Hoeffding's bound on means (A) or by
// McDiarmid's bound on exponentially weighted means (W). As river 0.26.1 has them.
import { reading, RunningMean, type ErrorRateDetector } from "./stream-detector.ts"

export interface HddmOptions {
  readonly driftConfidence?: number
  readonly warningConfidence?: number
  /** Also watches for falling rates. */
  readonly twoSided?: boolean
}

export class HddmA implements ErrorRateDetector {
  drift = false
  warning = false
  #all = new RunningMean()
  #lowest = new RunningMean()
  #highest = new RunningMean()
  readonly #driftConfidence: number
  readonly #warningConfidence: number
  readonly #twoSided: boolean

  constructor(options: HddmOptions = {}) {
    this.#driftConfidence = options.driftConfidence ?? 0.001
    this.#warningConfidence = options.warningConfidence ?? 0.005
    this.#twoSided = options.twoSided ?? false
  }

  update(value: number): void {
    if (this.drift) this.#reset()
    this.#all.update(value)
    if (this.#lowest.n === 0) this.#lowest = this.#all.copy()
    if (this.#highest.n === 0) this.#highest = this.#all.copy()
    const bound = this.#bound(this.#all.n)
    if (this.#lowest.mean + this.#bound(this.#lowest.n) >= this.#all.mean + bound)
      this.#lowest = this.#all.copy()
    if (this.#highest.mean - this.#bound(this.#highest.n) <= this.#all.mean - bound)
      this.#highest = this.#all.copy()
    this.drift = this.#moved(this.#lowest, 1, this.#driftConfidence)
    this.warning = !this.drift && this.#moved(this.#lowest, 1, this.#warningConfidence)
    if (!this.#twoSided) return
    if (this.#moved(this.#highest, -1, this.#driftConfidence)) this.drift = true
    else if (this.#moved(this.#highest, -1, this.#warningConfidence)) this.warning = true
  }

  #bound(n: number): number {
    return Math.sqrt((1 / (2 * n)) * Math.log(1 / this.#driftConfidence))
  }

  #moved(cut: RunningMean, direction: 1 | -1, confidence: number): boolean {
    if (cut.n === this.#all.n) return false
    const m = ((this.#all.n - cut.n) / cut.n) * (1 / this.#all.n)
    const epsilon = Math.sqrt((m / 2) * Math.log(2 / confidence))
    return direction * (this.#all.mean - cut.mean) >= epsilon
  }

  save(): ReadonlyArray<number> {
    const means = [this.#all, this.#lowest, this.#highest].flatMap((mean) => mean.save())
    return [Number(this.drift), Number(this.warning), ...means]
  }

  restore(saved: ReadonlyArray<number>): void {
    const { next, flag } = reading(saved)
    this.drift = flag()
    this.warning = flag()
    this.#all = RunningMean.from(next)
    this.#lowest = RunningMean.from(next)
    this.#highest = RunningMean.from(next)
  }

  #reset(): void {
    this.drift = false
    this.warning = false
    this.#all = new RunningMean()
    this.#lowest = new RunningMean()
    this.#highest = new RunningMean()
  }
}

export interface HddmWOptions extends HddmOptions {
  /** Weight of the newest value, 0 to 1. */
  readonly lambda?: number
}

/** An exponentially weighted mean with its independent bounded condition. */
interface Weighted {
  readonly mean: number
  readonly bound: number
  readonly begun: boolean
}

const NOTHING: Weighted = { mean: 0, bound: 1, begun: false }

export class HddmW implements ErrorRateDetector {
  drift = false
  warning = false
  #all = NOTHING
  #beforeRise = NOTHING
  #afterRise = NOTHING
  #beforeFall = NOTHING
  #afterFall = NOTHING
  #riseCut = Infinity
  #fallCut = -Infinity
  readonly #driftConfidence: number
  readonly #warningConfidence: number
  readonly #twoSided: boolean
  readonly #lambda: number

  constructor(options: HddmWOptions = {}) {
    this.#driftConfidence = options.driftConfidence ?? 0.001
    this.#warningConfidence = options.warningConfidence ?? 0.005
    this.#twoSided = options.twoSided ?? false
    this.#lambda = options.lambda ?? 0.05
  }

  update(value: number): void {
    if (this.drift) this.#reset()
    this.#all = this.#add(this.#all, value)
    const epsilon = this.#epsilon(this.#all.bound, this.#driftConfidence)
    if (this.#all.mean + epsilon < this.#riseCut) {
      this.#riseCut = this.#all.mean + epsilon
      this.#beforeRise = this.#all
      this.#afterRise = NOTHING
    } else this.#afterRise = this.#add(this.#afterRise, value)
    if (this.#all.mean - epsilon > this.#fallCut) {
      this.#fallCut = this.#all.mean - epsilon
      this.#beforeFall = this.#all
      this.#afterFall = NOTHING
    } else this.#afterFall = this.#add(this.#afterFall, value)
    this.drift = this.#above(this.#afterRise, this.#beforeRise, this.#driftConfidence)
    this.warning =
      !this.drift && this.#above(this.#afterRise, this.#beforeRise, this.#warningConfidence)
    if (!this.#twoSided) return
    if (this.#above(this.#beforeFall, this.#afterFall, this.#driftConfidence)) this.drift = true
    else if (this.#above(this.#beforeFall, this.#afterFall, this.#warningConfidence))
      this.warning = true
  }

  #add({ mean, bound, begun }: Weighted, value: number): Weighted {
    const lambda = this.#lambda
    return {
      mean: begun ? lambda * value + (1 - lambda) * mean : value,
      bound: lambda * lambda + (1 - lambda) ** 2 * bound,
      begun: true,
    }
  }

  #epsilon(bound: number, confidence: number): number {
    return Math.sqrt((bound * Math.log(1 / confidence)) / 2)
  }

  #above(higher: Weighted, lower: Weighted, confidence: number): boolean {
    if (!higher.begun || !lower.begun) return false
    return higher.mean - lower.mean > this.#epsilon(higher.bound + lower.bound, confidence)
  }

  save(): ReadonlyArray<number> {
    const samples = [
      this.#all,
      this.#beforeRise,
      this.#afterRise,
      this.#beforeFall,
      this.#afterFall,
    ]
    const means = samples.flatMap(({ mean, bound, begun }) => [mean, bound, Number(begun)])
    return [Number(this.drift), Number(this.warning), this.#riseCut, this.#fallCut, ...means]
  }

  restore(saved: ReadonlyArray<number>): void {
    const { next, flag } = reading(saved)
    const weighted = (): Weighted => ({ mean: next(), bound: next(), begun: flag() })
    this.drift = flag()
    this.warning = flag()
    this.#riseCut = next()
    this.#fallCut = next()
    this.#all = weighted()
    this.#beforeRise = weighted()
    this.#afterRise = weighted()
    this.#beforeFall = weighted()
    this.#afterFall = weighted()
  }

  #reset(): void {
    this.drift = false
    this.warning = false
    this.#all = NOTHING
    this.#beforeRise = NOTHING
    this.#afterRise = NOTHING
    this.#beforeFall = NOTHING
    this.#afterFall = NOTHING
    this.#riseCut = Infinity
    this.#fallCut = -Infinity
  }
}
