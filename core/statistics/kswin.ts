// KSWIN (Raab, Heusinger & Schleif 2020): the newest values against as many drawn from the older
// ones, by Kolmogorov-Smirnov. With the same seed it draws as river 0.26.1 does.
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts"
import { MersenneTwister } from "./mersenne-twister.ts"
import { reading, type StreamDetector } from "./stream-detector.ts"
import { StatisticUndefined } from "./undefined.ts"

export interface KswinOptions {
  readonly alpha?: number
  readonly windowSize?: number
  readonly statisticSize?: number
  readonly seed: number
}

/** A distance that is significant but no larger than this is not called a drift. */
const DISTANCE_MIN = 0.1

export class Kswin implements StreamDetector {
  drift = false
  pvalue = 0
  #window: Array<number> = []
  #random: MersenneTwister
  readonly #alpha: number
  readonly #size: number
  readonly #newest: number
  readonly #seed: number

  constructor(options: KswinOptions) {
    this.#alpha = options.alpha ?? 0.005
    this.#size = options.windowSize ?? 100
    this.#newest = options.statisticSize ?? 30
    this.#seed = options.seed
    this.#random = new MersenneTwister(this.#seed)
    if (this.#newest < 1 || this.#size < 2 * this.#newest)
      throw new StatisticUndefined({
        statistic: "KSWIN",
        reason: "the window must hold at least twice the statistic's size",
      })
  }

  update(value: number): void {
    if (this.drift) {
      this.drift = false
      this.pvalue = 0
      this.#window = []
      this.#random = new MersenneTwister(this.#seed)
    }
    this.#window.push(value)
    if (this.#window.length > this.#size) this.#window.shift()
    if (this.#window.length < this.#size) return
    const older = this.#size - this.#newest
    const drawn = this.#random.sample(older, this.#newest)
    const before = Float64Array.from(drawn, (i) => this.#window[i]!)
    const recent = Float64Array.from(this.#window.slice(older))
    const { statistic, pvalue } = kolmogorovSmirnov(before, recent)
    this.pvalue = pvalue
    this.drift = pvalue <= this.#alpha && statistic > DISTANCE_MIN
  }

  save(): ReadonlyArray<number> {
    return [Number(this.drift), this.pvalue, this.#window.length, ...this.#window]
  }

  /** What is drawn after it begins anew with the seed. */
  restore(saved: ReadonlyArray<number>): void {
    const { next, list, flag } = reading(saved)
    this.drift = flag()
    this.pvalue = next()
    this.#window = list()
    this.#random = new MersenneTwister(this.#seed)
  }
}
